"""The gateway on PostgreSQL: one process from an empty database to a told story, and two that share one outbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.builders import DESK, PASSWORD, a_mail, send
from tests.services import GatewayProcess, new_database, postgresql, require, until

pytestmark = pytest.mark.slow

MARIA = "maria@customer.example"
OLGA = "olga@desk.example"
NOTIFICATION = """\
Support has reply to yor ticket:

\tIt says PC LOAD LETTER.
------------------------------

Reply message:

\tPull the plug.
_____________________________

To check your ticket, press to link: http://localhost:8000/api/ticket/{id}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require("postgresql")
    with postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@dataclass
class Relay:
    """The Maildir that every gateway of a test sends to."""

    path: Path

    @property
    def url(self) -> str:
        return f"maildir:{self.path}"

    def letters(self, *, to: str = "") -> list[EmailMessage]:
        """What was sent so far, to one address or in all, in no order."""
        read = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in self.path.glob("new/*")]
        return [letter for letter in read if isinstance(letter, EmailMessage) and to in letter["To"]]

    def letter(self, address: str, *, about: str) -> EmailMessage:
        """The one letter to the address whose subject or text holds these words, waited for."""

        def look() -> list[EmailMessage]:
            letters = self.letters(to=address)
            return [letter for letter in letters if about in letter["Subject"] or about in letter.get_content()]

        [letter] = until(look, f"a letter to {address} about {about}")
        return letter


@pytest.fixture
def relay(tmp_path: Path) -> Relay:
    return Relay(tmp_path / "relay")


def a_gateway(folder: Path, database_url: str, relay_url: str, **settings: str) -> GatewayProcess:
    """A gateway with a folder of its own, not serving yet. All of them have one key, as the README asks for."""
    folder.mkdir()
    shared = {
        "HELPDESK_DATABASE_URL": database_url,
        "HELPDESK_RELAY_URL": relay_url,
        "HELPDESK_SUPPORT_ADDRESS": DESK,
        "HELPDESK_SECRET_KEY": "the same key for every process of one desk",
        # Looking again and again until something is there is nothing that a user does.
        "HELPDESK_API_LIMIT": "off",
    }
    return GatewayProcess(folder, shared | settings)


def migrate(gateway: GatewayProcess) -> str:
    """Run `helpdesk migrate`; returns what it said."""
    done = gateway.command("migrate")
    assert done.returncode == 0, done.stderr
    return done.stdout


