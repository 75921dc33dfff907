"""Registration, tokens and accounts, as a client sees them."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from api.tokens import token_key
from tests.builders import DESK, PASSWORD, Api, Desk, a_mail

ANNA = {"username": "anna", "email": "anna@customer.example", "password": PASSWORD}


async def test_registration_gives_exactly_the_documented_object(desk: Desk) -> None:
    user = await desk.nobody.call("POST", "/auth/users/", ANNA, status=201)
    assert user == {
        "id": user["id"],
        "username": "anna",
        "email": "anna@customer.example",
        "is_active": True,
        "tickets": [],
    }
    me = await (await desk.sign_in("anna")).call("GET", "/auth/users/me")
    assert me == user


async def test_registration_ignores_unknown_keys_and_they_grant_nothing(desk: Desk) -> None:
    extra = {"is_staff": True, "is_admin": True, "id": 1, "owns_address": True, "role": "admin", "is_active": False}
    await desk.nobody.call("POST", "/auth/users", {**ANNA, **extra}, status=201)
    anna = await desk.sign_in("anna")
    await anna.call("GET", "/admin/users", status=403)
    await anna.call("GET", "/api/intake", status=403)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "anna\n"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": None}, "username"),
        ({"username": 5}, "username"),
        ({"email": "anna"}, "email"),
        ({"email": "Anna <anna@customer.example>"}, "email"),
        ({"email": "a@b@customer.example"}, "email"),
        ({"email": "anna@customer.example\r\nBcc: x@y"}, "email"),
        ({"email": ".anna@customer.example"}, "email"),
        ({"email": "x" * 250 + "@y.example"}, "email"),
        ({"email": DESK}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "PASSWORD123"}, "password"),
        ({"password": "anna@customer.example"}, "password"),
        ({"password": "annaannaanna", "username": "annaannaanna"}, "password"),
        ({"password": "aaaaaaaaaaaa"}, "password"),
        ({"password": ["a", "list"]}, "password"),
    ],
)
async def test_a_mistake_names_its_field(desk: Desk, change: dict[str, Any], field: str) -> None:
    answer = await desk.nobody.call("POST", "/auth/users/", {**ANNA, **change}, status=400)
    assert list(answer) == [field]
    assert all(isinstance(words, str) and words for words in answer[field])


async def test_all_mistakes_are_told_at_once(desk: Desk) -> None:
    answer = await desk.nobody.call("POST", "/auth/users/", {"username": "a b"}, status=400)
    assert set(answer) == {"username", "email", "password"}
    assert answer["email"] == ["This field is required."]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"email": "other@customer.example", "username": "ANNA"}, {"username"}),
        ({"username": "other", "email": "ANNA@customer.EXAMPLE"}, {"email"}),
        ({}, {"username", "email"}),
    ],
)
async def test_names_and_addresses_are_unique_without_regard_to_case(
    desk: Desk, change: dict[str, str], fields: set[str]
) -> None:
    await desk.nobody.call("POST", "/auth/users/", ANNA, status=201)
    assert set(await desk.nobody.call("POST", "/auth/users/", {**ANNA, **change}, status=400)) == fields


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"null", "application/json", 400),
        (b'{"username": "\\ud800", "password": "x"}', "application/json", 400),
        (b'{"username": "\xff", "password": "x"}', "application/json", 400),
        (b"[" * 200_000, "application/json", 400),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "application/json", 400),
        (b'{"username": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b'{"username": NaN}', "application/json", 400),
        (b"username=a&password=b", "application/x-www-form-urlencoded", 415),
        (b'{"x": "' + b"y" * (1 << 20) + b'"}', "application/json", 413),
    ],
)
async def test_a_body_that_is_none_is_the_clients_mistake(
    desk: Desk, body: bytes, content_type: str, status: int
) -> None:
    answer = await desk.nobody.call(
        "POST", "/auth/jwt/create/", data=io.BytesIO(body), headers={"Content-Type": content_type}, status=status
    )
    assert answer


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_compressed_as_it_says_is_the_clients_mistake(desk: Desk, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    await desk.nobody.call("POST", "/auth/jwt/create/", data=io.BytesIO(b"junk"), headers=headers, status=400)


@pytest.mark.parametrize("name", ["a\x00b", "e" + "\u0301\u0323" * 100_000, "x" * 151, "a b", ""])
async def test_a_name_that_cannot_be_one_answers_like_any_unknown_one(desk: Desk, name: str) -> None:
    started = time.process_time()
    body = io.BytesIO(json.dumps({"username": name, "password": "x"}, ensure_ascii=False).encode())
    answer = await desk.nobody.call(
        "POST", "/auth/jwt/create/", data=body, headers={"Content-Type": "application/json"}, status=401
    )
    assert answer == await desk.nobody.call(
        "POST", "/auth/jwt/create/", {"username": "nobody", "password": "x"}, status=401
    )
    assert time.process_time() - started < 3


async def test_tokens_are_given_refreshed_and_verified(desk: Desk) -> None:
    await desk.nobody.call("POST", "/auth/users/", ANNA, status=201)
    credentials = {"username": "Anna", "password": PASSWORD}
    pair = await desk.nobody.call("POST", "/auth/jwt/create/", credentials)
    assert set(pair) == {"refresh", "access"}
    lives = {
        name: claims["exp"] - claims["iat"]
        for name, token in pair.items()
        if (claims := jwt.decode(token, options={"verify_signature": False}))
    }
    assert lives == {"access": 600, "refresh": 7 * 86400}
    assert await desk.nobody.call("POST", "/auth/jwt/verify/", {"token": pair["access"]}) == {}
    assert await desk.nobody.call("POST", "/auth/jwt/verify/", {"token": pair["refresh"]}) == {}
    for scheme in ("Bearer", "JWT", "bearer"):
        await desk.nobody.call("GET", "/auth/users/me", headers={"Authorization": f"{scheme} {pair['access']}"})
    second = await desk.nobody.call("POST", "/auth/jwt/refresh/", {"refresh": pair["refresh"]})
    assert second["refresh"] != pair["refresh"]
    assert set(second) == {"refresh", "access"}
    await desk.nobody.call("POST", "/auth/jwt/verify/", {"token": pair["refresh"]}, status=401)
    await Api(desk.session, pair["access"]).call("GET", "/auth/users/me")


async def test_a_refresh_token_used_twice_ends_the_whole_family(desk: Desk) -> None:
    await desk.nobody.call("POST", "/auth/users/", ANNA, status=201)
    credentials = {"username": "anna", "password": PASSWORD}
    first = await desk.nobody.call("POST", "/auth/jwt/create/", credentials)
    other_login = await desk.nobody.call("POST", "/auth/jwt/create/", credentials)
    second = await desk.nobody.call("POST", "/auth/jwt/refresh/", {"refresh": first["refresh"]})
    await desk.nobody.call("POST", "/auth/jwt/refresh/", {"refresh": first["refresh"]}, status=401)
    await desk.nobody.call("POST", "/auth/jwt/refresh/", {"refresh": second["refresh"]}, status=401)
    await Api(desk.session, second["access"]).call("GET", "/auth/users/me", status=401)
    await desk.nobody.call("POST", "/auth/jwt/refresh/", {"refresh": other_login["refresh"]})


async def test_of_many_refreshes_at_once_one_works(desk: Desk) -> None:
    await desk.nobody.call("POST", "/auth/users/", ANNA, status=201)
    pair = await desk.nobody.call("POST", "/auth/jwt/create/", {"username": "anna", "password": PASSWORD})

    async def refresh() -> int:
        async with desk.nobody.response("POST", "/auth/jwt/refresh/", {"refresh": pair["refresh"]}) as response:
            return int(response.status)

    assert sorted(await asyncio.gather(*(refresh() for _ in range(8)))) == [200] + [401] * 7


async def test_wrong_pair_unknown_user_and_mail_made_person_answer_alike(desk: Desk) -> None:
    await desk.nobody.call("POST", "/auth/users/", ANNA, status=201)
    await desk.send(a_mail())
    answers = {
        str(await desk.nobody.call("POST", "/auth/jwt/create/", body, status=401))
        for body in (
            {"username": "anna", "password": "not the password"},
            {"username": "nobody", "password": PASSWORD},
            {"username": "maria@customer.example", "password": PASSWORD},
            {"username": "anna", "password": "x" * 100_000},
            {"username": "", "password": ""},
        )
    }
    assert len(answers) == 1


def _forged(desk: Desk, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    claims = {
        "token_type": "access",
        "sub": "1",
        "login": 1,
        "jti": "x",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "aud": "helpdesk",
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


async def test_no_other_token_opens_the_door(desk: Desk) -> None:
    staff = await desk.staff()
    key = token_key(desk.gateway.settings.secret_key)
    past = int((datetime.now(UTC) - timedelta(seconds=61)).timestamp())
    genuine = jwt.encode(_forged(desk), key, "HS256")
    await Api(desk.session, genuine).call("GET", "/auth/users/me")  # the forgery itself works, so each change counts
    head, body, signature = staff.token.split(".")
    tokens = [
        "",
        "x",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-2]}AA",
        jwt.encode(_forged(desk), None, "none"),
        jwt.encode(_forged(desk), "y" * 32, "HS256"),
        jwt.encode(_forged(desk), key + b"0" * 32, "HS512"),
        jwt.encode(_forged(desk, exp=past), key, "HS256"),
        jwt.encode(_forged(desk, exp=None), key, "HS256"),
        jwt.encode(_forged(desk, aud="other"), key, "HS256"),
        jwt.encode(_forged(desk, aud=None), key, "HS256"),
        jwt.encode(_forged(desk, token_type="refresh"), key, "HS256"),
        jwt.encode(_forged(desk, login=99), key, "HS256"),
        jwt.encode(_forged(desk, sub="99"), key, "HS256"),
        jwt.encode(_forged(desk), key, "HS256", headers={"crit": ["x"], "x": 1}),
        jwt.encode(_forged(desk), key, "HS256", headers={"kid": "../../etc/passwd"})[:-1],
    ]
    answers = set()
    for token in tokens:
        answers.add(str(await Api(desk.session, token or "-").call("GET", "/auth/users/me", status=401)))
    assert len(answers) == 1
    for header in ({}, {"Authorization": staff.token}, {"Authorization": f"Basic {staff.token}"}):
        await desk.nobody.call("GET", "/auth/users/me", headers=header, status=401)
    await desk.nobody.call("GET", f"/auth/users/me?token={staff.token}&access_token={staff.token}", status=401)


async def test_an_account_is_for_its_user_and_staff(desk: Desk) -> None:
    staff, anna, bert = await desk.staff(), await desk.register("anna"), await desk.register("bert")
    await anna.call("POST", "/api/ticket", {"message": "one"}, status=201)
    newest = await anna.call("POST", "/api/ticket", {"message": "two"}, status=201)
    for who in (anna, staff):
        user = await who.call("GET", f"/auth/users/{anna.id}")
        assert user["tickets"][0] == f"http://localhost:8000/api/ticket/{newest['id']}"
        assert len(user["tickets"]) == 2
    await bert.call("GET", f"/auth/users/{anna.id}", status=404)
    await bert.call("GET", "/auth/users/999", status=404)
    await bert.call("GET", "/auth/users/99999999999999999999999999", status=404)
    await desk.nobody.call("GET", f"/auth/users/{anna.id}", status=401)


@pytest.mark.settings(HELPDESK_LOGIN_LIMIT="3/15m")
async def test_failed_logins_are_limited_per_account_and_good_ones_are_not(desk: Desk) -> None:
    await desk.register("anna")
    for _ in range(5):
        await desk.sign_in("anna")
    wrong = {"username": "anna", "password": "not the password"}
    for _ in range(3):
        await desk.nobody.call("POST", "/auth/jwt/create/", wrong, status=401)
    async with desk.nobody.response("POST", "/auth/jwt/create/", wrong) as response:
        assert response.status == 429
        assert 0 < int(response.headers["Retry-After"]) <= 900
    await desk.nobody.call("POST", "/auth/jwt/create/", {**wrong, "username": "ANNA"}, status=429)
    await desk.nobody.call("POST", "/auth/jwt/create/", {**wrong, "username": "bert"}, status=401)


@pytest.mark.settings(HELPDESK_REGISTER_LIMIT="2/h", HELPDESK_TRUSTED_PROXIES="127.0.0.1")
async def test_registrations_are_limited_per_client_as_a_trusted_proxy_names_it(desk: Desk) -> None:
    async def register(name: str, forwarded: str, status: int) -> None:
        body = {**ANNA, "username": name, "email": f"{name}@customer.example"}
        await desk.nobody.call("POST", "/auth/users/", body, status=status, headers={"X-Forwarded-For": forwarded})

    await register("a1", "192.0.2.1", 201)
    await register("a2", "198.51.100.7, 192.0.2.1", 201)
    await register("a3", "10.9.9.9, 192.0.2.1", 429)
    await register("a4", "192.0.2.2", 201)


@pytest.mark.settings(HELPDESK_REGISTER_LIMIT="1/h")
async def test_nobody_chooses_his_address_himself(desk: Desk) -> None:
    await desk.register("anna")
    body = {**ANNA, "username": "bert", "email": "bert@customer.example"}
    await desk.nobody.call("POST", "/auth/users/", body, status=429, headers={"X-Forwarded-For": "192.0.2.9"})


@pytest.mark.settings(HELPDESK_API_LIMIT="5/m")
async def test_requests_are_limited_per_user(desk: Desk) -> None:
    anna, bert = await desk.register("anna"), await desk.register("bert")
    for _ in range(5):
        await anna.call("GET", "/api/ticket")
    await anna.call("GET", "/api/ticket", status=429)
    await bert.call("GET", "/api/ticket")


async def _link(desk: Desk, address: str, count: int) -> str:
    mail = await desk.relay.mail_to(address, count)
    found = re.search(r"http://localhost:8000(/auth/confirm/\S+)", mail.get_content())
    assert found, mail.get_content()
    return found[1]


async def test_registering_an_address_that_has_written_shows_nothing_until_its_link_was_opened(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    maria = await desk.register("maria", "Maria@Customer.example")
    assert await maria.call("GET", "/api/ticket") == []
    await maria.call("GET", f"/api/ticket/{ticket['id']}", status=404)
    assert (await maria.call("GET", "/auth/users/me"))["tickets"] == []

    # Mail from an address that the account merely claims lands in nobody's account.
    await desk.send(a_mail(name="bee", subject=f"[#{ticket['id']}]", text="still there?"))
    assert (await desk.ledger(staff))[0]["ticket"] == ticket["id"]
    assert await maria.call("GET", "/api/ticket") == []

    link = await _link(desk, "Maria@Customer.example", 1)
    for broken in (link[:-1], link + "0", link.replace("-", "-1", 1), "/auth/confirm/x", "/auth/confirm/1-2-3"):
        await desk.nobody.call("GET", broken, status=404)
    assert await maria.call("GET", "/api/ticket") == []
    await desk.nobody.call("GET", link)
    assert [entry["id"] for entry in await maria.call("GET", "/api/ticket")] == [ticket["id"]]
    await desk.nobody.call("GET", link)  # opened twice, it changes nothing

    # What was mailed to the person before still brings her replies home, and new mail is the account's.
    address = (await desk.relay.mail_to("maria@customer.example"))["Reply-To"].addresses[0].addr_spec
    await desk.send(a_mail(name="cat", to=address, text="to the old token"), to=address)
    await desk.send(a_mail(name="dog", subject="A new thing"))
    newest, answer = (await desk.ledger(staff))[:2]
    assert (answer["outcome"], answer["ticket"]) == ("answer", ticket["id"])
    assert len(await maria.call("GET", "/api/ticket")) == 2
    assert (await maria.call("GET", f"/api/ticket/{newest['ticket']}"))["from_user"] == "maria"


async def test_an_account_that_merely_claims_an_address_gets_none_of_its_mail(desk: Desk) -> None:
    staff = await desk.staff()
    eve = await desk.register("eve", "maria@customer.example")
    bait = await eve.call("POST", "/api/ticket", {"message": "bait"}, status=201)
    assert desk.relay.deliveries_to("maria@customer.example") == []
    await desk.send(a_mail(name="ant", text="my secret"))
    await desk.send(a_mail(name="bee", subject=f"[#{bait['id']}]", text="my secret"))
    assert [entry["id"] for entry in await eve.call("GET", "/api/ticket")] == [bait["id"]]
    assert (await eve.call("GET", f"/api/ticket/{bait['id']}"))["answers"] == []
    # The owner of the address is offered the link, once; opened by her, the account has shown that it is hers.
    link = await _link(desk, "maria@customer.example", 1)
    await desk.nobody.call("GET", link)
    assert len(await eve.call("GET", "/api/ticket")) == 3
    kinds = [entry["kind"] for entry in await staff.call("GET", "/api/outbox")]
    assert kinds.count("confirm") == 1


async def test_a_registered_customer_answers_his_notification_by_mail(desk: Desk) -> None:
    staff = await desk.staff()
    anna = await desk.register("anna")
    ticket = await anna.call("POST", "/api/ticket", {"message": "Some message\n\nin two parts"}, status=201)
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "one\ntwo"}, status=201)
    mail = await desk.relay.mail_to("anna@customer.example")
    assert mail["Subject"] == f"Re: Some message in two parts [#{ticket['id']}]"
    text = mail.get_content().replace("\r\n", "\n")
    assert "\n\n\tSome message\n\t\n\tin two parts\n---" in text
    assert "\n\n\tone\n\ttwo\n___" in text
    address = mail["Reply-To"].addresses[0].addr_spec
    await desk.send(
        a_mail(sender="anna@customer.example", name="ant", to=address, text="thanks"),
        sender="anna@customer.example",
        to=address,
    )
    url = (await anna.call("GET", f"/api/ticket/{ticket['id']}"))["answers"][0]
    answer = await anna.call("GET", url.removeprefix("http://localhost:8000"))
    assert (answer["from_user"], answer["message"]) == ("anna", "thanks")
