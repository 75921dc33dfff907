"""The loop with a real Postfix on each side, and every actor a process of its own.

swaks hands the customer's mail to the inbound Postfix, which relays it into the gateway; the gateway's mail goes out
through a second Postfix into Maildirs, where it is read as it arrived.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.builders import DESK, PASSWORD, a_mail, send
from tests.services import (
    UNPRIVILEGED,
    GatewayProcess,
    Postfix,
    free_port,
    open_folder,
    postfix,
    require,
    until,
)

pytestmark = pytest.mark.slow

MARIA = "maria@customer.example"
OLGA = "olga@desk.example"
PUBLIC_URL = "https://help.desk.example"
NOTIFICATION = """\
Support has reply to yor ticket:

\tThe printer is on fire.
\tIt says PC LOAD LETTER — still.
------------------------------

Reply message:

\tPull the plug.
\t
\tThen call us, Grüße!
_____________________________

To check your ticket, press to link: https://help.desk.example/api/ticket/{id}
"""


@pytest.fixture(autouse=True)
def _programs() -> None:
    require("postfix")


@pytest.fixture
def outbound(tmp_path: Path) -> Iterator[Postfix]:
    with postfix(tmp_path / "outbound", mailboxes=[MARIA, OLGA]) as server:
        yield server


@pytest.fixture
def gateway(tmp_path: Path, outbound: Postfix) -> GatewayProcess:
    """The desk, set up and with an administrator, but not serving yet."""
    process = GatewayProcess(tmp_path / "gateway", settings_for(outbound))
    process.folder.mkdir()
    appoint_olga(process)
    return process


@pytest.fixture
def inbound(tmp_path: Path, gateway: GatewayProcess) -> Iterator[Postfix]:
    with postfix(tmp_path / "inbound", relays={"desk.example": gateway.smtp_port}) as server:
        yield server


def settings_for(outbound: Postfix) -> dict[str, str]:
    return {
        "HELPDESK_SUPPORT_ADDRESS": DESK,
        "HELPDESK_PUBLIC_URL": PUBLIC_URL,
        "HELPDESK_RELAY_URL": f"smtp://127.0.0.1:{outbound.port}",
    }


def appoint_olga(gateway: GatewayProcess) -> None:
    arguments = ("make-admin", "--username", "olga", "--email", OLGA, "--password-stdin")
    made = gateway.command(*arguments, typed=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr


@dataclass
class Customer:
    """Maria: writes with swaks through the inbound Postfix, reads what lies in her Maildir."""

    inbound: Postfix
    outbound: Postfix
    address: str = MARIA

    def writes(self, mail: bytes, *, to: str = DESK) -> None:
        sent = self._swaks(mail, to)
        assert sent.returncode == 0, sent.stdout

    def is_refused(self, mail: bytes, *, to: str) -> str:
        sent = self._swaks(mail, to)
        assert sent.returncode != 0
        return sent.stdout

    def reads(self, count: int) -> EmailMessage:
        """The `count`th mail that reached her."""
        return read_mail(self.outbound, self.address, count)

    def _swaks(self, mail: bytes, to: str) -> subprocess.CompletedProcess[str]:
        server = ["--server", "127.0.0.1", "--port", str(self.inbound.port), "--helo", "customer.example"]
        envelope = ["--from", self.address, "--to", to]
        return subprocess.run(
            ["swaks", *server, *envelope, "--no-data-fixup", "--silent", "2", "--data", mail.decode() + ".\r\n"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )


def read_mail(outbound: Postfix, address: str, count: int) -> EmailMessage:
    until(lambda: len(outbound.mails_to(address)) >= count, f"mail {count} to {address}")
    mail = message_from_bytes(outbound.mails_to(address)[count - 1], policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def outcomes(gateway: GatewayProcess, count: int) -> list[str]:
    """What became of the mails so far, oldest first, once there are `count`."""
    until(lambda: len(gateway.call("GET", "/api/intake")) >= count, f"{count} mails in the ledger")
    return [row["outcome"] for row in reversed(gateway.call("GET", "/api/intake"))]


def test_the_loop_through_postfix(gateway: GatewayProcess, inbound: Postfix, outbound: Postfix) -> None:
    maria = Customer(inbound, outbound)
    question = "The printer is on fire.\nIt says PC LOAD LETTER — still."
    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)

        # The customer's mail becomes a ticket; she gets a receipt, staff get a notice.
        maria.writes(a_mail(name="ant", subject="Feuer — печать", text=question))
        assert outcomes(gateway, 1) == ["ticket"]
        [ticket] = gateway.call("GET", "/api/ticket")
        assert (ticket["from_user"], ticket["message"], ticket["status"]) == (MARIA, question, "u")
        receipt = maria.reads(1)
        assert receipt["Return-Path"] == "<>"
        assert receipt["Auto-Submitted"] == "auto-replied"
        assert receipt["In-Reply-To"] == "<ant@customer.example>"
        assert read_mail(outbound, OLGA, 1)["Subject"].endswith(f"[#{ticket['id']}]")

        # Staff answer; the documented text is what arrives.
        path = f"/api/ticket/{ticket['id']}"
        answer = {"message": "Pull the plug.\n\nThen call us, Grüße!"}
        gateway.call("POST", f"{path}/answer", answer, status=201)
        notification = maria.reads(2)
        assert notification.get_content_type() == "text/plain"
        assert notification["Content-Type"].params["charset"] == "utf-8"
        assert notification.get_payload(decode=True) == NOTIFICATION.format(id=ticket["id"]).encode()
        assert notification["Subject"] == f"Re: Feuer — печать [#{ticket['id']}]"
        assert notification["From"] == f"Support <{DESK}>"
        assert notification["To"] == MARIA
        assert notification["In-Reply-To"] == "<ant@customer.example>"
        assert "<ant@customer.example>" in notification["References"].split()
        home = notification["Reply-To"].addresses[0].addr_spec
        token = home.removeprefix("support+").removesuffix("@desk.example")
        assert f"support+{token}@desk.example" == home
        assert notification["Message-ID"] == f"<{token}@desk.example>"

        # She replies to it; what she quotes is kept aside.
        quoted = "".join(f"> {line}\n" for line in notification.get_content().splitlines())
        reply = a_mail(
            name="bee",
            to=f"Support <{home}>",
            subject=f"Re: {notification['Subject']}",
            text=f"It is out now.\nThank you.\n\nOn Mon, 23 Nov 2026 at 10:00, Support <{DESK}> wrote:\n\n{quoted}",
        )
        maria.writes(reply, to=home)
        assert outcomes(gateway, 2) == ["ticket", "answer"]
        messages = gateway.call("GET", f"{path}/messages")
        assert [entry["message"] for entry in messages] == [
            question,
            answer["message"],
            "It is out now.\nThank you.",
        ]
        assert messages[-1]["author"]["email"] == MARIA
        assert "Pull the plug." in messages[-1]["quoted"]
        assert "It is out now." in read_mail(outbound, OLGA, 2).get_content()

        # The same mail once more changes nothing, though Postfix wrote other trace headers over it.
        before = gateway.call("GET", path)
        maria.writes(reply, to=home)
        assert outcomes(gateway, 3) == ["ticket", "answer", "duplicate"]
        assert gateway.call("GET", path) == before
        assert len(gateway.call("GET", f"{path}/messages")) == 3

        # An address that is not the desk's comes back to whoever sent it there; the desk never hears of it.
        maria.writes(a_mail(name="cat"), to="sales@desk.example")
        until(lambda: "550 5.1.1" in inbound.log.read_text(), "the refusal at RCPT")
        assert len(gateway.call("GET", "/api/intake")) == 3

    assert len(outbound.mails_to(MARIA)) == 2
    assert len(outbound.mails_to(OLGA)) == 2


def test_mail_waits_in_postfix_while_the_gateway_is_away(
    gateway: GatewayProcess, inbound: Postfix, outbound: Postfix
) -> None:
    maria = Customer(inbound, outbound)
    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)
        maria.writes(a_mail(name="ant"))
        assert outcomes(gateway, 1) == ["ticket"]

    # Nobody is there: Postfix says yes to the customer all the same, and keeps the mail.
    maria.writes(a_mail(name="bee", subject="Are you there?"))
    [kept] = until(lambda: [mail for mail in inbound.waiting() if mail["queue_name"] == "deferred"], "a deferred mail")
    assert "Connection refused" in kept["recipients"][0]["delay_reason"]

    with gateway.serving():
        inbound.flush()
        assert outcomes(gateway, 2) == ["ticket", "ticket"]
        until(lambda: not inbound.waiting(), "an empty queue")
        newest, _ = gateway.call("GET", "/api/ticket")
        subjects = [entry["subject"] for entry in gateway.call("GET", f"/api/ticket/{newest['id']}/messages")]
        assert subjects == ["Are you there?"]
        # One receipt for each ticket, and no third one.
        assert {maria.reads(count)["In-Reply-To"] for count in (1, 2)} == {
            "<ant@customer.example>",
            "<bee@customer.example>",
        }
        assert outcomes(gateway, 2) == ["ticket", "ticket"]
    assert len(outbound.mails_to(MARIA)) == 2


def test_a_delivery_report_finds_the_mail_that_came_back(tmp_path: Path) -> None:
    port = free_port()
    # Her mail server takes everything and finds out later that her mailbox is gone.
    with postfix(tmp_path / "mx", relays={"desk.example": port}, pipes={"customer.example": Path("/bin/false")}) as mx:
        settings = settings_for(mx) | {"HELPDESK_NOTIFY_STAFF": "off"}
        gateway = GatewayProcess(tmp_path / "gateway", settings, smtp_port=port)
        gateway.folder.mkdir()
        appoint_olga(gateway)
        maria = Customer(inbound=mx, outbound=mx)
        with gateway.serving():
            gateway.sign_in("olga", PASSWORD)
            maria.writes(a_mail(name="ant"))
            assert outcomes(gateway, 1) == ["ticket"]
            [ticket] = gateway.call("GET", "/api/ticket")
            path = f"/api/ticket/{ticket['id']}"
            gateway.call("POST", f"{path}/answer", {"message": "Pull the plug."}, status=201)
            # The receipt has no sender to report to; the notification's report comes home.
            assert outcomes(gateway, 2) == ["ticket", "bounce"]
            [report, _] = gateway.call("GET", "/api/intake")
            assert (report["envelope_from"], report["ticket"]) == ("", ticket["id"])
            [returned] = gateway.call("GET", "/api/outbox?state=bounced")
            assert (returned["recipient"], returned["kind"]) == (MARIA, "answer")
            # It is nobody's answer, and it owes nobody a mail.
            assert len(gateway.call("GET", path)["answers"]) == 1
            until(lambda: not mx.waiting(), "an empty queue")
            assert outcomes(gateway, 2) == ["ticket", "bounce"]


def test_deliver_as_a_pipe_transport(tmp_path: Path, outbound: Postfix) -> None:
    require("postfix-pipe")
    # Postfix runs no pipe as root: gateway and pipe are the same unprivileged user's, as on a real machine.
    with open_folder(UNPRIVILEGED) as home:
        gateway = GatewayProcess(home, settings_for(outbound), user=UNPRIVILEGED)
        appoint_olga(gateway)
        script = home / "deliver"
        script.write_text(pipe_script(gateway))
        script.chmod(0o755)
        with (
            postfix(tmp_path / "inbound", pipes={"desk.example": script}) as inbound,
            gateway.serving(),
        ):
            gateway.sign_in("olga", PASSWORD)
            maria = Customer(inbound, outbound)
            mail = a_mail(name="ant", text="From a pipe.\nFrom the start of a line.")
            maria.writes(mail)
            assert outcomes(gateway, 1) == ["ticket"]
            [row] = gateway.call("GET", "/api/intake")
            assert (row["source"], row["envelope_from"], row["envelope_to"]) == ("pipe", MARIA, [DESK])
            [ticket] = gateway.call("GET", "/api/ticket")
            assert ticket["message"] == "From a pipe.\nFrom the start of a line."
            # The gateway that serves meanwhile sends the receipt: the pipe only wrote down that it is owed.
            assert maria.reads(1)["In-Reply-To"] == "<ant@customer.example>"

            # The same mail by another road, with other trace headers and line ends, is known.
            assert send(gateway.smtp_port, mail, MARIA, DESK)[0] == 250
            assert outcomes(gateway, 2) == ["ticket", "duplicate"]

            # The exit code tells Postfix that there is no such address.
            maria.writes(a_mail(name="bee"), to="sales@desk.example")
            until(lambda: "dsn=5.1.1" in inbound.log.read_text(), "the bounce")
            until(lambda: not inbound.waiting(), "an empty queue")
            assert outcomes(gateway, 2) == ["ticket", "duplicate"]


def pipe_script(gateway: GatewayProcess) -> str:
    """What an operator would put in front of `helpdesk deliver`: its folder and its settings."""
    settings = "".join(f"export {name}='{value}'\n" for name, value in gateway.environment.items())
    command = f'exec \'{gateway.python}\' -m gateway deliver --from "$1" --to "$2"'
    return f"#!/bin/sh\n{settings}cd '{gateway.folder}' || exit 75\n{command}\n"
