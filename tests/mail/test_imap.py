"""The watcher of a mailbox against a server of the tests' own, honest and hostile; real servers: `tests/journeys`."""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import select

from gateway.app import running
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.mailbox_url import MailboxUrl
from gateway.schema import intake, mailbox_cursors, raw_mails, tickets
from mail import imap, imap_client
from mail.imap import Watcher
from mail.imap_responses import Listed, imap_day, mailbox_name, read_body, read_listing, read_search
from mail.intake import Mailroom
from mail.worker import reading
from tests.builders import DESK, a_mail, send
from tests.imap_server import ImapServer, ServedFolder, serving_imap

PATIENCE_SECONDS = 10
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "FIRST_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(imap, "LONGEST_PAUSE_SECONDS", 0.02)


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    async with serving_imap() as server:
        yield server


class Desk:
    """A database, a mailroom, and watchers that begin and end."""

    def __init__(self, settings: Settings, database: Database, mailroom: Mailroom, server: ImapServer) -> None:
        self.settings, self.database, self.mailroom, self.server = settings, database, mailroom, server

    def watcher(self, *, is_sent: bool = False, **options: Any) -> Watcher:
        mailbox = MailboxUrl(
            scheme="imap",
            host="127.0.0.1",
            port=self.server.port,
            **{"username": "desk", "password": "secret", **options},  # a test's
        )
        return Watcher(mailbox, self.settings, self.database, self.mailroom, is_sent=is_sent)

    @asynccontextmanager
    async def watching(self, **options: Any) -> AsyncIterator[Watcher]:
        watcher = self.watcher(**options)
        task = asyncio.create_task(watcher.run())
        try:
            yield watcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def rows(self) -> list[Any]:
        return await self.database.read(self._rows)

    @staticmethod
    async def _rows(connection: Any) -> list[Any]:
        return list((await connection.execute(select(intake).order_by(intake.c.id))).all())

    async def raw(self, intake_id: int) -> bytes:
        from gateway.ledger import get_raw

        return await self.database.read(lambda connection: get_raw(connection, intake_id))

    async def count(self, table: Any) -> int:
        async def look(connection: Any) -> int:
            return len((await connection.execute(select(table))).all())

        return await self.database.read(look)

    async def taken(self, count: int) -> list[Any]:
        """The ledger once it has so many rows."""
        await until(lambda: self._has(count), f"{count} rows in the ledger")
        return await self.rows()

    async def _has(self, count: int) -> bool:
        return len(await self.rows()) >= count

    async def has_read(self, uid: int) -> None:
        async def look() -> bool:
            async def cursor(connection: Any) -> int:
                return (await connection.execute(select(mailbox_cursors.c.last_uid))).scalar() or 0

            return await self.database.read(cursor) >= uid

        await until(look, f"the cursor at {uid}")


async def until(look: Callable[[], Awaitable[Any]], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await look():
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"waited in vain for {what}")


@pytest.fixture
async def desk(settings: Settings, database: Database, server: ImapServer) -> AsyncIterator[Desk]:
    async with reading() as reader:
        yield Desk(settings, database, Mailroom(settings, database, reader), server)


