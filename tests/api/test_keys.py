"""API keys: made, listed and revoked by administrators; good for handing mail over and for nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.routes import ROUTES
from gateway.schema import api_keys
from tests.api.test_intake import post_mail
from tests.builders import Api, Desk, a_mail


async def new_key(desk: Desk, admin: Api, name: str = "Mailgun") -> tuple[int, Api]:
    """A key, and a program that shows it."""
    made = await admin.call("POST", "/admin/keys", {"name": name}, status=201)
    return made["id"], Api(desk.session, made["key"])


async def stored_keys(desk: Desk) -> list[Any]:
    return await desk.gateway.database.read(_all)


async def _all(connection: Any) -> list[Any]:
    return list(await connection.execute(select(api_keys)))


async def test_a_key_is_shown_once_and_stored_as_its_hash(desk: Desk) -> None:
    admin = await desk.staff()
    made = await admin.call("POST", "/admin/keys", {"name": " Mail\x07gun\n web hook ", "id": 7}, status=201)
    assert set(made) == {"id", "name", "key", "created_at"}
    assert made["name"] == "Mailgun web hook"
    prefix, key_id, secret = made["key"].split("_", 2)
    assert (prefix, key_id, len(secret)) == ("hdk", str(made["id"]), 43)
    [listed] = await admin.call("GET", "/admin/keys")
    assert listed == {
        "id": made["id"],
        "name": "Mailgun web hook",
        "created_at": made["created_at"],
        "last_used_at": None,
        "revoked_at": None,
    }
    [row] = await stored_keys(desk)
    assert row.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row)


async def test_only_administrators_handle_keys_and_names_are_checked(desk: Desk) -> None:
    admin, anna = await desk.staff(), await desk.register("anna")
    await admin.call("POST", f"/admin/users/{anna.id}/staff", {"is_staff": True})
    key_id, _ = await new_key(desk, admin)
    for who, status in ((anna, 403), (desk.nobody, 401)):
        await who.call("POST", "/admin/keys", {"name": "mine"}, status=status)
        await who.call("GET", "/admin/keys", status=status)
        await who.call("DELETE", f"/admin/keys/{key_id}", status=status)
    for wrong in ({}, {"name": ""}, {"name": " "}, {"name": "\x00\x01"}, {"name": 1}, {"name": "x" * 101}):
        assert list(await admin.call("POST", "/admin/keys", wrong, status=400)) == ["name"]
    await admin.call("DELETE", "/admin/keys/999", status=404)
    await admin.call("DELETE", f"/admin/keys/{'9' * 30}", status=404)


async def test_a_mail_by_key_is_taken_and_trusted_no_more_than_any(desk: Desk) -> None:
    admin = await desk.staff()
    _, hook = await new_key(desk, admin)
    row = await post_mail(hook, a_mail())
    assert (row["source"], row["outcome"]) == ("http", "ticket")
    assert await post_mail(hook, a_mail(), 200) == row, "known already"
    await post_mail(hook, b"", 400)
    await post_mail(hook, a_mail(), 415, {"Content-Type": "text/plain"})
    delivery = (await desk.ledger(admin))[-1]
    assert delivery["trust"] == "unverified"


async def test_a_key_opens_nothing_else(desk: Desk) -> None:
    admin = await desk.staff()
    _, hook = await new_key(desk, admin)
    for route in ROUTES:
        if route.who.name != "ANYONE" and route.path != "/api/mail":
            await hook.call(route.method, route.path.replace("{id}", "1"), status=403)
    # Where nobody is asked who he is, a key is no hindrance.
    await hook.call("GET", "/health")


async def test_a_wrong_or_revoked_key_is_no_key(desk: Desk) -> None:
    admin = await desk.staff()
    key_id, hook = await new_key(desk, admin)
    other_id, other = await new_key(desk, admin, "other")
    good, secret = hook.token, hook.token.split("_", 2)[2]
    for wrong in (
        good[:-1],
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good + "a",
        good.upper(),
        f"hdk_{other_id}_{secret}",
        f"hdk_999_{secret}",
        f"hdk_{'9' * 18}_{secret}",
        f"hdk_0{key_id}_{secret}",
        f"hdk_{key_id}_",
        "hdk_",
        f"hdk_{key_id}_{hashlib.sha256(secret.encode()).hexdigest()}",
    ):
        await post_mail(Api(desk.session, wrong), a_mail(), 401)
    # It is no access token under the other scheme, and nothing in an address.
    headers = {"Content-Type": "message/rfc822", "Authorization": f"JWT {good}"}
    await post_mail(desk.nobody, a_mail(), 401, headers)
    await desk.nobody.call("POST", f"/api/mail?token={good}", data=a_mail(), status=401)

    await post_mail(hook, a_mail())
    async with admin.response("DELETE", f"/admin/keys/{key_id}") as response:
        assert (response.status, await response.read()) == (204, b"")
    await post_mail(hook, a_mail(name="bee"), 401)
    await hook.call("GET", "/api/intake", status=401)
    await post_mail(other, a_mail(name="bee"))
    since = {key["id"]: key["revoked_at"] for key in await admin.call("GET", "/admin/keys")}
    assert since[key_id]
    assert since[other_id] is None
    await admin.call("DELETE", f"/admin/keys/{key_id}", status=204)
    assert {key["id"]: key["revoked_at"] for key in await admin.call("GET", "/admin/keys")} == since


async def test_the_last_use_is_noted_once_a_minute(desk: Desk) -> None:
    admin = await desk.staff()
    _, hook = await new_key(desk, admin)
    await asyncio.gather(*(post_mail(hook, a_mail(name=f"ant{number}")) for number in range(5)))
    [first] = await admin.call("GET", "/admin/keys")
    assert first["last_used_at"] >= first["created_at"]
    await post_mail(hook, a_mail(name="bee"))
    assert await admin.call("GET", "/admin/keys") == [first]

    async def age(connection: Any) -> None:
        await connection.execute(
            api_keys.update().values(last_used_at=desk.now() - timedelta(minutes=1)),
        )

    await desk.gateway.database.write(age)
    [[aged]] = [await stored_keys(desk)]
    await post_mail(hook, a_mail(name="cat"))
    [[used]] = [await stored_keys(desk)]
    assert used.last_used_at > aged.last_used_at


@pytest.mark.settings(HELPDESK_API_LIMIT="3/d")
async def test_a_key_has_the_limit_of_a_user(desk: Desk) -> None:
    admin = await desk.staff()
    _, hook = await new_key(desk, admin)
    for number in range(3):
        await post_mail(hook, a_mail(name=f"ant{number}"))
    await post_mail(hook, a_mail(name="bee"), 429)


async def test_no_key_is_ever_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    admin = await desk.staff()
    key_id, hook = await new_key(desk, admin)
    await post_mail(hook, a_mail())
    await post_mail(Api(desk.session, hook.token[:-1]), a_mail(), 401)
    await admin.call("DELETE", f"/admin/keys/{key_id}", status=204)
    assert hook.token.split("_", 2)[2][:-1] not in caplog.text
