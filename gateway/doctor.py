"""What `helpdesk doctor` finds: one line for each thing it looks at, with the mend where something is wrong.

Looking and judging are apart: the `judge_…` functions are pure, here and in `gateway.dns_records`; what they judge is
looked up by checks that run side by side, each for CHECK_SECONDS at most, and never change anything: no mail is sent,
no database is made or migrated. A check that cannot be carried out is a failure. Secrets stand in no line.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import func, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.config import Settings
from gateway.database import Database
from gateway.migrate import current_version, newest_version
from gateway.schema import Instant, intake

CHECK_SECONDS = 10.0
_QUICK_CHECK_SECONDS = 6.0
_LITTLE_SPACE_BYTES = 1 << 30
_CLOCKS = timedelta(minutes=5)
_MIGRATE = "run `helpdesk migrate`"


class Level(StrEnum):
    """How bad it is. Only FAIL makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what would mend it."""

    level: Level
    subject: str
    words: str
    mend: str = ""

    def line(self) -> str:
        arrow = f" → {self.mend}" if self.mend else ""
        return " ".join(f"{self.level:<4} {self.subject}: {self.words}{arrow}".split("\n"))


Check = Callable[[], Awaitable[Sequence[Finding]]]


async def run_checks(
    checks: Iterable[tuple[str, Check]], *, secrets: Iterable[str], seconds: float = CHECK_SECONDS
) -> list[Finding]:
    """Carry out all checks side by side; their findings in the order of the checks, without any of the secrets."""
    found = await asyncio.gather(*(_bounded(subject, check, seconds) for subject, check in checks))
    hidden = sorted((secret for secret in secrets if secret), key=len, reverse=True)
    return [_without(finding, hidden) for findings in found for finding in findings]


async def _bounded(subject: str, check: Check, seconds: float) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return [Finding(Level.FAIL, subject, f"no answer within {seconds:g} seconds", "see whether it can be reached")]
    except Exception as error:
        return [
            Finding(
                Level.FAIL, subject, f"cannot be checked ({type(error).__name__})", "a fault of ours; please report it"
            )
        ]


def _without(finding: Finding, secrets: list[str]) -> Finding:
    words, mend = finding.words, finding.mend
    for secret in secrets:
        words, mend = words.replace(secret, "***"), mend.replace(secret, "***")
    return replace(finding, words=words, mend=mend)


def secrets_of(settings: Settings) -> list[str]:
    """What must stand in no line."""
    password = urlsplit(settings.database_url).password or ""
    relay, key = settings.relay.password, settings.secret_key.decode("utf-8", "replace")
    return [relay, key, password, unquote(password), *(mailbox.password for mailbox in settings.mailboxes)]


async def check_settings(settings: Settings) -> list[Finding]:
    """What the settings say that is valid and yet unwise."""
    return [
        Finding(Level.OK, "settings", f"read; the desk is {', '.join(settings.support_addresses)}"),
        judge_public_url(settings.public_url, settings.support_domain),
        judge_plus_addressing(settings.support_address, is_on=settings.plus_addressing),
    ]


def judge_public_url(url: str, support_domain: str) -> Finding:
    parts = urlsplit(url)
    is_here = is_local(parts.hostname or "")
    if is_here and not is_local(support_domain):
        return Finding(
            Level.WARN,
            "public URL",
            f"{url}, so the links in our mail lead nowhere",
            "set HELPDESK_PUBLIC_URL to where people find the desk",
        )
    if parts.scheme != "https" and not is_here:
        return Finding(
            Level.WARN,
            "public URL",
            f"{url}, so passwords and tokens travel in clear text",
            "put a TLS proxy in front and begin HELPDESK_PUBLIC_URL with https://",
        )
    return Finding(Level.OK, "public URL", url)


def judge_plus_addressing(address: str, *, is_on: bool) -> Finding:
    local, _, domain = address.rpartition("@")
    if is_on:
        return Finding(
            Level.OK,
            "plus-addressing",
            f"on; the mail server of {domain} must deliver {local}+anything@{domain} to the desk, "
            "else set HELPDESK_PLUS_ADDRESSING=off",
        )
    return Finding(Level.OK, "plus-addressing", "off; replies are known by their Message-ID and subject alone")


def is_local(host: str) -> bool:
    """Whether a name leads nowhere but to this machine."""
    return host in {"localhost", "127.0.0.1", "::1", ""} or host.endswith(".localhost")


async def check_data_folder(settings: Settings) -> list[Finding]:
    """Who can get at the data folder, and how much room there is."""
    folder = settings.data_dir
    key = folder / "secret.key"
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, key) if path.exists()}
    free = shutil.disk_usage(folder).free
    return [judge_modes(modes), judge_space(free, settings.max_message_bytes)]


def judge_modes(modes: dict[Path, int]) -> Finding:
    for path, mode in modes.items():
        if mode & 0o077:
            wanted = "700" if path.suffix != ".key" else "600"
            return Finding(
                Level.FAIL, "data folder", f"{path} is open to others (mode {mode:04o})", f"chmod {wanted} {path}"
            )
    return Finding(Level.OK, "data folder", f"{next(iter(modes), Path())} is closed to others")


def judge_space(free_bytes: int, max_message_bytes: int) -> Finding:
    words = f"{free_bytes / (1 << 20):,.0f} MiB free"
    mend = "make room, or move HELPDESK_DATA_DIR"
    if free_bytes < 2 * max_message_bytes:
        return Finding(Level.FAIL, "space", f"{words}, too little for one large mail", mend)
    if free_bytes < _LITTLE_SPACE_BYTES:
        return Finding(Level.WARN, "space", words, mend)
    return Finding(Level.OK, "space", words)


async def check_database(settings: Settings) -> list[Finding]:
    """Whether the database can be reached, is whole and at the newest version; then whether the clock is right."""
    if not settings.is_embedded:
        return await _check_postgresql(settings)
    fault = judge_sqlite_version(sqlite3.sqlite_version_info)
    path = Path(make_url(settings.database_url).database or "")
    if not await asyncio.to_thread(path.exists):
        mend = "`helpdesk serve` makes it"
        return [fault, Finding(Level.WARN, "database", f"{path} is not there yet", mend)]
    try:
        return [fault, *await asyncio.to_thread(_look_at_sqlite, path)]
    except sqlite3.Error as error:
        mend = "look at its file, its folder and who owns them; a backup brings it back"
        return [fault, Finding(Level.FAIL, "database", f"{path} cannot be read: {error}", mend)]


def _look_at_sqlite(path: Path) -> list[Finding]:
    """Look into the file without writing to it; a large one is not gone through to its end."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_QUICK_CHECK_SECONDS)
    try:
        deadline = time.monotonic() + _QUICK_CHECK_SECONDS
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        version = ""
        if "alembic_version" in tables:
            version = next((row[0] for row in connection.execute("SELECT version_num FROM alembic_version")), "")
        findings = [judge_schema("SQLite", version, newest_version())]
        if "intake" in tables:
            (newest,) = connection.execute("SELECT max(received_at) FROM intake").fetchone()
            instant = Instant().process_result_value(newest, None)  # type: ignore[arg-type]
            findings.append(judge_clock(datetime.now(UTC), instant))
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        try:
            said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            said = []
        return [*findings, judge_integrity(said)]
    finally:
        connection.close()


