"""Fail each step of taking a mail in turn: before it is stored nothing is, and the client is told to come again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from gateway import outbox, people
from tests.builders import PATIENCE_SECONDS, Desk, a_mail

TABLES = ("people", "tickets", "answers", "intake", "raw_mails", "attachments", "outbox")
MARIA = "maria@customer.example"


async def _nothing_is_due(_connection: Any, **_: Any) -> bool:
    return False


class Saboteur:
    """Makes the n-th step of the writing connection fail: its statements and its commits are counted alike."""

    def __init__(self, desk: Desk) -> None:
        self._engine = desk.gateway.database.writer.sync_engine
        self.fails_at = 0
        self.steps: list[str] = []

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) == self.fails_at:
            raise OperationalError(name, {}, sqlite3.OperationalError("disk I/O error: secret /var/path"))

    def _statement(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self._step(statement.split("\n")[0][:60])

    def _commit(self, _connection: Any) -> None:
        self._step("COMMIT")

    @contextmanager
    def at_work(self, fails_at: int) -> Iterator[None]:
        self.fails_at, self.steps = fails_at, []
        # The courier rests meanwhile: what it writes is no step of what is tested.
        is_any_due, outbox.is_any_due = outbox.is_any_due, _nothing_is_due
        event.listen(self._engine, "before_cursor_execute", self._statement)
        event.listen(self._engine, "commit", self._commit)
        try:
            yield
        finally:
            event.remove(self._engine, "before_cursor_execute", self._statement)
            event.remove(self._engine, "commit", self._commit)
            outbox.is_any_due = is_any_due


async def _rows(desk: Desk) -> dict[str, int]:
    async def count(connection: Any) -> dict[str, int]:
        return {name: (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one() for name in TABLES}

    return await desk.gateway.database.read(count)


async def _quiet(desk: Desk) -> None:
    """Wait until the courier owes nothing, so that it does not write while a step is being counted."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:

            async def owed(connection: Any) -> int:
                query = text("SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')")
                return int((await connection.execute(query)).scalar_one())

            if not await desk.gateway.database.read(owed):
                return
            await asyncio.sleep(0.01)


async def _fail_each_step(desk: Desk, mail: bytes, to: str) -> int:
    """Send the mail with each step failing in turn, until a run meets no failure. Returns how many steps there are."""
    saboteur = Saboteur(desk)
    before = await _rows(desk)
    for number in range(1, 200):
        with saboteur.at_work(number):
            code, words = await desk.send(mail, to=to)
            failed = len(saboteur.steps) >= number
        if not failed:
            assert code == 250, words
            return number - 1
        assert (code, words.split()[0]) == (451, "4.3.0"), f"step {number}: {saboteur.steps[-1]}"
        assert "secret" not in words
        assert "rror" not in words
        assert await _rows(desk) == before, f"step {number}: {saboteur.steps[-1]}"
    raise AssertionError("the mail never went through")


async def test_a_new_ticket_is_all_or_nothing_at_every_step(desk: Desk) -> None:
    await desk.staff()
    mail = a_mail(name="ant")
    steps = await _fail_each_step(desk, mail, "support@desk.example")
    assert steps > 10, "begin, every statement and commit have failed once"
    rows = await _rows(desk)
    assert (rows["tickets"], rows["intake"], rows["raw_mails"], rows["people"]) == (1, 1, 1, 2)
    assert rows["outbox"] == 2, "receipt and notice"
    await _quiet(desk)
    after = await _rows(desk)
    code, _ = await desk.send(mail)
    assert code == 250
    assert await _rows(desk) == {**after, "intake": after["intake"] + 1}, "a resend is noted and changes nothing else"


async def test_an_answer_is_all_or_nothing_at_every_step(desk: Desk) -> None:
    staff = await desk.staff()
    await desk.open_by_mail(staff, name="ant")
    address = (await desk.relay.mail_to(MARIA))["Reply-To"].addresses[0].addr_spec
    await desk.relay.mail_to("olga@desk.example")
    await _quiet(desk)
    steps = await _fail_each_step(desk, a_mail(name="bee", to=address, text="more"), address)
    assert steps > 10
    rows = await _rows(desk)
    assert (rows["tickets"], rows["answers"], rows["intake"], rows["outbox"]) == (1, 1, 2, 3)


