"""The composition root: settings in, a running gateway out. The one place that knows every part.

Parts start in the order database, tokens, courier, reader of mails, mail doors, HTTP, and stop in the reverse: doors
close first, then reading ends, the courier settles what it is sending, the database goes last. On an embedded database
a lock makes sure that this gateway has it to itself, and the schema is brought up to date before anything opens.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from api.app import build
from gateway.config import Settings
from gateway.database import Database
from gateway.dns_records import Lookup, check_domain
from gateway.doctor import (
    Check,
    Finding,
    check_data_folder,
    check_database,
    check_settings,
    is_local,
    run_checks,
    secrets_of,
)
from gateway.errors import DeskError
from gateway.keys import COURIER, DATABASE, MAILBOXES, MAILROOM, PASSWORDS, TOKENS
from gateway.mailbox_url import MailboxUrl
from gateway.migrate import check_version, migrate
from gateway.model import Delivery, Taken
from gateway.passwords import Passwords
from gateway.token_source import keeping_tokens
from gateway.values import Endpoint
from mail.archive import NoArchive, NoMail
from mail.courier import delivering
from mail.imap import watching
from mail.importing import Tally, import_archive
from mail.intake import Mailroom
from mail.local_door import opening
from mail.pipe import deliver
from mail.relay_check import check_mailbox, check_relay
from mail.smtp import listening
from mail.threads import is_ours
from mail.worker import NoWorker, reading

__all__ = [
    "AlreadyServed",
    "Gateway",
    "NoArchive",
    "NoMail",
    "NoWorker",
    "PortTaken",
    "Tally",
    "catching",
    "deliver",
    "doctor",
    "import_archive",
    "running",
    "serve",
]
_STOP_SECONDS = 4
_log = logging.getLogger("helpdesk.gateway")


class AlreadyServed(DeskError):
    """Another gateway has this data folder."""

    message = "Another gateway is serving this data folder already."


class PortTaken(DeskError):
    """A port cannot be listened on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway and where it listens, as really bound; 0 for a door that is closed."""

    settings: Settings
    database: Database
    http_port: int
    smtp_port: int
    lmtp_port: int


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Gateway]:
    """Run a gateway meanwhile. Raises AlreadyServed, SchemaOutdated or PortTaken, each with one clear line."""
    async with AsyncExitStack() as stack:
        if settings.is_embedded:
            stack.enter_context(_exclusive(settings))
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        if settings.is_embedded:
            await migrate(database)
        else:
            await check_version(database)
        tokens = await stack.enter_async_context(keeping_tokens(settings, database))
        courier = await stack.enter_async_context(
            delivering(settings, database, tokens.of(settings.relay.username) if settings.relay.oauth2 else None)
        )
        mailroom = Mailroom(settings, database, await stack.enter_async_context(reading()))
        passwords = Passwords()
        stack.callback(passwords.close)
        application = build(settings)
        application[DATABASE] = database
        application[MAILROOM] = mailroom
        application[PASSWORDS] = passwords
        application[COURIER] = courier
        application[MAILBOXES] = await stack.enter_async_context(watching(settings, database, mailroom, tokens.of))
        application[TOKENS] = tokens
        ports = {}
        for name, listen in (("smtp", settings.smtp_listen), ("lmtp", settings.lmtp_listen)):
            if listen is not None:
                with _port_errors(f"HELPDESK_{name.upper()}_LISTEN"):
                    ports[name] = await stack.enter_async_context(
                        listening(
                            listen,
                            settings=settings,
                            take=mailroom.take,
                            is_ours=partial(is_ours, settings),
                            lmtp=name == "lmtp",
                        )
                    )
        await stack.enter_async_context(opening(settings, take=mailroom.take, is_ours=partial(is_ours, settings)))
        with _port_errors("HELPDESK_HTTP_LISTEN"):
            ports["http"] = await stack.enter_async_context(_serving(application, settings))
        yield Gateway(
            settings=settings,
            database=database,
            http_port=ports["http"],
            smtp_port=ports.get("smtp", 0),
            lmtp_port=ports.get("lmtp", 0),
        )


def catching(settings: Settings, catch: Callable[[Delivery], Awaitable[Taken]]) -> AbstractAsyncContextManager[int]:
    """A mail catcher on a free port of this machine, which takes mail to any address: the relay of the demo."""
    return listening(Endpoint("127.0.0.1", 0), settings=settings, take=catch, is_ours=lambda _: True)


@asynccontextmanager
async def _serving(application: web.Application, settings: Settings) -> AsyncIterator[int]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.http_listen.host, settings.http_listen.port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextmanager
def _port_errors(variable: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PortTaken(f"{variable}: cannot listen there ({error.strerror or error})") from error


@contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    with open(settings.data_dir / "serve.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyServed from error
        yield


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as gateway:
        _log.info(
            "serving %s http=%s:%d smtp=%d lmtp=%d desk=%s",
            settings.public_url,
            settings.http_listen.host,
            gateway.http_port,
            gateway.smtp_port,
            gateway.lmtp_port,
            settings.support_address,
        )
        await stop.wait()
        _log.info("stopping")
    _log.info("stopped")


async def doctor(settings: Settings, *, nameserver: tuple[str, int] | None = None) -> list[Finding]:
    """Look at everything that a desk needs; changes nothing and sends nothing. `nameserver`: ask this one, not those
    of the machine."""
    domains = dict.fromkeys(address.rpartition("@")[2] for address in settings.support_addresses)
    lookup = Lookup(nameserver)
    checks: list[tuple[str, Check]] = [
        ("settings", partial(check_settings, settings)),
        ("data folder", partial(check_data_folder, settings)),
        ("database", partial(check_database, settings)),
        (
            "relay",
            partial(
                check_relay, settings.relay, settings.support_domain, desk_is_local=is_local(settings.support_domain)
            ),
        ),
        *((f"mailbox {mailbox.key}", _mailbox_check(mailbox)) for mailbox in settings.mailboxes if not mailbox.oauth2),
        *((f"DNS of {domain}", _domain_check(settings, domain, lookup)) for domain in domains if not is_local(domain)),
    ]
    return await run_checks(checks, secrets=secrets_of(settings))


def _mailbox_check(mailbox: MailboxUrl) -> Check:
    return partial(
        check_mailbox,
        host=mailbox.host,
        port=mailbox.port,
        is_tls=mailbox.scheme == "imaps",
        username=mailbox.username,
        password=mailbox.password,
        folder=mailbox.folder,
    )


def _domain_check(settings: Settings, domain: str, lookup: Lookup) -> Check:
    is_signed = settings.dkim is not None and settings.dkim.domain == domain
    return partial(check_domain, domain, lookup, selector=settings.dkim.selector if settings.dkim and is_signed else "")