async def _check_postgresql(settings: Settings) -> list[Finding]:
    database = Database(settings.database_url, owner=False)
    try:
        version = await current_version(database)
        finding = judge_schema("PostgreSQL", version, newest_version())
        if not version:
            return [finding]
        newest = await database.read(lambda connection: connection.scalar(select(func.max(intake.c.received_at))))
        return [finding, judge_clock(datetime.now(UTC), newest)]
    except (SQLAlchemyError, OSError) as error:
        words = f"cannot be reached: {str(error).splitlines()[0]}"
        mend = "see whether PostgreSQL runs, and look at HELPDESK_DATABASE_URL"
        return [Finding(Level.FAIL, "database", words, mend)]
    finally:
        await database.close()


def judge_schema(kind: str, version: str, newest: str) -> Finding:
    if not version:
        return Finding(Level.FAIL, "database", f"{kind} can be reached, but there are no tables", _MIGRATE)
    if version > newest:
        words = f"{kind}, its schema {version} is newer than this program, which knows {newest}"
        return Finding(Level.FAIL, "database", words, "install the newer version of the gateway again")
    if version != newest:
        return Finding(Level.FAIL, "database", f"{kind}, its schema is {version}, not {newest}", _MIGRATE)
    return Finding(Level.OK, "database", f"{kind}, schema {version}")


def judge_integrity(said: list[str]) -> Finding:
    """What `PRAGMA quick_check` said; nothing if it was broken off."""
    if said == ["ok"]:
        return Finding(Level.OK, "integrity", "quick_check finds nothing")
    if not said:
        words = f"the database is too large to be checked in {_QUICK_CHECK_SECONDS:g} seconds"
        return Finding(Level.WARN, "integrity", words, "run PRAGMA integrity_check on a backup")
    return Finding(Level.FAIL, "integrity", f"damaged: {said[0]}", "stop the gateway and restore a backup")


def judge_sqlite_version(version: tuple[int, ...]) -> Finding:
    """SQLite 3.7.0 to 3.51.2 can damage a database with a WAL when two connections write and checkpoint at once."""
    words = ".".join(map(str, version))
    is_mended = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if is_mended:
        return Finding(Level.OK, "SQLite", words)
    return Finding(
        Level.WARN,
        "SQLite",
        f"{words} has the WAL-reset fault; the gateway avoids it by one writer that alone checkpoints, other programs "
        "that write to the file do not",
        "use a Python with SQLite 3.51.3 or newer (or 3.50.7, 3.44.6), or PostgreSQL",
    )


def judge_clock(now: datetime, newest_mail_at: datetime | None) -> Finding:
    if newest_mail_at is not None and now < newest_mail_at - _CLOCKS:
        words = f"it is {now:%Y-%m-%d %H:%M} UTC, and the newest mail came at {newest_mail_at:%Y-%m-%d %H:%M}"
        return Finding(Level.FAIL, "time", words, "set the clock, by NTP say")
    return Finding(Level.OK, "time", f"{now:%Y-%m-%d %H:%M} UTC")


def failed(findings: Iterable[Finding]) -> bool:
    """Whether anything is wrong that a desk cannot work with."""
    return any(finding.level is Level.FAIL for finding in findings)
