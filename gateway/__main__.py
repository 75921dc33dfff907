"""The command `helpdesk`. Each subcommand reads the settings, calls one thing, and turns errors into exit codes.

Exit codes are those of sysexits.h: 78 wrong settings, 75 try again, 67 no such address, 66 no such file,
65 refused for good.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from gateway import people
from gateway.config import Settings, load_settings, unknown_names
from gateway.database import Database
from gateway.errors import DeskError, InvalidFields, SettingsWrong
from gateway.logs import start_logging
from gateway.migrate import check_version, migrate
from gateway.model import EMAIL_PATTERN, USERNAME_PATTERN, fold_key
from gateway.passwords import Passwords, password_mistakes
from gateway.values import read_endpoint

EX_OK, EX_FAILED, EX_DATAERR, EX_NOINPUT, EX_TEMPFAIL, EX_CONFIG = 0, 1, 65, 66, 75, 78


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as end:
        # A mail server bounces what a pipe fails with a status it does not know; a slip of the pen is no reason to.
        return EX_TEMPFAIL if end.code and (arguments or sys.argv[1:])[:1] == ["deliver"] else int(end.code or 0)
    start_logging(logging.INFO if options.command == "serve" else logging.WARNING)
    if options.command == "demo":
        from gateway.demo import play

        return asyncio.run(play())
    try:
        settings = load_settings(os.environ, Path.cwd())
    except SettingsWrong as wrong:
        # A pipe must not bounce a mail for a slip in our settings: there it is "try again".
        print(wrong, file=sys.stderr)
        return EX_TEMPFAIL if options.command == "deliver" else EX_CONFIG
    for name in unknown_names(os.environ):
        print(f"{name}: is no setting of this version, ignored", file=sys.stderr)
    try:
        return asyncio.run(_COMMANDS[options.command](settings, options))
    except InvalidFields as mistakes:
        for name, words in mistakes.fields.items():
            print(f"{name}: {' '.join(words)}", file=sys.stderr)
    except DeskError as error:
        print(error, file=sys.stderr)
    except (SQLAlchemyError, OSError) as error:
        print(f"The database cannot be used: {str(error).splitlines()[0]}", file=sys.stderr)
    except KeyboardInterrupt:
        return EX_TEMPFAIL if options.command == "deliver" else 130
    except Exception:
        if options.command != "deliver":
            raise
        print("The mail cannot be taken now.", file=sys.stderr)
    # A mail server bounces what a pipe fails with any other status.
    return EX_TEMPFAIL if options.command == "deliver" else EX_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="helpdesk", description="The support desk that lives in the mailbox.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("serve", help="run the gateway: HTTP, SMTP, courier")
    commands.add_parser("migrate", help="bring the database to the newest schema")
    admin = commands.add_parser("make-admin", help="create or promote an administrator")
    admin.add_argument("--username", required=True)
    admin.add_argument("--email", required=True)
    admin.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    commands.add_parser("demo", help="play the whole story on a throw-away gateway")
    archive = commands.add_parser("import", help="take old mail: mbox, Maildir, .eml file or folder; sends nothing")
    archive.add_argument("path", metavar="PATH", type=Path)
    doctor = commands.add_parser("doctor", help="check settings, database, relay, mailboxes and DNS")
    doctor.add_argument("--nameserver", metavar="HOST:PORT", type=read_endpoint, help="ask this DNS server")
    deliver = commands.add_parser("deliver", help="take one mail on standard input")
    deliver.add_argument("--to", metavar="ADDRESS", help="the address the mail was for (else $RECIPIENT)")
    deliver.add_argument(
        "--from", dest="sender", metavar="ADDRESS", help="the envelope sender, <> for none (else $SENDER)"
    )
    mailbox = commands.add_parser("mailbox", help="log in to a mailbox or relay that wants OAuth2")
    deeds = mailbox.add_subparsers(dest="deed", required=True, metavar="DEED")
    deeds.add_parser("list", help="show which accounts are logged in, and how they fare")
    for deed, words in (("login", "have the owner grant an account"), ("logout", "forget an account's grant")):
        deeds.add_parser(deed, help=words).add_argument("account", metavar="ACCOUNT")
    return parser


async def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.app import serve

    await serve(settings)
    # All is committed and closed. A thread that hangs on a stuck database, a resolver or a network disk would keep the
    # process from ending; nothing that anybody was told is in its hands.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(EX_OK)


async def _migrate(settings: Settings, options: argparse.Namespace) -> int:
    database = Database(settings.database_url, owner=False)
    try:
        before, after = await migrate(database)
    finally:
        await database.close()
    if before == after:
        print(f"The database is at version {after} already; nothing to do.")
    else:
        print(f"The database was {f'at version {before}' if before else 'empty'} and is at version {after} now.")
    return EX_OK


def _typed_password() -> str:
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidFields({"password": ["It must be UTF-8 text."]}) from error


async def _make_admin(settings: Settings, options: argparse.Namespace) -> int:
    given = _typed_password() if options.password_stdin else None
    password = given if given is not None else secrets.token_urlsafe(15)
    username, email = options.username, options.email
    mistakes = {}
    if fold_key(email) in settings.support_addresses:
        mistakes["--email"] = ["This is the address of the desk itself."]
    if not re.search(USERNAME_PATTERN, username) or len(username) > 150:
        mistakes["--username"] = ["1 to 150 letters, digits and @ . + - _, please."]
    if not re.search(EMAIL_PATTERN, email) or len(email) > 254:
        mistakes["--email"] = ["One plain address, please."]
    if wrong := password_mistakes(password, username=username, email=email):
        mistakes["password"] = wrong
    if mistakes:
        raise InvalidFields(mistakes)
    database = Database(settings.database_url, owner=False)
    try:
        if settings.is_embedded:
            await migrate(database)
        else:
            await check_version(database)
        known = await database.read(lambda connection: people.find_account(connection, username))
        # Somebody who is promoted keeps the password unless a new one is given.
        password_hash = await Passwords().hash(password) if given is not None or known is None else None
        person, is_new = await database.write(
            lambda connection: people.make_admin(
                connection,
                username=username,
                email=email,
                password_hash=password_hash,
                now=datetime.now(UTC),
            )
        )
    finally:
        await database.close()
    print(f"{person.username} <{person.email}> {'was created and ' if is_new else ''}is an administrator now.")
    if given is None and is_new:
        print(f"Password: {password}")
    return EX_OK


async def _deliver(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.app import deliver

    # What Postfix, Exim and qmail tell a command in an alias or a `.forward`.
    told = [address for name in ("RECIPIENT", "ORIGINAL_RECIPIENT") if (address := os.environ.get(name))]
    sender = options.sender if options.sender is not None else os.environ.get("SENDER")
    return await deliver(settings, sys.stdin.buffer, recipient=options.to, sender=sender, told=told)


async def _mailbox(settings: Settings, options: argparse.Namespace) -> int:
    from gateway import mailbox_login

    say = functools.partial(print, flush=True)
    keyboard = sys.stdin.fileno() if sys.stdin else -1
    database = Database(settings.database_url, owner=False)
    try:
        if settings.is_embedded:
            await migrate(database)
        else:
            await check_version(database)
        if options.deed == "login":
            await mailbox_login.log_in(settings, database, options.account, say=say, keyboard=keyboard)
        elif options.deed == "logout":
            await mailbox_login.log_out(settings, database, options.account, say=say)
        else:
            await mailbox_login.list_accounts(database, say=say)
    finally:
        await database.close()
    return EX_OK


async def _import(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.app import NoArchive, NoMail, NoWorker, Tally, import_archive
    from gateway.progress import ProgressBar

    bar, tally = ProgressBar(sys.stderr, time.monotonic), Tally()
    try:
        await import_archive(settings, options.path, progress=bar, clock=lambda: datetime.now(UTC), tally=tally)
    except NoMail as error:
        print(error, file=sys.stderr)
        return EX_DATAERR
    except NoArchive as error:
        print(error, file=sys.stderr)
        return EX_NOINPUT
    except BaseException as error:
        bar.end()
        print(f"Broken off. Taken so far: {tally.words()}. Run it again to go on.", file=sys.stderr)
        if not isinstance(error, NoWorker | SQLAlchemyError | OSError):
            raise
        print(f"Trouble: {type(error).__name__}", file=sys.stderr)
        return EX_TEMPFAIL
    bar.end()
    print(tally.words())
    return EX_OK


async def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    from gateway.app import doctor
    from gateway.doctor import failed

    server = options.nameserver
    findings = await doctor(settings, nameserver=(server.host, server.port) if server else None)
    for finding in findings:
        print(finding.line())
    return EX_FAILED if failed(findings) else EX_OK


_COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], Coroutine[None, None, int]]] = {
    "serve": _serve,
    "migrate": _migrate,
    "make-admin": _make_admin,
    "deliver": _deliver,
    "mailbox": _mailbox,
    "import": _import,
    "doctor": _doctor,
}

if __name__ == "__main__":
    sys.exit(main())
