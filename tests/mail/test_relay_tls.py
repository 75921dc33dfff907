"""The password for the relay leaves under TLS only, and only to the relay that the certificate names."""

from __future__ import annotations

import asyncio
import base64
import shutil
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.values import Relay
from mail import relay
from mail.compose import Letter
from mail.relay import SmtpSender, TryLater
from tests.certificates import Certificates

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
LETTER = Letter("support@desk.example", "maria@customer.example", b"Subject: x\r\n\r\nhello\r\n")
PASSWORD = "a relay's password"
SHOWN = base64.b64encode(f"\0desk\0{PASSWORD}".encode())


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("authority")).found()


@pytest.fixture(autouse=True)
def _trust(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.root))
    relay._tls_context.cache_clear()
    yield
    relay._tls_context.cache_clear()


def _shown_by(certificates: Certificates, name: str, **options: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.issue(name, **options))  # type: ignore[arg-type]
    return context


@dataclass
class Peer:
    """A relay that offers STARTTLS and takes a password; keeps what it hears in the clear and under TLS."""

    context: ssl.SSLContext
    offer: str = "250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN"
    starttls: str = "220 go"
    direct: bool = False
    clear: list[bytes] = field(default_factory=list)
    sealed: list[bytes] = field(default_factory=list)

    async def send(self, *, password: str = PASSWORD, host: str = "localhost") -> str:
        server = await asyncio.start_server(self, "127.0.0.1", 0, ssl=self.context if self.direct else None)
        address = Relay(
            scheme="smtps" if self.direct else "smtp",
            host=host,
            port=server.sockets[0].getsockname()[1],
            username="desk" if password else "",
            password=password,
        )
        sender = SmtpSender(address, "desk.example")
        try:
            return await sender.send(LETTER)
        finally:
            await sender.close()
            server.close()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = self.sealed if self.direct else self.clear
        try:
            writer.write(b"220 relay\r\n")
            while line := await reader.readline():
                heard.append(line)
                verb = line.split()[0].upper()
                if verb == b"STARTTLS":
                    writer.write(self.starttls.encode() + b"\r\n")
                    if self.starttls.startswith("220"):
                        await writer.start_tls(self.context)
                        heard = self.sealed
                elif verb == b"EHLO":
                    writer.write(
                        (self.offer if heard is self.clear else "250-relay\r\n250 AUTH PLAIN").encode() + b"\r\n"
                    )
                elif verb == b"AUTH":
                    writer.write(b"235 welcome\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 taken\r\n")
                else:
                    writer.write(b"250 ok\r\n")
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


async def test_under_tls_with_a_valid_certificate_it_is_told(certificates: Certificates) -> None:
    peer = Peer(_shown_by(certificates, "good"))
    assert await peer.send() == "250 taken"
    assert [line.split()[0] for line in peer.clear] == [b"EHLO", b"STARTTLS"]
    assert any(SHOWN in line for line in peer.sealed)


async def test_on_the_port_for_tls_too(certificates: Certificates) -> None:
    peer = Peer(_shown_by(certificates, "direct"), direct=True)
    assert await peer.send() == "250 taken"
    assert any(SHOWN in line for line in peer.sealed)


@pytest.mark.parametrize(
    "options",
    [
        {"offer": "250-relay\r\n250 AUTH PLAIN LOGIN"},
        {"offer": "250 relay"},
        {"offer": "502 what is EHLO"},
        {"starttls": "454 TLS is not available"},
        {"starttls": "502 what is STARTTLS"},
    ],
    ids=["not offered", "nothing offered", "no EHLO", "not available", "not known"],
)
async def test_a_relay_that_strips_starttls_sees_no_password(
    certificates: Certificates, options: dict[str, str]
) -> None:
    peer = Peer(_shown_by(certificates, "stripped"), **options)  # type: ignore[arg-type]
    with pytest.raises(TryLater) as caught:
        await peer.send()
    assert caught.value.unreachable
    assert peer.sealed == []
    assert {line.split()[0] for line in peer.clear} <= {b"EHLO", b"HELO", b"STARTTLS"}


@pytest.mark.parametrize("direct", [False, True], ids=["STARTTLS", "smtps"])
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("expired", {"days": -1}),
        ("wrong name", {"hosts": "DNS:mail.evil.example"}),
    ],
)
async def test_a_bad_certificate_is_not_overlooked(
    certificates: Certificates, fault: str, options: dict[str, object], direct: bool
) -> None:
    peer = Peer(_shown_by(certificates, fault.replace(" ", "-"), **options), direct=direct)
    with pytest.raises(TryLater, match="certificate"):
        await peer.send()
    assert not any(b"AUTH" in line or b"MAIL" in line for line in [*peer.clear, *peer.sealed])


async def test_a_certificate_of_another_authority_is_not_overlooked(tmp_path: Path) -> None:
    peer = Peer(_shown_by(Certificates(tmp_path / "evil").found(), "foreign"))
    with pytest.raises(TryLater, match="certificate"):
        await peer.send()
    assert peer.sealed == []


async def test_an_old_tls_is_not_spoken(certificates: Certificates) -> None:
    context = _shown_by(certificates, "old")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    peer = Peer(context)
    with pytest.raises(TryLater):
        await peer.send()
    assert peer.sealed == []


async def test_a_relay_without_tls_on_the_port_for_tls_is_none(certificates: Certificates) -> None:
    peer = Peer(_shown_by(certificates, "plain"))
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = SmtpSender(
        Relay(scheme="smtps", host="localhost", port=port, username="desk", password=PASSWORD), "x.example"
    )
    with pytest.raises(TryLater):
        await sender.send(LETTER)
    await sender.close()
    server.close()
    assert not any(b"AUTH" in line for line in peer.clear)


async def test_what_somebody_slips_in_before_tls_is_not_believed(certificates: Certificates) -> None:
    slipped = "220 go\r\n250-relay\r\n250-PIPELINING\r\n250 AUTH PLAIN"
    peer = Peer(_shown_by(certificates, "slipped"), starttls=slipped)
    assert await peer.send() == "250 taken"
    # The relay is asked again under TLS what it offers, before anything else.
    assert [line.split()[0] for line in peer.sealed][:5] == [b"EHLO", b"AUTH", b"MAIL", b"RCPT", b"DATA"]


async def test_without_a_password_tls_is_used_unchecked_where_it_is_offered(certificates: Certificates) -> None:
    peer = Peer(_shown_by(certificates, "expired-too", days=-1))
    assert await peer.send(password="") == "250 taken"
    assert [line.split()[0] for line in peer.sealed][:4] == [b"EHLO", b"MAIL", b"RCPT", b"DATA"]
