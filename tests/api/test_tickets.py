"""Tickets, answers and statuses: the objects and errors of the contract, to the letter."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.builders import PATIENCE_SECONDS, Desk, a_mail

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


async def test_the_documented_story_of_a_ticket(desk: Desk) -> None:
    staff, anna = await desk.staff(), await desk.register("anna")
    ticket = await anna.call("POST", "/api/ticket", {"message": "Some message like FOO BAR BIZ"}, status=201)
    assert INSTANT.fullmatch(ticket["created_at"])
    assert ticket == {
        "id": ticket["id"],
        "from_user_id": anna.id,
        "from_user": "anna",
        "message": "Some message like FOO BAR BIZ",
        "status": "u",
        "changed_status": None,
        "answers": [],
        "created_at": ticket["created_at"],
    }
    path = f"/api/ticket/{ticket['id']}"
    first = await staff.call("POST", f"{path}/answer", {"message": "answer message"}, status=201)
    assert first == {"id": first["id"], "message": "answer message"}
    second = await anna.call("POST", f"{path}/answer/", {"message": "thanks"}, status=201)
    answer = await anna.call("GET", f"/api/comment/{first['id']}")
    assert INSTANT.fullmatch(answer["answered_at"])
    assert answer == {
        "id": first["id"],
        "from_user_id": staff.id,
        "from_user": "olga",
        "to_ticket": f"http://localhost:8000{path}",
        "message": "answer message",
        "answered_at": answer["answered_at"],
    }
    # No answer changes a status; staff do.
    assert (await anna.call("GET", path))["status"] == "u"
    changed = await staff.call("POST", f"{path}/set_status", {"status": "c"})
    assert changed == {"status": "c", "changed_status": staff.id}
    assert await anna.call("GET", path) == {
        **ticket,
        "status": "c",
        "changed_status": staff.id,
        "answers": [f"http://localhost:8000/api/comment/{number}" for number in (second["id"], first["id"])],
    }


async def test_customers_see_their_own_and_staff_see_all(desk: Desk) -> None:
    staff, anna, bert = await desk.staff(), await desk.register("anna"), await desk.register("bert")
    hers = await anna.call("POST", "/api/ticket", {"message": "hers"}, status=201)
    his = await bert.call("POST", "/api/ticket", {"message": "his"}, status=201)
    answer = await anna.call("POST", f"/api/ticket/{hers['id']}/answer", {"message": "x"}, status=201)
    assert [entry["id"] for entry in await anna.call("GET", "/api/ticket")] == [hers["id"]]
    assert [entry["id"] for entry in await staff.call("GET", "/api/ticket/")] == [his["id"], hers["id"]]
    for path in (f"/api/ticket/{hers['id']}", f"/api/comment/{answer['id']}", f"/api/ticket/{hers['id']}/messages"):
        foreign = await bert.call("GET", path, status=404)
        missing = await bert.call("GET", path.replace(str(hers["id"]), "999"), status=404)
        assert foreign == missing == {"detail": "Not found."}
        await desk.nobody.call("GET", path, status=401)
    await bert.call("POST", f"/api/ticket/{hers['id']}/answer", {"message": "x"}, status=404)
    await bert.call("POST", f"/api/ticket/{hers['id']}/set_status", {"status": "c"}, status=403)
    await bert.call("POST", "/api/ticket/999/set_status", {"status": "c"}, status=403)
    await staff.call("POST", "/api/ticket/999/set_status", {"status": "c"}, status=404)
    await staff.call("GET", "/api/ticket/abc", status=404)
    await staff.call("GET", "/api/ticket/-1", status=404)
    await staff.call("GET", "/api/ticket/٣", status=404)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "This field is required."),
        ({"message": ""}, "This field may not be blank."),
        ({"message": " \n\t\u3000"}, "This field may not be blank."),
        ({"message": "\x00\x07"}, None),
        ({"message": None}, "This field may not be null."),
        ({"message": 5}, None),
        ({"message": ["x"]}, None),
        ({"message": "x" * 100_001}, None),
    ],
)
async def test_a_message_must_be_one(desk: Desk, body: dict[str, Any], words: str | None) -> None:
    anna = await desk.register("anna")
    ticket = await anna.call("POST", "/api/ticket", {"message": "x"}, status=201)
    for path in ("/api/ticket", f"/api/ticket/{ticket['id']}/answer"):
        answer = await anna.call("POST", path, body, status=400)
        assert list(answer) == ["message"]
        if words:
            assert answer["message"] == [words]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("x" * 100_000, "x" * 100_000),
        ("a\x00b\x1bc\x85d", "abcd"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("a\r\nb", "a\nb"),
        ("  spaces stay  ", "  spaces stay  "),
        ("Привет, 🌍 \u202eabc e\u0301", "Привет, 🌍 \u202eabc e\u0301"),
        ("<script>alert(1)</script> {{ 7*7 }} %s", "<script>alert(1)</script> {{ 7*7 }} %s"),
    ],
)
async def test_a_message_is_kept_as_written_without_control_characters(desk: Desk, sent: str, kept: str) -> None:
    anna = await desk.register("anna")
    ticket = await anna.call("POST", "/api/ticket", {"message": sent}, status=201)
    assert ticket["message"] == kept
    answer = await anna.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": sent}, status=201)
    assert answer["message"] == kept
    assert (await anna.call("GET", f"/api/comment/{answer['id']}"))["message"] == kept


async def test_tickets_are_filtered_by_status(desk: Desk) -> None:
    staff = await desk.staff()
    ids = [(await staff.call("POST", "/api/ticket", {"message": "x"}, status=201))["id"] for _ in range(4)]
    for ticket_id, status in zip(ids, "cfc", strict=False):
        await staff.call("POST", f"/api/ticket/{ticket_id}/set_status", {"status": status})
    assert [entry["id"] for entry in await staff.call("GET", "/api/ticket?status=c")] == [ids[2], ids[0]]
    assert [entry["id"] for entry in await staff.call("GET", "/api/ticket/?status=f")] == [ids[1]]
    assert [entry["id"] for entry in await staff.call("GET", "/api/ticket?status=u")] == [ids[3]]
    for wrong in ("x", "", "C", "u'--", "c,u"):
        answer = await staff.call("GET", "/api/ticket", params={"status": wrong}, status=400)
        assert list(answer) == ["detail"]
    for wrong_status in ("x", "", None, 1, "cu"):
        answer = await staff.call("POST", f"/api/ticket/{ids[0]}/set_status", {"status": wrong_status}, status=400)
        assert list(answer) == ["status"]


async def test_pages_are_linked(desk: Desk) -> None:
    staff = await desk.staff()
    ids = [(await staff.call("POST", "/api/ticket", {"message": "x"}, status=201))["id"] for _ in range(5)]
    seen, path = [], "/api/ticket?limit=2&status=u"
    while path:
        async with staff.response("GET", path) as response:
            seen += [[entry["id"] for entry in await response.json()]]
            following = re.fullmatch(r'<http://localhost:8000(.*)>; rel="next"', response.headers.get("Link", ""))
            path = following[1] if following else ""
    assert seen == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    for limit in ("0", "101", "x", "-1", "", "9" * 30):
        await staff.call("GET", f"/api/ticket?limit={limit}", status=400)


async def test_the_conversation_is_the_documented_one(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    path = f"/api/ticket/{ticket['id']}"
    await staff.call("POST", f"{path}/answer", {"message": "hm"}, status=201)
    opening, answer = await staff.call("GET", f"{path}/messages")
    assert opening == {
        "id": None,
        "kind": "ticket",
        "author": {
            "id": ticket["from_user_id"],
            "name": "maria@customer.example",
            "email": "maria@customer.example",
        },
        "via": "email",
        "subject": "The printer is on fire",
        "message": "It says PC LOAD LETTER.",
        "quoted": "",
        "trust": "unverified",
        "attachments": [],
        "created_at": ticket["created_at"],
    }
    assert (answer["kind"], answer["via"], answer["author"]["name"]) == ("answer", "api", "olga")
    anna = await desk.register("anna")
    own = await anna.call("POST", "/api/ticket", {"message": "x"}, status=201)
    [entry] = await anna.call("GET", f"/api/ticket/{own['id']}/messages")
    assert set(entry) == set(opening) - {"trust"}


async def test_staff_are_made_and_unmade_by_an_admin_effective_at_once(desk: Desk) -> None:
    admin, anna = await desk.staff(), await desk.register("anna")
    ticket = await admin.call("POST", "/api/ticket", {"message": "x"}, status=201)
    users = await admin.call("GET", "/admin/users?q=ANN")
    assert users == [
        {
            "id": anna.id,
            "username": "anna",
            "email": "anna@customer.example",
            "is_active": True,
            "is_staff": False,
            "is_admin": False,
        }
    ]
    assert await admin.call("GET", "/admin/users?q=%25") == []
    assert await admin.call("GET", "/admin/users?q=_") == []
    assert len(await admin.call("GET", "/admin/users/")) == 2
    promoted = await admin.call("POST", f"/admin/users/{anna.id}/staff", {"is_staff": True, "is_admin": True})
    assert promoted == {**users[0], "is_staff": True}
    await anna.call("GET", f"/api/ticket/{ticket['id']}")
    await anna.call("POST", f"/api/ticket/{ticket['id']}/set_status", {"status": "f"})
    await anna.call("GET", "/admin/users", status=403)
    await anna.call("POST", f"/admin/users/{anna.id}/staff", {"is_staff": True}, status=403)
    await admin.call("POST", f"/admin/users/{anna.id}/staff/", {"is_staff": False})
    await anna.call("GET", f"/api/ticket/{ticket['id']}", status=404)
    await anna.call("POST", f"/api/ticket/{ticket['id']}/set_status", {"status": "f"}, status=403)
    await admin.call("POST", "/admin/users/999/staff", {"is_staff": True}, status=404)
    for wrong in ({}, {"is_staff": 1}, {"is_staff": "true"}, {"is_staff": None}):
        assert list(await admin.call("POST", f"/admin/users/{anna.id}/staff", wrong, status=400)) == ["is_staff"]


async def test_what_is_not_there_and_what_is_not_done_are_told_in_json(desk: Desk) -> None:
    async with desk.nobody.response("GET", "/nowhere") as response:
        assert (response.status, response.content_type) == (404, "application/json")
        assert list(await response.json()) == ["detail"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    async with desk.nobody.response("DELETE", "/api/ticket") as response:
        assert (response.status, response.content_type) == (405, "application/json")
        assert set(response.headers["Allow"].split(",")) >= {"GET", "POST"}


async def test_health_and_readiness(desk: Desk) -> None:
    assert await desk.nobody.call("GET", "/health") == {"status": "ok"}
    assert await desk.nobody.call("GET", "/ready/") == {"status": "ok"}
    assert await desk.nobody.call("HEAD", "/health") is None


@pytest.mark.settings(HELPDESK_RELAY_URL="smtp://127.0.0.1:1")
async def test_readiness_names_a_relay_that_does_not_answer(desk: Desk) -> None:
    staff = await desk.staff()
    await desk.send(a_mail())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with desk.nobody.response("GET", "/ready") as response:
                if response.status == 503:
                    assert "relay" in (await response.json())["detail"]
                    break
            await asyncio.sleep(0.02)
    await desk.nobody.call("GET", "/health")
    # The trouble is known a moment before it is written down.
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            owed = await staff.call("GET", "/api/outbox?state=queued")
            if [entry["attempts"] for entry in owed] == [1, 1]:
                break
            await asyncio.sleep(0.02)
    assert all("refused" in entry["last_reply"].lower() or "connect" in entry["last_reply"].lower() for entry in owed)