def appoint_olga(gateway: GatewayProcess) -> None:
    arguments = ("make-admin", "--username", "olga", "--email", OLGA, "--password-stdin")
    made = gateway.command(*arguments, typed=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr


def test_a_database_is_served_only_once_it_is_migrated(server: str, relay: Relay, tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path / "gateway", new_database(server), relay.url)

    # Serving an empty database is refused in one line, and nothing is made in it.
    for command in (["serve"], ["make-admin", "--username", "olga", "--email", OLGA]):
        refused = gateway.command(*command)
        assert refused.returncode not in {0, -9, -15}
        [line] = refused.stderr.splitlines()
        assert "`helpdesk migrate`" in line
        assert refused.stdout == ""

    # A mail that comes by a pipe then has to wait.
    waits = gateway.command("deliver", "--to", DESK, typed=a_mail().decode())
    assert waits.returncode == 75

    first = migrate(gateway)
    assert len(first.splitlines()) == 1
    assert "was empty" in first
    version = first.split()[-2]
    assert migrate(gateway) == f"The database is at version {version} already; nothing to do.\n"
    with gateway.serving():
        assert gateway.call("GET", "/ready") == {"status": "ok"}


def test_the_loop_on_postgresql(server: str, relay: Relay, tmp_path: Path) -> None:
    gateway = a_gateway(tmp_path / "gateway", new_database(server), relay.url)
    migrate(gateway)
    appoint_olga(gateway)

    def maria_writes(mail: bytes, *, to: str = DESK) -> None:
        code, words = send(gateway.smtp_port, mail, MARIA, to)
        assert code == 250, words

    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)

        # A mail becomes a ticket, with a receipt for her and a notice for staff.
        ant = a_mail(name="ant")
        maria_writes(ant)
        [ticket] = gateway.call("GET", "/api/ticket")
        path = f"/api/ticket/{ticket['id']}"
        assert (ticket["from_user"], ticket["message"]) == (MARIA, "It says PC LOAD LETTER.")
        assert relay.letter(MARIA, about="received")["Auto-Submitted"] == "auto-replied"
        assert "PC LOAD LETTER" in relay.letter(OLGA, about="New ticket").get_content()

        # Staff answer, and the documented text goes out.
        gateway.call("POST", f"{path}/answer", {"message": "Pull the plug."}, status=201)
        notification = relay.letter(MARIA, about="Pull the plug.")
        assert notification.get_payload(decode=True) == NOTIFICATION.format(id=ticket["id"]).encode()
        assert notification["Subject"] == f"Re: The printer is on fire [#{ticket['id']}]"
        assert notification["In-Reply-To"] == "<ant@customer.example>"

        # She replies to the signed address.
        home = notification["Reply-To"].addresses[0].addr_spec
        text = f"It is out now.\n\nOn Mon, 23 Nov 2026 at 10:00, Support <{DESK}> wrote:\n> Pull the plug.\n"
        bee = a_mail(name="bee", to=home, subject=notification["Subject"], text=text)
        maria_writes(bee, to=home)
        messages = gateway.call("GET", f"{path}/messages")
        assert [entry["message"] for entry in messages] == [ticket["message"], "Pull the plug.", "It is out now."]
        assert "Pull the plug." in messages[-1]["quoted"]
        relay.letter(OLGA, about="It is out now.")

        # Staff change the status; what is sent again changes nothing.
        changed = gateway.call("POST", f"{path}/set_status", {"status": "c"})
        assert changed["status"] == "c"
        maria_writes(ant)
        maria_writes(bee, to=home)
        after = gateway.call("GET", path)
        assert (after["status"], after["changed_status"]) == ("c", changed["changed_status"])
        assert len(after["answers"]) == 2
        assert [row["outcome"] for row in gateway.call("GET", "/api/intake")] == [
            "duplicate",
            "duplicate",
            "answer",
            "ticket",
        ]
        assert [entry["id"] for entry in gateway.call("GET", "/api/ticket?status=c")] == [ticket["id"]]
        assert gateway.call("GET", "/api/ticket?status=u") == []
        until(lambda: not owed(gateway), "a paid outbox")

    # It stops cleanly, and finds everything again.
    assert len(relay.letters()) == 4
    with gateway.serving():
        assert gateway.call("GET", path) == after
    assert len(relay.letters()) == 4


def owed(gateway: GatewayProcess) -> list[object]:
    """What the outbox has not paid yet."""
    return [row for state in ("queued", "sending") for row in gateway.call("GET", f"/api/outbox?state={state}")]


def test_two_processes_pay_one_outbox_exactly_once(server: str, relay: Relay, tmp_path: Path) -> None:
    count = 50
    quiet = {"HELPDESK_ACKNOWLEDGE": "off", "HELPDESK_NOTIFY_STAFF": "off"}
    database_url = new_database(server)
    # The first process finds a file where its Maildir should be, so that what it owes piles up.
    blocked = tmp_path / "blocked"
    clerk = a_gateway(tmp_path / "clerk", database_url, f"maildir:{blocked}", HELPDESK_RETRY_SECONDS="1", **quiet)
    migrate(clerk)
    appoint_olga(clerk)
    with clerk.serving():
        clerk.sign_in("olga", PASSWORD)
        blocked.write_text("")
        for number in range(count):
            mail = a_mail(name=f"ant{number}", sender=f"ant{number}@customer.example", subject=f"Fire {number}")
            assert send(clerk.smtp_port, mail, MARIA, DESK)[0] == 250
        tickets = clerk.call("GET", "/api/ticket")
        assert len(tickets) == count
        for ticket in tickets:
            clerk.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "Pull the plug."}, status=201)
    assert relay.letters() == []

    # Then two at once find it all due, and a second answer to every ticket comes in by both of them meanwhile.
    pair = [a_gateway(tmp_path / name, database_url, relay.url, **quiet) for name in ("left", "right")]
    with pair[0].serving(), pair[1].serving():
        for gateway in pair:
            gateway.token = clerk.token
        for number, ticket in enumerate(tickets):
            body = {"message": "Is it out?"}
            pair[number % 2].call("POST", f"/api/ticket/{ticket['id']}/answer", body, status=201)
        until(lambda: not owed(pair[0]), "a paid outbox", seconds=60)

    letters = relay.letters()
    assert len({letter["Message-ID"] for letter in letters}) == len(letters) == 2 * count
    for words in ("Pull the plug.", "Is it out?"):
        recipients = Counter(letter["To"] for letter in letters if words in letter.get_content())
        assert recipients == {f"ant{number}@customer.example": 1 for number in range(count)}
