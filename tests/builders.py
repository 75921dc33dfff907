"""What tests are made of: mails that look like mails, and the actors of a story, each with real sockets.

Mails have animal names (`<ant@…>`), so that a failure names its mail.
"""

from __future__ import annotations

import asyncio
import smtplib
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import ClientSession

from gateway import people
from gateway.app import Gateway
from gateway.model import Delivery, Outcome, Taken
from gateway.passwords import Passwords

DESK = "support@desk.example"
PASSWORD = "a long enough secret"  # a test's
PATIENCE_SECONDS = 10


def a_mail(
    *,
    sender: str = "Maria <maria@customer.example>",
    to: str = DESK,
    subject: str = "The printer is on fire",
    text: str = "It says PC LOAD LETTER.",
    name: str = "ant",
    **headers: str,
) -> bytes:
    """A plain mail, lines ended by CRLF. `name` becomes its Message-ID; headers are given as `in_reply_to=…`."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}"]
    if name:
        lines.append(f"Message-ID: <{name}@customer.example>")
    lines += [f"{key.replace('_', '-').title()}: {value}" for key, value in headers.items()]
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return ("\r\n".join(lines) + "\r\n\r\n" + text.replace("\n", "\r\n") + "\r\n").encode()


def a_delivery_report(*, action: str, status: str, of: str = "maria@customer.example", name: str = "bug") -> bytes:
    """What a mail server says of a mail it has, has not, or has not yet delivered (RFC 3464)."""
    lines = [
        "From: MAILER-DAEMON@relay.example",
        f"Subject: Mail {action}",
        f"Message-ID: <{name}@relay.example>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "See below.",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; relay.example",
        "",
        f"Final-Recipient: rfc822; {of}",
        f"Action: {action}",
        f"Status: {status}",
        "",
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


@dataclass
class Relay:
    """The relay at the end of the wire: keeps every mail it is given, and can be told to misbehave."""

    port: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def catch(self, delivery: Delivery) -> Taken:
        self.deliveries.append(delivery)
        self.arrived.set()
        return Taken(intake_id=len(self.deliveries), outcome=Outcome.TICKET)

    async def mail_to(self, address: str, count: int = 1) -> EmailMessage:
        """The `count`th mail to this address, waited for."""
        delivery = await self.delivery_to(address, count)
        mail = message_from_bytes(delivery.raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    async def delivery_to(self, address: str, count: int = 1) -> Delivery:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := self.deliveries_to(address)) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return found[count - 1]

    def deliveries_to(self, address: str) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if address in delivery.envelope_to]


@dataclass
class Api:
    """Somebody at the API; `token` is empty for nobody in particular."""

    session: ClientSession
    token: str = ""
    id: int = 0

    async def call(self, method: str, path: str, body: object = None, *, status: int = 200, **options: Any) -> Any:
        """Make a call, which must answer with `status`; returns the JSON."""
        async with self.response(method, path, body, **options) as response:
            text = await response.text()
            assert response.status == status, f"{method} {path}: {response.status} {text}"
            return await response.json() if response.content_type == "application/json" else text

    def response(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        headers = options.pop("headers", {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            options["json"] = body
        return self.session.request(method, path, headers=headers, **options)

    async def bytes(self, path: str) -> bytes:
        async with self.response("GET", path) as response:
            assert response.status == 200, response.status
            return await response.read()  # type: ignore[no-any-return]


@dataclass
class Desk:
    """A running gateway, its relay, and the people around it."""

    gateway: Gateway
    relay: Relay
    session: ClientSession

    @property
    def nobody(self) -> Api:
        return Api(self.session)

    async def register(self, name: str, email: str = "") -> Api:
        """A customer with an account, signed in."""
        email = email or f"{name}@customer.example"
        body = {"username": name, "email": email, "password": PASSWORD}
        user = await self.nobody.call("POST", "/auth/users/", body, status=201)
        return await self.sign_in(name, user["id"])

    async def sign_in(self, name: str, person_id: int = 0) -> Api:
        pair = await self.nobody.call("POST", "/auth/jwt/create/", {"username": name, "password": PASSWORD})
        return Api(self.session, pair["access"], person_id)

    async def staff(self, name: str = "olga") -> Api:
        """An administrator, who is staff too, signed in."""
        hashed = await self._hash()
        person, _ = await self.gateway.database.write(
            lambda connection: people.make_admin(
                connection,
                username=name,
                email=f"{name}@desk.example",
                password_hash=hashed,
                now=self.now(),
            )
        )
        return await self.sign_in(name, person.id)

    @staticmethod
    async def _hash() -> str:
        passwords = Passwords()
        try:
            return await passwords.hash(PASSWORD)
        finally:
            passwords.close()

    @staticmethod
    def now() -> Any:
        from mail.intake import utc_now

        return utc_now()

    async def send(
        self, mail: bytes, *, sender: str = "maria@customer.example", to: str | list[str] = DESK
    ) -> tuple[int, str]:
        """Hand a mail over by SMTP; returns the answer to it."""
        return await asyncio.to_thread(send, self.gateway.smtp_port, mail, sender, to)

    async def open_by_mail(self, staff: Api, **mail: str) -> dict[str, Any]:
        """A ticket made by a mail, as staff see it."""
        code, words = await self.send(a_mail(**mail))
        assert code == 250, words
        return (await staff.call("GET", "/api/ticket"))[0]  # type: ignore[no-any-return]

    async def ledger(self, staff: Api) -> list[dict[str, Any]]:
        return await staff.call("GET", "/api/intake")  # type: ignore[no-any-return]


def send(port: int, mail: bytes, sender: str, to: str | list[str]) -> tuple[int, str]:
    """Hand a mail over by SMTP; returns the answer to it, or to the recipient that was refused."""
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE_SECONDS) as client:
        client.ehlo("customer.example")
        client.mail(sender)
        for recipient in [to] if isinstance(to, str) else to:
            code, words = client.rcpt(recipient)
            if code != 250:
                return code, words.decode()
        code, words = client.data(mail)
        return code, words.decode()
