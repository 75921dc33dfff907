"""Mailboxes on a real Dovecot, under TLS by an authority of the tests' own."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.app import running
from gateway.config import Settings, load_settings
from mail import imap, imap_client
from tests.authority import Authority, make_authority
from tests.builders import DESK, PASSWORD, Api, Desk, Relay, a_mail
from tests.dovecot import Box, Dovecot, dovecot
from tests.services import GatewayProcess, new_database, postgresql, require
from tests.services import until as wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    require("dovecot")
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dovecot]:
    with dovecot(tmp_path_factory.mktemp("dovecot"), authority) as server:
        yield server


@pytest.fixture
def box(server: Dovecot) -> Box:
    return server.box(f"desk{random.getrandbits(48):x}@desk.example")


@pytest.fixture(autouse=True)
def _trust(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    monkeypatch.setattr(imap, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(imap, "LONGEST_PAUSE_SECONDS", 0.5)


Open = Callable[..., Any]


@pytest.fixture
def open_desk(environment: dict[str, str], relay: Relay, tmp_path: Path, box: Box) -> Open:
    """Opens a desk that watches the box; the options are those of the URL."""

    @asynccontextmanager
    async def opened(query: str = "", **options: Any) -> AsyncIterator[tuple[Desk, Api]]:
        url = options.pop("url", None) or box.server.url(box.user.replace("@", "%40"), query, **options)
        settings: Settings = load_settings(
            {**environment, "HELPDESK_IMAP_URL": url, "HELPDESK_API_LIMIT": "off"}, tmp_path
        )
        async with (
            running(settings) as gateway,
            ClientSession(f"http://127.0.0.1:{gateway.http_port}") as session,
        ):
            desk = Desk(gateway, relay, session)
            yield desk, await desk.staff()

    return opened


async def until(look: Callable[[], Awaitable[Any]], what: str, *, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := await look()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(0.02)
    return seen


async def names(desk: Desk, staff: Api) -> list[str]:
    """The mails in the ledger by their names, oldest first, with what became of them where that is no ticket."""
    rows: list[Any] = []
    path: str | None = "/api/intake?limit=100"
    while path:
        async with staff.response("GET", path) as response:
            rows += await response.json()
            link = response.links.get("next")
            path = str(link["url"].relative()) if link else None
    return [
        (row["message_id"] or "").partition("@")[0] + ("" if row["outcome"] == "ticket" else f":{row['outcome']}")
        for row in reversed(rows)
    ]


async def has(desk: Desk, staff: Api, *wanted: str, seconds: float = 30) -> None:
    """The ledger comes to hold exactly these mails, in any order."""

    async def look() -> bool:
        return len(await names(desk, staff)) >= len(wanted)

    await until(look, f"{len(wanted)} mails", seconds=seconds)
    assert sorted(await names(desk, staff)) == sorted(wanted)


async def at_peace(desk: Desk, staff: Api) -> None:
    """Nothing is under way: the desk idles, so what it wanted to do is done."""
    seen: list[str] = []

    async def look() -> bool:
        nonlocal seen
        before, seen = seen, await names(desk, staff)
        await asyncio.sleep(0.3)
        return before == seen and (await staff.response("GET", "/ready")).status == 200

    await until(look, "peace")


async def test_a_mail_that_arrives_is_a_ticket_within_two_seconds(open_desk: Open, box: Box) -> None:
    async with open_desk() as (desk, staff):
        await asyncio.to_thread(box.add, a_mail(name="warm"))
        await has(desk, staff, "warm")
        for number in range(5):
            await asyncio.sleep(random.uniform(0, 0.5))
            await asyncio.to_thread(box.add, a_mail(name=f"ant{number}"))
            began = time.monotonic()
            await has(desk, staff, "warm", *(f"ant{count}" for count in range(number + 1)))
            assert time.monotonic() - began < 2
    assert await asyncio.to_thread(box.flags) == [set()] * 6


async def test_starttls_and_a_certificate_that_nobody_trusts(
    open_desk: Open, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(box.add, a_mail(name="ant"))
    async with open_desk(scheme="imap") as (desk, staff):
        await has(desk, staff, "ant")
    monkeypatch.delenv("SSL_CERT_FILE")
    for scheme in ("imap", "imaps"):
        async with open_desk(scheme=scheme) as (_, staff):

            async def reason(api: Api = staff) -> str:
                async with api.response("GET", "/ready") as response:
                    return (await response.json()).get("detail", "") if response.status == 503 else ""

            assert "its certificate is not trusted" in await until(reason, "the reason")


async def test_what_other_programs_do_is_no_matter(open_desk: Open, box: Box) -> None:
    await asyncio.to_thread(box.make, "Elsewhere")
    await asyncio.to_thread(box.add, a_mail(name="ant"), flags="(\\Seen \\Answered)")
    await asyncio.to_thread(box.add, a_mail(name="bee"), flags="(\\Deleted)")
    async with open_desk("after=seen") as (desk, staff):
        await has(desk, staff, "ant")
        await asyncio.to_thread(box.add, a_mail(name="cat"), flags="(\\Seen)")
        await has(desk, staff, "ant", "cat")
        await asyncio.to_thread(box.move, "1,3", "Elsewhere")
        await asyncio.to_thread(box.mark, "2", "(\\Flagged)")
        await asyncio.to_thread(box.add, a_mail(name="dog"))
        await has(desk, staff, "ant", "cat", "dog")
        await at_peace(desk, staff)
    assert await asyncio.to_thread(box.flags) == [{"\\Deleted", "\\Flagged"}, {"\\Seen"}]


async def test_mails_that_are_taken_move_or_go(open_desk: Open, box: Box) -> None:
    await asyncio.to_thread(box.add, a_mail(name="ant"))

    async def is_empty() -> bool:
        return await asyncio.to_thread(box.count) == 0

    async with open_desk("after=move:Done%20%E2%9C%93") as (desk, staff):
        await has(desk, staff, "ant")
        await until(is_empty, "an empty INBOX")
        assert await asyncio.to_thread(box.count, '"Done &JxM-"') == 1
    await asyncio.to_thread(box.add, a_mail(name="bee"), a_mail(name="cat"))
    async with open_desk("after=delete") as (desk, staff):
        await has(desk, staff, "ant", "bee", "cat")
        await until(is_empty, "an empty INBOX")


async def test_a_folder_made_anew_is_read_anew_and_nothing_is_doubled(open_desk: Open, box: Box) -> None:
    await asyncio.to_thread(box.make, "Desk")
    await asyncio.to_thread(box.add, a_mail(name="ant"), a_mail(name="bee"), folder="Desk")
    async with open_desk(folder="Desk") as (desk, staff):
        await has(desk, staff, "ant", "bee")
        await asyncio.to_thread(box.remove, "Desk")
        # Dovecot numbers by the second.
        await asyncio.sleep(1.1)
        await asyncio.to_thread(box.make, "Desk")
        mails = [a_mail(name=name) for name in ("cat", "ant", "dog")]
        await asyncio.to_thread(box.add, *mails, folder="Desk")
        await has(desk, staff, "ant", "bee", "cat", "dog")
        await at_peace(desk, staff)
        await has(desk, staff, "ant", "bee", "cat", "dog")


async def test_a_folder_that_is_gone_is_told_and_taken_up_again(open_desk: Open, box: Box) -> None:
    async with open_desk(folder="Later") as (desk, staff):

        async def reason() -> str:
            async with staff.response("GET", "/ready") as response:
                return (await response.json()).get("detail", "") if response.status == 503 else ""

        assert await until(reason, "the reason") == (
            "The mailbox localhost/Later is not well: the server refuses what is asked of it."
        )
        await asyncio.to_thread(box.make, "Later")
        await asyncio.to_thread(box.add, a_mail(name="ant"), folder="Later")
        await has(desk, staff, "ant")


async def test_a_server_that_stops_and_starts_in_mid_fetch(
    open_desk: Open, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = [a_mail(name=f"large{number}", text="A line of a large mail.\n" * 200_000) for number in range(4)]
    small = [a_mail(name=f"small{number}") for number in range(40)]
    await asyncio.to_thread(box.add, *large[:2], *small, *large[2:])
    pieces, stop = 0, asyncio.Event()
    really = imap_client.ImapClient._piece

    async def counted(self: Any, *arguments: Any) -> bytes:
        nonlocal pieces
        pieces += 1
        if pieces in {3, 30, 60, 90}:
            stop.set()
        return await really(self, *arguments)

    monkeypatch.setattr(imap_client.ImapClient, "_piece", counted)
    wanted = [f"large{number}" for number in range(4)] + [f"small{number}" for number in range(40)]
    async with open_desk("after=seen") as (desk, staff):
        for _ in range(3):
            await asyncio.wait_for(stop.wait(), 30)
            stop.clear()
            await asyncio.to_thread(box.server.stop)
            # The other doors do not notice.
            assert (await desk.send(a_mail(name=f"smtp{random.getrandbits(32):x}")))[0] == 250
            await asyncio.to_thread(box.server.start)
        await until(lambda: _are_there(desk, staff, wanted), "all mails", seconds=60)
        found = [name for name in await names(desk, staff) if not name.startswith("smtp")]
        assert sorted(found) == sorted(wanted)
        await at_peace(desk, staff)
    assert await asyncio.to_thread(box.flags) == [{"\\Seen"}] * 44


async def _are_there(desk: Desk, staff: Api, wanted: list[str]) -> bool:
    return set(wanted) <= set(await names(desk, staff))


async def _first_run(open_desk: Open, box: Box, count: int, seconds: float) -> None:
    mails = [a_mail(name=f"mail{number}", auto_submitted="auto-generated") for number in range(count)]
    await asyncio.to_thread(box.add, *mails)
    async with open_desk() as (desk, staff):

        async def last() -> Any:
            return await staff.call("GET", f"/api/intake?message_id=mail{count - 1}@customer.example")

        await until(last, "the last mail", seconds=seconds)
        found = await names(desk, staff)
        assert len(found) == len(set(found)) == count


async def test_the_first_run_takes_what_is_there(open_desk: Open, box: Box) -> None:
    await _first_run(open_desk, box, 500, 60)


@pytest.mark.timeout(900)
async def test_the_first_run_takes_ten_thousand(open_desk: Open, box: Box) -> None:
    await _first_run(open_desk, box, 10_000, 600)


async def test_the_first_run_is_bounded(open_desk: Open, box: Box) -> None:
    await asyncio.to_thread(box.add, a_mail(name="ant"), seconds_ago=40 * 86400)
    await asyncio.to_thread(box.add, a_mail(name="bee"), seconds_ago=3 * 86400)
    await asyncio.to_thread(box.add, a_mail(name="cat"))
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 10 * 86400))
    async with open_desk(f"since={day}") as (desk, staff):
        await has(desk, staff, "bee", "cat")
        # What is put there later is new, however old it is.
        await asyncio.to_thread(box.add, a_mail(name="dog"), seconds_ago=90 * 86400)
        await has(desk, staff, "bee", "cat", "dog")


@pytest.mark.settings(HELPDESK_MAX_MESSAGE_BYTES="100000")
async def test_a_mail_above_the_limit_is_listed(open_desk: Open, box: Box, environment: dict[str, str]) -> None:
    environment["HELPDESK_MAX_MESSAGE_BYTES"] = "100000"
    await asyncio.to_thread(box.add, a_mail(name="ant", text="A line of a large mail.\n" * 8000), a_mail(name="bee"))
    async with open_desk("after=delete") as (desk, staff):
        await has(desk, staff, "ant:refused", "bee")
        row = (await desk.ledger(staff))[1]
        assert row["size_bytes"] > 190_000
        assert b"PC LOAD" not in await staff.bytes(f"/api/intake/{row['id']}/raw")
        await at_peace(desk, staff)
    assert await asyncio.to_thread(box.count) == 1


async def test_two_gateways_on_one_mailbox_and_one_dies(
    server: Dovecot, box: Box, authority: Authority, tmp_path: Path
) -> None:
    """Two processes on one PostgreSQL; one is killed outright while it takes mail, and comes back."""
    require("postgresql")
    wanted = [f"mail{number}" for number in range(120)]
    with postgresql(tmp_path / "postgresql") as server_url:
        settings = {
            "HELPDESK_DATABASE_URL": new_database(server_url),
            "HELPDESK_SECRET_KEY": "one secret key for both of the gateways",
            "HELPDESK_SUPPORT_ADDRESS": DESK,
            "HELPDESK_IMAP_URL": server.url(box.user.replace("@", "%40"), "after=seen"),
            "SSL_CERT_FILE": str(authority.root),
        }
        first, second, third = (GatewayProcess(tmp_path / name, settings) for name in ("first", "second", "third"))
        for gateway in (first, second, third):
            gateway.folder.mkdir()
        assert first.command("migrate").returncode == 0
        arguments = ("make-admin", "--username", "olga", "--email", "olga@desk.example", "--password-stdin")
        assert first.command(*arguments, typed=f"{PASSWORD}\n").returncode == 0
        with first.serving():
            first.sign_in("olga", PASSWORD)
            with killed(second):
                for start in range(0, 80, 10):
                    box.add(*(a_mail(name=name) for name in wanted[start : start + 10]))
                wait_until(lambda: len(ledger(first)) > 40, "half of the mails")
            with third.serving():
                box.add(*(a_mail(name=name) for name in wanted[80:]))
                wait_until(lambda: len(ledger(first)) >= 120, "all mails")
            rows = ledger(first)
    assert sorted(row["message_id"].partition("@")[0] for row in rows) == sorted(wanted)
    assert {row["outcome"] for row in rows} == {"ticket"}


@contextmanager
def killed(gateway: GatewayProcess) -> Iterator[None]:
    """The gateway serves meanwhile and ends without a chance to tidy up."""
    command = [gateway.python, "-m", "gateway", "serve"]
    with gateway.log.open("ab") as output:
        process = subprocess.Popen(command, cwd=gateway.folder, env=gateway.environment, stdout=output, stderr=output)
        try:
            wait_until(lambda: "serving" in gateway.log.read_text(), "the gateway")
            yield
        finally:
            process.kill()
            process.wait()


def ledger(gateway: GatewayProcess) -> list[Any]:
    """The whole ledger, newest first."""
    rows = page = gateway.call("GET", "/api/intake?limit=100")
    while len(page) == 100:
        page = gateway.call("GET", f"/api/intake?limit=100&before={page[-1]['id']}")
        rows = rows + page
    return rows  # type: ignore[no-any-return]


MARIA = "maria@customer.example"


async def test_what_staff_sent_by_their_own_program_is_their_answer(open_desk: Open, box: Box) -> None:
    await asyncio.to_thread(box.make, "Sent")
    await asyncio.to_thread(box.add, a_mail(name="ant"))
    await asyncio.to_thread(box.add, a_mail(sender="olga@desk.example", to="a@b.example", name="old"), folder="Sent")
    async with open_desk("sent=Sent") as (desk, staff):
        await has(desk, staff, "ant")
        ticket = (await staff.call("GET", "/api/ticket"))[0]
        await desk.relay.mail_to(MARIA)
        answer = a_mail(
            sender="Olga <olga@desk.example>",
            to=MARIA,
            name="olga1",
            subject="Re: The printer is on fire",
            text="Pull the plug.\n\n> It says PC LOAD LETTER.",
            in_reply_to="<ant@customer.example>",
        )
        aside = a_mail(
            sender="olga@desk.example",
            to="boss@desk.example",
            name="olga2",
            subject=f"Fire [#{ticket['id']}]",
            text="Has he paid?",
        )
        private = a_mail(sender="olga@desk.example", to="mother@home.example", name="olga3", subject="Sunday")
        stranger = a_mail(
            sender="temp@desk.example", to=MARIA, name="temp1", in_reply_to="<ant@customer.example>", text="Hello."
        )
        desks_own = a_mail(
            sender="Support <support@desk.example>",
            to=MARIA,
            name="desk1",
            in_reply_to="<ant@customer.example>",
            text="We are on our way.",
        )
        # A copy of what the desk itself has sent, as some relays keep it.
        await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "By the API."}, status=201)
        ours = (await desk.relay.delivery_to(MARIA, 2)).raw
        rewritten = ours.replace(b"Message-ID: <", b"Message-ID: <x")
        sent = [answer, aside, private, stranger, desks_own, ours, rewritten]
        await asyncio.to_thread(box.add, *sent, folder="Sent")
        await has(desk, staff, "ant", "olga1:answer", "olga2:answer", "temp1:held", "desk1:answer")
        await at_peace(desk, staff)
        said = await staff.call("GET", f"/api/ticket/{ticket['id']}/messages")
        assert [(item["kind"], item["author"]["email"], item["message"]) for item in said] == [
            ("ticket", MARIA, "It says PC LOAD LETTER."),
            ("answer", "olga@desk.example", "By the API."),
            ("answer", "olga@desk.example", "Pull the plug."),
            ("note", "olga@desk.example", "Has he paid?"),
            ("answer", "support@desk.example", "We are on our way."),
        ]
        # Her receipt and the answer by the API; nothing that she has already.
        assert len(desk.relay.deliveries_to(MARIA)) == 2
        # She answers to Olga's mail, and that comes home.
        assert (await desk.send(a_mail(name="bee", subject="Re: what?", in_reply_to="<olga1@customer.example>")))[
            0
        ] == 250
        row = (await desk.ledger(staff))[0]
        assert (row["outcome"], row["ticket"] is not None) == ("answer", True)
        # A copy that arrives at the desk besides is no second answer that goes out.
        assert (await desk.send(answer, sender="olga@desk.example"))[0] == 250
        assert (await desk.ledger(staff))[0]["outcome"] == "held"
        assert len(desk.relay.deliveries_to(MARIA)) == 2