async def test_a_staff_answer_and_its_notification_are_one(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    await desk.relay.mail_to(MARIA)
    await desk.relay.mail_to("olga@desk.example")
    await _quiet(desk)
    saboteur = Saboteur(desk)
    before = await _rows(desk)
    for number in range(1, 100):
        with saboteur.at_work(number):
            async with staff.response("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}) as response:
                failed = len(saboteur.steps) >= number
                if not failed:
                    assert response.status == 201
                    break
                assert response.status == 503
                assert "secret" not in await response.text()
        assert await _rows(desk) == before, saboteur.steps[-1]
    rows = await _rows(desk)
    assert (rows["answers"], rows["outbox"]) == (1, before["outbox"] + 1)
    await desk.relay.mail_to(MARIA, 2)


async def test_a_client_that_vanishes_after_the_dot_leaves_one_ticket_also_after_its_retry(desk: Desk) -> None:
    staff = await desk.staff()
    mail = a_mail(name="ant")
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.gateway.smtp_port)
        for line in (b"EHLO x", b"MAIL FROM:<maria@customer.example>", b"RCPT TO:<support@desk.example>", b"DATA"):
            writer.write(line + b"\r\n")
        await reader.readuntil(b"354 ")
        writer.write(mail + b".\r\n")
        await writer.drain()
        writer.transport.abort()
    code, _ = await desk.send(mail)
    assert code == 250
    assert len(await staff.call("GET", "/api/ticket")) == 1


async def test_two_doors_at_once_take_one_mail_once(desk: Desk) -> None:
    staff = await desk.staff()
    mail = a_mail(name="ant")
    answers = await asyncio.gather(*(desk.send(mail) for _ in range(12)))
    assert {code for code, _ in answers} == {250}
    assert len(await staff.call("GET", "/api/ticket")) == 1
    outcomes = [row["outcome"] for row in await desk.ledger(staff)]
    assert sorted(outcomes) == ["duplicate"] * 11 + ["ticket"]


async def test_many_mails_of_one_sender_at_once_are_all_taken_and_get_no_more_receipts_than_allowed(desk: Desk) -> None:
    staff = await desk.staff()
    await desk.open_by_mail(staff, name="ant")
    answers = await asyncio.gather(*(desk.send(a_mail(name=f"bee{number}")) for number in range(16)))
    assert {code for code, _ in answers} == {250}
    assert len(await staff.call("GET", "/api/ticket")) == 17
    receipts = [entry for entry in await staff.call("GET", "/api/outbox") if entry["kind"] == "receipt"]
    assert len(receipts) == 3


async def test_an_address_confirmed_while_its_mail_comes_in_leaves_no_ticket_behind(desk: Desk) -> None:
    staff = await desk.staff()
    await desk.open_by_mail(staff, name="ant")
    maria = await desk.register("maria", MARIA)
    await desk.relay.mail_to(MARIA, 2)
    account = (await staff.call("GET", "/admin/users?q=maria"))[0]["id"]

    async def confirm() -> None:
        async def work(connection: Any) -> None:
            person = await people.get_person(connection, account)
            assert person
            await people.own_address(connection, person)

        await desk.gateway.database.write(work)

    sent = [desk.send(a_mail(name=f"bee{number}")) for number in range(8)]
    answers = await asyncio.gather(*sent[:4], confirm(), *sent[4:])
    assert {answer[0] for answer in answers if answer} == {250}
    assert len(await maria.call("GET", "/api/ticket")) == 9


async def test_what_a_database_refuses_shows_nothing_of_a_mail_in_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    staff = await desk.staff()
    saboteur = Saboteur(desk)
    with saboteur.at_work(3):
        await desk.send(a_mail(name="ant", text="my secret words"))
    async with staff.response("POST", "/api/ticket", {"message": "my secret words"}) as response:
        assert response.status == 201

    async def refuse(connection: Any) -> None:
        await connection.execute(text("INSERT INTO tickets (subject) VALUES (:words)"), {"words": "my secret words"})

    with pytest.raises(IntegrityError) as refusal:
        await desk.gateway.database.write(refuse)
    assert "my secret words" not in str(refusal.value)
    assert "my secret words" not in caplog.text
