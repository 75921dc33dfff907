"""`helpdesk demo`: the whole story on a throw-away gateway, through real sockets, each step shown as it happens.

A customer's mail comes in by SMTP, becomes a ticket, staff answer by the JSON API, the answer leaves by SMTP to a
mail catcher, the customer replies to that mail, staff solve the ticket. Everything lives in a temporary folder and
is gone afterwards. Nothing is staged: if a step does not happen, the demo fails.
"""

from __future__ import annotations

import asyncio
import json
import smtplib
import tempfile
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from gateway import people
from gateway.app import Gateway, catching, running
from gateway.config import load_settings
from gateway.model import Delivery, Outcome, Taken
from gateway.passwords import Passwords

_DESK = "support@desk.example"
_CUSTOMER = "Maria Petrova <maria@customer.example>"
_PATIENCE_SECONDS = 10
_INDENT = "      "


async def play() -> int:
    """Play the story; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="helpdesk-demo-") as folder:
        caught: asyncio.Queue[Delivery] = asyncio.Queue()
        plain = load_settings({"HELPDESK_DATA_DIR": f"{folder}/catcher"}, Path(folder))

        async def catch(delivery: Delivery) -> Taken:
            caught.put_nowait(delivery)
            return Taken(intake_id=caught.qsize(), outcome=Outcome.TICKET)

        async with catching(plain, catch) as relay_port:
            settings = load_settings(
                {
                    "HELPDESK_DATA_DIR": f"{folder}/desk",
                    "HELPDESK_HTTP_LISTEN": "127.0.0.1:0",
                    "HELPDESK_SMTP_LISTEN": "127.0.0.1:0",
                    "HELPDESK_SUPPORT_ADDRESS": _DESK,
                    "HELPDESK_SUPPORT_NAME": "Example Support",
                    "HELPDESK_RELAY_URL": f"smtp://127.0.0.1:{relay_port}",
                },
                Path(folder),
            )
            async with running(settings) as gateway:
                await _Story(gateway, caught).tell()
    print("\nThat was all, and it is gone again. `make run` starts a gateway that stays.")
    return 0


class _Story:
    """The steps, one after the other."""

    def __init__(self, gateway: Gateway, caught: asyncio.Queue[Delivery]) -> None:
        self._gateway = gateway
        self._caught = caught
        self._url = f"http://127.0.0.1:{gateway.http_port}"
        self._step = 0

    def _say(self, words: str) -> None:
        self._step += 1
        print(f"\n{self._step:>2}.  {words}")

    async def tell(self) -> None:
        self._say(f"A gateway is running: HTTP on {self._gateway.http_port}, SMTP on {self._gateway.smtp_port}.")
        token = await self._sign_in_staff()
        self._say("A customer, unknown so far, writes a mail:")
        first = _mail(_CUSTOMER, _DESK, "The printer is on fire", "Hello,\n\nit says PC LOAD LETTER.\n\nMaria")
        await self._send(first)
        self._say("The desk tells staff, and tells her that it has arrived:")
        for _ in range(2):
            await self._receive()
        ticket = (await self._call("GET", "/api/ticket", token))[0]
        path = f"/api/ticket/{ticket['id']}"
        self._say("It is a ticket, as the API shows it:")
        _show_json(await self._call("GET", path, token))
        self._say("Staff answer by the API:")
        _show_json(await self._call("POST", f"{path}/answer", token, {"message": "Please send us a photo."}))
        self._say("The customer gets the answer as a mail:")
        answer = await self._receive()
        self._say("She presses Reply and writes above the quoted mail, as people do:")
        quoted = "\n".join(f"> {line}" for line in answer.get_content().splitlines())
        intro = f"On Mon, 23 Nov 2026 at 10:00, Example Support <{_DESK}> wrote:"
        reply = _mail(
            _CUSTOMER, answer["Reply-To"], answer["Subject"], f"Here it is: a black hole.\n\n{intro}\n{quoted}"
        )
        reply["In-Reply-To"] = reply["References"] = answer["Message-ID"]
        await self._send(reply)
        self._say("Her answer is on the ticket, without the quoted history, and staff hear of it:")
        await self._receive()
        for message in (await self._call("GET", f"{path}/messages", token))[-2:]:
            print(f"{_INDENT}{message['author']['name']} ({message['via']}): {message['message']}")
        self._say("Staff set the status to solved:")
        _show_json(await self._call("POST", f"{path}/set_status", token, {"status": "c"}))
        self._say("Every mail that came is in the ledger:")
        for row in reversed(await self._call("GET", "/api/intake", token)):
            print(f"{_INDENT}#{row['id']} {row['outcome']:<7} {row['from']}: {row['subject']} ({row['reason']})")

    async def _sign_in_staff(self) -> str:
        passwords = Passwords()
        password_hash = await passwords.hash("correct horse battery")
        passwords.close()
        now = datetime.now(UTC)
        await self._gateway.database.write(
            lambda connection: people.make_admin(
                connection, username="olga", email="olga@desk.example", password_hash=password_hash, now=now
            )
        )
        pair = await self._call(
            "POST", "/auth/jwt/create/", "", {"username": "olga", "password": "correct horse battery"}
        )
        self._say("Olga is its administrator and has signed in.")
        return str(pair["access"])

    async def _call(self, method: str, path: str, token: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            ClientSession(self._url, headers=headers) as session,
            session.request(method, path, json=body) as response,
        ):
            response.raise_for_status()
            return await response.json()

    async def _send(self, mail: EmailMessage) -> None:
        def deliver() -> str:
            with smtplib.SMTP("127.0.0.1", self._gateway.smtp_port, timeout=_PATIENCE_SECONDS) as client:
                client.ehlo("customer.example")
                client.mail("maria@customer.example")
                client.rcpt(str(mail["To"]))
                code, words = client.data(mail.as_bytes(policy=policy.SMTP))
                return f"{code} {words.decode()}"

        _show_mail(mail)
        print(f"{_INDENT}(the desk says: {await asyncio.to_thread(deliver)})")

    async def _receive(self) -> EmailMessage:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            delivery = await self._caught.get()
        mail = message_from_bytes(delivery.raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        _show_mail(mail)
        return mail


def _mail(sender: str, recipient: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, subject
    mail["Message-ID"] = make_msgid(domain="customer.example")
    mail.set_content(text)
    return mail


def _show_mail(mail: EmailMessage) -> None:
    print()
    for name in ("From", "To", "Reply-To", "Subject", "In-Reply-To", "Auto-Submitted"):
        if mail[name]:
            print(f"{_INDENT}{name}: {mail[name]}")
    print()
    for line in mail.get_content().expandtabs(4).splitlines():
        print(f"{_INDENT}{line}".rstrip())
    print()


def _show_json(value: object) -> None:
    print("\n".join(_INDENT + line for line in json.dumps(value, indent=2).splitlines()))