def a_large_mail(name: str, size: int) -> bytes:
    return a_mail(name=name, text="A line of a large mail.\n" * (size // 24))


async def test_what_lies_there_and_what_arrives_is_taken_byte_for_byte(desk: Desk, server: ImapServer) -> None:
    first, second = a_mail(name="ant"), a_large_mail("bee", 3 * imap_client.RANGE_BYTES)
    server.inbox.add(first, "\\Seen")
    server.inbox.add(second)
    async with desk.watching() as watcher:
        await desk.taken(2)
        await server.arrive(a_mail(name="cat"))
        rows = await desk.taken(3)
        assert watcher.trouble == ""
    assert [row.message_id for row in rows] == ["ant@customer.example", "bee@customer.example", "cat@customer.example"]
    assert [await desk.raw(row.id) for row in rows[:2]] == [first, second]
    assert {(row.source, row.outcome, row.trusted) for row in rows} == {("imap", "ticket", True)}
    assert not any("STORE" in line or ("SELECT" not in line and "BODY[" in line) for line in server.said)


async def test_the_envelope_is_what_the_mail_server_wrote_on_top(desk: Desk, server: ImapServer) -> None:
    trace = b"Return-Path: <maria@customer.example>\r\nDelivered-To: support@desk.example\r\n"
    server.inbox.add(trace + a_mail(name="ant"))
    server.inbox.add(b"Return-Path: <>\r\n" + a_mail(name="bee"))
    server.inbox.add(a_mail(name="cat"))
    async with desk.watching():
        ant, bee, cat = await desk.taken(3)
    assert (ant.envelope_from, ant.envelope_to, ant.null_sender) == (
        "maria@customer.example",
        ["support@desk.example"],
        False,
    )
    assert (bee.null_sender, bee.outcome) == (True, "automatic")
    assert (cat.envelope_from, cat.envelope_to, cat.null_sender) == ("", [], False)


async def test_the_cursor_survives_and_nothing_is_taken_twice(desk: Desk, server: ImapServer) -> None:
    server.inbox.add(a_mail(name="ant"))
    async with desk.watching():
        await desk.taken(1)
    fetched = sum("BODY.PEEK" in line for line in server.said)
    server.inbox.add(a_mail(name="bee"))
    async with desk.watching():
        await desk.taken(2)
    assert sum("BODY.PEEK" in line for line in server.said) == fetched + 1
    assert len(await desk.rows()) == 2


async def test_new_numbers_read_the_folder_again_and_know_what_is_known(desk: Desk, server: ImapServer) -> None:
    server.inbox.add(a_mail(name="ant"))
    async with desk.watching():
        await desk.taken(1)
    server.folders["INBOX"] = ServedFolder(uidvalidity=8)
    for name in ("bee", "ant", "cat"):
        server.inbox.add(a_mail(name=name))
    async with desk.watching():
        await desk.taken(3)
        await desk.has_read(3)
    rows = await desk.rows()
    assert [(row.message_id[:3], row.outcome) for row in rows] == [
        ("ant", "ticket"),
        ("bee", "ticket"),
        ("cat", "ticket"),
    ]


async def test_numbers_that_went_back_are_new_numbers(desk: Desk, server: ImapServer) -> None:
    for name in ("ant", "bee"):
        server.inbox.add(a_mail(name=name))
    async with desk.watching():
        await desk.taken(2)
    server.folders["INBOX"] = ServedFolder()
    server.inbox.add(a_mail(name="cat"))
    async with desk.watching():
        rows = await desk.taken(3)
    assert rows[2].message_id == "cat@customer.example"


async def test_the_first_reading_is_bounded_and_what_comes_later_is_not(desk: Desk, server: ImapServer) -> None:
    for name in ("ant", "bee", "cat"):
        server.inbox.add(a_mail(name=name))
    async with desk.watching(limit=1, since=date(2026, 1, 31)):
        await desk.taken(1)
        await desk.has_read(3)
        for name in ("dog", "elk"):
            await server.arrive(a_mail(name=name))
        rows = await desk.taken(3)
    assert [row.message_id[:3] for row in rows] == ["cat", "dog", "elk"]
    searches = [line for line in server.said if "SEARCH" in line]
    assert searches[0] == "UID SEARCH UID 3:3 SINCE 31-Jan-2026"
    assert not any("SINCE" in line for line in searches[1:])
    # Read again under new numbers: nothing from before the desk knew the folder, all that came since.
    server.inbox.uidvalidity = 8
    server.said.clear()
    async with desk.watching(limit=1):
        await until(lambda: _said(server, "IDLE"), "peace")
    yesterday = imap_day((rows[0].received_at - timedelta(days=1)).date())
    assert next(line for line in server.said if "SEARCH" in line) == f"UID SEARCH UID 1:5 SINCE {yesterday}"


async def test_a_mail_above_the_limit_is_listed_and_passed(
    desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = desk.settings.max_message_bytes
    large = server.inbox.add(a_mail(name="ant"), said_bytes=limit + 1)
    server.inbox.add(a_mail(name="bee"))
    async with desk.watching(after="delete"):
        rows = await desk.taken(2)
        await until(lambda: _is({large}, server.inbox.mails.keys()), "the other mail to be deleted")
    assert [(row.message_id[:3], row.outcome) for row in rows] == [("ant", "refused"), ("bee", "ticket")]
    assert (rows[0].size_bytes, rows[0].subject) == (limit + 1, "The printer is on fire")
    assert "only its header was taken" in rows[0].reason
    assert b"\r\n\r\n" in (header := await desk.raw(rows[0].id))
    assert b"PC LOAD" not in header
    server.inbox.uidvalidity = 8
    server.said.clear()
    async with desk.watching():
        await until(lambda: _said(server, "IDLE"), "peace")
    assert len(await desk.rows()) == 2


@pytest.mark.settings(HELPDESK_MAX_MESSAGE_BYTES="300000")
async def test_a_mail_that_is_larger_than_the_server_says_is_refused_too(desk: Desk, server: ImapServer) -> None:
    server.inbox.add(a_large_mail("ant", 400_000), said_bytes=10)
    server.inbox.add(a_large_mail("bee", 270_000), said_bytes=10)
    async with desk.watching():
        ant, bee = await desk.taken(2)
    assert (ant.outcome, bee.outcome) == ("refused", "ticket")
    assert await desk.raw(bee.id) == a_large_mail("bee", 270_000)


async def _is(wanted: Any, seen: Any) -> bool:
    return set(seen) == set(wanted)


async def test_what_is_wanted_happens_after_the_commit(desk: Desk, server: ImapServer) -> None:
    seen = server.inbox.add(a_mail(name="ant"))
    async with desk.watching(after="seen"):
        await until(lambda: _is({"\\Seen"}, server.inbox.mails[seen].flags), "the flag")
        assert len(await desk.rows()) == 1
    server.inbox.add(a_mail(name="bee"))
    async with desk.watching(after="move", move_to="Erledigt ✓"):
        await until(lambda: _is({seen}, server.inbox.mails), "the mail to be moved")
    assert [mail.raw for mail in server.folders["Erledigt &JxM-"].mails.values()] == [a_mail(name="bee")]
    server.capabilities = "IMAP4rev1 IDLE UIDPLUS"
    server.inbox.add(a_mail(name="cat"))
    async with desk.watching(after="move", move_to="Erledigt ✓"):
        await until(lambda: _is({seen}, server.inbox.mails), "the mail to be copied and deleted")
    server.capabilities = "IMAP4rev1 IDLE"
    kept = server.inbox.add(a_mail(name="dog"))
    async with desk.watching(after="delete"):
        await until(lambda: _is({"\\Deleted"}, server.inbox.mails[kept].flags), "the mark")
    assert len(await desk.rows()) == 4


async def test_a_server_that_will_not_move_costs_no_mail(desk: Desk, server: ImapServer) -> None:
    async def no(line: str, writer: asyncio.StreamWriter) -> bool:
        if "MOVE" not in line:
            return False
        writer.write(f"{line.split()[0]} NO [NOPERM] never\r\n".encode())
        return True

    server.meddle = no
    server.inbox.add(a_mail(name="ant"))
    async with desk.watching(after="move", move_to="Done") as watcher:
        await desk.taken(1)
        await server.arrive(a_mail(name="bee"))
        await desk.taken(2)
        assert watcher.trouble == ""
    assert len(server.inbox.mails) == 2
    assert len(await desk.rows()) == 2


async def test_what_was_thrown_away_before_stays_so_and_what_arrives_does_not(desk: Desk, server: ImapServer) -> None:
    server.inbox.add(a_mail(name="ant"), "\\Deleted")
    async with desk.watching():
        await desk.has_read(1)
        await server.arrive(a_mail(name="bee"), "\\Deleted", "\\Seen")
        rows = await desk.taken(1)
    assert [row.message_id for row in rows] == ["bee@customer.example"]


async def test_without_idle_the_server_is_asked(
    desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "POLL_SECONDS", 0.01)
    server.capabilities = "IMAP4rev1"
    async with desk.watching():
        await until(lambda: _said(server, "NOOP"), "the question")
        server.inbox.add(a_mail(name="ant"))
        await desk.taken(1)
    assert "IDLE" not in server.said


async def test_idle_is_renewed(desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert imap.RENEW_SECONDS + imap_client.CALL_SECONDS <= 9 * 60
    monkeypatch.setattr(imap, "RENEW_SECONDS", 0.01)
    async with desk.watching():
        await until(lambda: _said(server, "IDLE", 3), "three times IDLE")
    assert server.connections == 1


async def _said(server: ImapServer, words: str, count: int = 1) -> bool:
    return sum(line.startswith(words) for line in server.said) >= count


async def test_two_gateways_on_one_mailbox_make_one_row_each_mail(desk: Desk, server: ImapServer) -> None:
    for name in ("ant", "bee", "cat"):
        server.inbox.add(a_mail(name=name))
    async with desk.watching(after="delete"), desk.watching(after="delete"):
        await desk.taken(3)
        for name in ("dog", "elk"):
            await server.arrive(a_mail(name=name))
        await desk.taken(5)
        await until(lambda: _is(set(), server.inbox.mails), "an empty folder")
    assert sorted(row.message_id[:3] for row in await desk.rows()) == ["ant", "bee", "cat", "dog", "elk"]
    assert await desk.count(tickets) == 5


async def test_one_poisoned_mail_keeps_no_other_back(desk: Desk, server: ImapServer) -> None:
    async def refuse(line: str, writer: asyncio.StreamWriter) -> bool:
        if "UID FETCH 2 (UID BODY" not in line:
            return False
        writer.write(f"{line.split()[0]} NO cannot read it\r\n".encode())
        return True

    server.meddle = refuse
    for name in ("ant", "bee", "cat"):
        server.inbox.add(a_mail(name=name))
    async with desk.watching():
        rows = await desk.taken(3)
    assert [row.outcome for row in rows] == ["ticket", "failed", "ticket"]
    assert "has not given this mail" in rows[1].reason


async def test_a_mail_that_breaks_the_connection_is_passed_over_only_after_a_while(
    desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang_up(line: str, writer: asyncio.StreamWriter) -> bool:
        if "UID FETCH 1 (UID BODY" in line:
            writer.transport.abort()
        return "UID FETCH 1 (UID BODY" in line

    server.meddle = hang_up
    server.inbox.add(a_mail(name="ant"))
    server.inbox.add(a_mail(name="bee"))
    async with desk.watching() as watcher:
        await until(lambda: _is_many(server, 8), "many tries")
        assert watcher.trouble
        assert await desk.rows() == []
        monkeypatch.setattr(imap, "PATIENCE_SECONDS", 0)
        rows = await desk.taken(2)
    assert [row.outcome for row in rows] == ["failed", "ticket"]


async def _is_many(server: ImapServer, count: int) -> bool:
    return server.connections >= count


async def test_trouble_of_ours_skips_nothing(
    desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "helpdesk.imap")
    really, tries = desk.mailroom.take, 0

    async def fail(delivery: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 8:
            raise OSError("no disk")
        return await really(delivery)

    monkeypatch.setattr(desk.mailroom, "take", fail)
    server.inbox.add(a_mail(name="ant"))
    async with desk.watching() as watcher:
        rows = await desk.taken(1)
        await until(lambda: _said(server, "IDLE"), "peace")
        assert watcher.trouble == ""
    assert [row.outcome for row in rows] == ["ticket"]
    # Once what is wrong, once that it is over.
    assert [record.levelname for record in caplog.records if "well" in record.getMessage()] == ["WARNING", "INFO"]


async def test_a_refused_login_is_told_at_once(desk: Desk, server: ImapServer) -> None:
    async def refuse(line: str, writer: asyncio.StreamWriter) -> bool:
        if "LOGIN" in line:
            writer.write(f"{line.split()[0]} NO [AUTHENTICATIONFAILED] no\r\n".encode())
        return "LOGIN" in line

    server.meddle = refuse
    async with desk.watching() as watcher:
        await until(lambda: _trouble(watcher), "the trouble")
        assert watcher.trouble == "the login is refused"
        server.meddle = None
        server.inbox.add(a_mail(name="ant"))
        await desk.taken(1)
        assert watcher.trouble == ""


async def test_a_token_is_handed_over_and_its_refusal_told(desk: Desk, server: ImapServer) -> None:
    """Google and Microsoft say in a challenge why they refuse, and wait for an empty answer before they say no."""
    server.capabilities = "IMAP4rev1 IDLE AUTH=XOAUTH2"
    tag, asked = "", 0

    async def refuse(line: str, writer: asyncio.StreamWriter) -> bool:
        nonlocal tag, asked
        if "AUTHENTICATE" in line:
            tag, asked = line.split()[0], 0
            writer.write(b"+ \r\n")
        elif line == b64encode(b"user=desk").decode():
            asked += 1
            writer.write(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n")
        elif line == "" and asked:
            writer.write(f"{tag} NO AUTHENTICATE failed\r\n".encode())
        else:
            return False
        return True

    async def login(client: imap_client.ImapClient) -> None:
        await client.authenticate("XOAUTH2", b"user=desk")

    server.meddle = refuse
    watcher = desk.watcher()
    watcher._login = login
    task = asyncio.create_task(watcher.run())
    await until(lambda: _trouble(watcher), "the trouble")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert watcher.trouble == "the login is refused"


@pytest.mark.settings(HELPDESK_IMAP_URL="imap://desk:secret@127.0.0.1:1/INBOX")
async def test_a_mailbox_that_is_not_well_shows_and_harms_no_other_door(settings: Settings) -> None:
    async with (
        running(settings) as gateway,
        ClientSession(f"http://127.0.0.1:{gateway.http_port}") as session,
    ):

        async def reason() -> str:
            async with session.get("/ready") as response:
                return str(await response.json()) if response.status == 503 else ""

        await until(reason, "the reason")
        assert "The mailbox 127.0.0.1/INBOX is not well: it cannot be reached." in await reason()
        code, _ = await asyncio.to_thread(send, gateway.smtp_port, a_mail(), "maria@customer.example", DESK)
        assert code == 250


async def _trouble(watcher: Watcher) -> str:
    return watcher.trouble


async def test_a_password_never_goes_in_the_clear(
    desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MailboxUrl, "may_be_clear", property(lambda self: False))
    async with desk.watching() as watcher:
        await until(lambda: _trouble(watcher), "the trouble")
        assert watcher.trouble == "the server offers no STARTTLS: no password is sent to it"
        server.greeting = b"* PREAUTH come in\r\n"
        await _two_more_tries(server)
        server.greeting, server.capabilities = b"* OK here I am\r\n", "IMAP4rev1 STARTTLS"

        async def talk_on(line: str, writer: asyncio.StreamWriter) -> bool:
            if "STARTTLS" in line:
                writer.write(f"{line.split()[0]} OK go\r\n* OK [CAPABILITY IMAP4rev1] trust me\r\n".encode())
            return "STARTTLS" in line

        server.meddle = talk_on
        await _two_more_tries(server)
    assert not any("LOGIN" in line or "AUTHENTICATE" in line for line in server.said)


async def _two_more_tries(server: ImapServer) -> None:
    wanted = server.connections + 3
    await until(lambda: _is_many(server, wanted), "two whole tries")


async def _hostile(desk: Desk, server: ImapServer, meddle: Callable[..., Awaitable[bool]]) -> None:
    """A mailbox misbehaves, and is well again afterwards: memory flat, the mail taken once."""
    server.meddle = meddle
    server.inbox.add(a_mail(name="ant"))
    before = _most_memory_bytes(anew=True)
    async with desk.watching() as watcher:
        await until(lambda: _is_shaken(watcher, server), "the trouble")
        assert _most_memory_bytes() - before < 64 * MEGABYTE
        server.meddle = None
        await desk.taken(1)
    assert [row.outcome for row in await desk.rows()] == ["ticket"]


async def _is_shaken(watcher: Watcher, server: ImapServer) -> bool:
    """It is in trouble; or, where the server misbehaves only once all is done, it has connected again and again."""
    return bool(watcher.trouble) or server.connections > 3


def _most_memory_bytes(*, anew: bool = False) -> int:
    """The most memory that this process has had at once, from now on if `anew`."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


_CHUNK = b"x" * MEGABYTE
_LESS_LIKELY = ("CAPABILITY", "SELECT", "UID SEARCH")


@pytest.mark.parametrize(
    ("name", "start", "filling"),
    [
        ("literal", b"* 1 FETCH (UID 1 BODY[]<0> {2147483647}\r\n", _CHUNK),
        ("literal nobody asked for", b"* LIST () {99999999}\r\n", _CHUNK),
        ("line", b"* 1 FETCH (UID 1 ", _CHUNK),
        ("parentheses", b"* 1 FETCH ", b"(" * MEGABYTE),
        ("lines", b"", b"* OK still here\r\n" * 60_000),
        ("flags", b"", b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n" * 30_000),
    ],
)
@pytest.mark.parametrize(
    "command",
    ["UID FETCH", *(pytest.param(name, marks=pytest.mark.slow) for name in ("LOGIN", "IDLE", *_LESS_LIKELY))],
)
async def test_a_server_without_end_costs_no_memory(
    desk: Desk, server: ImapServer, name: str, start: bytes, filling: bytes, command: str
) -> None:
    async def flood(line: str, writer: asyncio.StreamWriter) -> bool:
        if command not in line:
            return False
        writer.write(start)
        for _ in range(100):
            writer.write(filling)
            await writer.drain()
        return True

    await _hostile(desk, server, flood)


@pytest.mark.parametrize(
    "command",
    ["LOGIN", "UID FETCH", "IDLE", *(pytest.param(name, marks=pytest.mark.slow) for name in _LESS_LIKELY)],
)
async def test_a_server_that_does_not_answer_is_left(
    desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(imap_client, "CALL_SECONDS", 0.05)

    async def silent(line: str, writer: asyncio.StreamWriter) -> bool:
        return command in line

    server.meddle = silent
    server.inbox.add(a_mail(name="bee"))
    async with desk.watching() as watcher:
        if command == "IDLE":
            await until(lambda: _is_many(server, 3), "another connection")
        else:
            await until(lambda: _trouble(watcher), "the trouble")
            assert watcher.trouble == "the server does not answer"
        monkeypatch.setattr(imap_client, "CALL_SECONDS", 60)
        server.meddle = None
        await server.arrive(a_mail(name="ant"))
        rows = await desk.taken(2)
    assert [row.message_id[:3] for row in rows] == ["bee", "ant"]


async def test_goodbye_while_idling(desk: Desk, server: ImapServer) -> None:
    goodbyes = 0

    async def leave(line: str, writer: asyncio.StreamWriter) -> bool:
        nonlocal goodbyes
        if "IDLE" not in line or goodbyes == 3:
            return False
        goodbyes += 1
        server.inbox.add(a_mail(name=f"ant{goodbyes}"))
        writer.write(b"+ idling\r\n* BYE shutting down\r\n")
        await writer.drain()
        writer.close()
        return True

    server.meddle = leave
    async with desk.watching():
        rows = await desk.taken(3)
    assert [row.outcome for row in rows] == ["ticket"] * 3
    assert server.connections == 4


async def test_a_server_that_says_that_there_is_more_and_has_nothing_keeps_nobody_busy(
    desk: Desk, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "LULL_SECONDS", 0.1)
    tag = ""

    async def lie(line: str, writer: asyncio.StreamWriter) -> bool:
        nonlocal tag
        if "IDLE" in line:
            tag = line.split()[0]
            writer.write(b"+ idling\r\n* 5 EXISTS\r\n")
        elif line == "DONE":
            writer.write(f"{tag} OK done\r\n".encode())
        return "IDLE" in line or line == "DONE"

    server.meddle = lie
    began = time.monotonic()
    async with desk.watching():
        await until(lambda: _said(server, "UID SEARCH", 5), "five searches")
    assert time.monotonic() - began > 0.3
    assert server.connections == 1


async def _sweep(desk: Desk, server: ImapServer, step: int) -> int:
    """Cut the connection after n bytes, for n in steps, a new mailbox with two mails each time; returns the mails."""
    server.inbox.add(a_mail(name="measure"))
    server.inbox.add(a_mail(name="measure2"))
    server.answered_bytes = 0
    async with desk.watching(username="measure"):
        await until(lambda: _said(server, "IDLE"), "a whole session")
    whole, mails = server.answered_bytes, 2
    for cut in range(1, whole + 1, step):
        server.folders["INBOX"] = ServedFolder()
        for number in (1, 2):
            server.inbox.add(a_mail(name=f"cut{cut}.{number}"))
        mails += 2
        server.cut_after = cut
        server.said.clear()
        async with desk.watching(username=f"cut{cut}", after="seen"):
            await until(lambda: _said(server, "IDLE"), f"peace after a cut at byte {cut}")
            await until(lambda: _all_seen(server), f"the flags after a cut at byte {cut}")
    return mails


async def _all_seen(server: ImapServer) -> bool:
    return all("\\Seen" in mail.flags for mail in server.inbox.mails.values())


async def _exact(desk: Desk, mails: int) -> None:
    rows = await desk.rows()
    assert len(rows) == len({row.message_id for row in rows}) == mails
    assert {row.outcome for row in rows} == {"ticket"}
    assert await desk.count(raw_mails) == mails


async def test_a_mailbox_that_floods_us_again_and_again_keeps_no_other_door_waiting(
    environment: dict[str, str], server: ImapServer, tmp_path: Path
) -> None:
    async def flood(line: str, writer: asyncio.StreamWriter) -> bool:
        if "SELECT" in line:
            for _ in range(100):
                writer.write(b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n" * 5000)
                await writer.drain()
        return "SELECT" in line

    server.meddle = flood
    url = f"imap://desk:secret@127.0.0.1:{server.port}/INBOX"
    before = _most_memory_bytes(anew=True)
    async with running(load_settings({**environment, "HELPDESK_IMAP_URL": url}, tmp_path)) as gateway:
        for number in range(5):
            began, connections = time.monotonic(), server.connections
            mail = a_mail(name=f"ant{number}")
            code, _ = await asyncio.to_thread(send, gateway.smtp_port, mail, "maria@customer.example", DESK)
            assert (code, time.monotonic() - began < 2) == (250, True)
            await until(lambda seen=connections: _is_many(server, seen + 1), "another flood")  # type: ignore[misc]
    assert _most_memory_bytes() - before < 64 * MEGABYTE


async def test_a_connection_cut_anywhere_loses_and_doubles_nothing(desk: Desk, server: ImapServer) -> None:
    await _exact(desk, await _sweep(desk, server, 311))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_connection_cut_at_every_byte_loses_and_doubles_nothing(desk: Desk, server: ImapServer) -> None:
    await _exact(desk, await _sweep(desk, server, 1))


def test_names_of_folders() -> None:
    assert mailbox_name("INBOX") == '"INBOX"'
    assert mailbox_name('a "b" \\ c') == '"a \\"b\\" \\\\ c"'
    assert mailbox_name("Q&A/Входящие") == '"Q&-A/&BBIERQQ+BDQETwRJBDgENQ-"'
    assert mailbox_name("台北") == '"&U,BTFw-"'


def test_answers_are_read_in_any_order_and_form() -> None:
    assert read_search([[b"* SEARCH 3 1 2"], [b"* search"], [b"* OK x"]]) == [1, 2, 3]
    listing = read_listing(
        [
            [b"* 1 FETCH (FLAGS (\\Seen $x) RFC822.SIZE 12 UID 5)"],
            [b"* 2 FETCH (UID 6 FLAGS ())"],
            [b"* 3 FETCH (UID 7 RFC822.SIZE 99999999999999999999999)"],
        ]
    )
    assert listing == {5: Listed(uid=5, size_bytes=12, flags=frozenset({"\\seen", "$x"}))}
    assert read_body([[b"* 1 FETCH (BODY[]<0> {9}", b"(UID 6)xx", b" UID 5)"]], 5) == b"(UID 6)xx"
    assert read_body([[b"* 1 FETCH (BODY[]<0> {9}", b"(UID 6)xx", b" UID 5)"]], 6) is None
    assert read_body([[b'* 1 FETCH (UID 5 BODY[]<0> "a\\"b")']], 5) == b'a"b'
    assert read_body([[b"* 1 FETCH (UID 5 BODY[]<9> NIL)"]], 5) == b""
    assert read_body([[b"* 1 FETCH (UID 5 FLAGS (\\Seen))"]], 5) is None
