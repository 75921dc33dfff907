"""The command as an operator runs it: real processes, their words and their exit codes."""

from __future__ import annotations

import asyncio
import os
import signal
import smtplib
import socket
import sqlite3
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.builders import PASSWORD, send

MAIL = b"From: maria@customer.example\nTo: support@localhost\nMessage-ID: <ant@x>\nSubject: hello\n\nhelp\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HELPDESK_")}
    return {
        **kept,
        "HELPDESK_DATA_DIR": str(tmp_path / "data"),
        "HELPDESK_HTTP_LISTEN": f"127.0.0.1:{_free_port()}",
        "HELPDESK_SMTP_LISTEN": f"127.0.0.1:{_free_port()}",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run(
    environment: dict[str, str], *arguments: str, stdin: bytes = b"", folder: Path | None = None
) -> tuple[int, str, str]:
    """Run a command to its end: exit code, standard output, standard error."""
    process = await _start(environment, *arguments, folder=folder)
    output, errors = await process.communicate(stdin)
    return process.returncode or 0, output.decode(), errors.decode()


async def _start(
    environment: dict[str, str], *arguments: str, folder: Path | None = None
) -> asyncio.subprocess.Process:
    # In a working folder of its own, so that no .env of the checkout is read.
    folder = folder or Path(environment["HELPDESK_DATA_DIR"]).parent
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await _start(environment, "serve")
    try:
        await _answers(process, environment["HELPDESK_HTTP_LISTEN"])
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _answers(process: asyncio.subprocess.Process, listen: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.returncode is None, (await process.stderr.read()).decode()  # type: ignore[union-attr]
        try:
            with await asyncio.to_thread(urllib.request.urlopen, f"http://{listen}/health", timeout=5) as response:
                assert response.status == 200
                return
        except OSError:
            await asyncio.sleep(0.05)
    pytest.fail("the gateway does not answer")


def _smtp_port(environment: dict[str, str]) -> int:
    return int(environment["HELPDESK_SMTP_LISTEN"].rpartition(":")[2])


async def test_serve_takes_mail_and_ends_with_sigterm_and_status_0(environment: dict[str, str], tmp_path: Path) -> None:
    async with serving(environment) as process:
        code, _ = await asyncio.to_thread(
            send, _smtp_port(environment), MAIL, "maria@customer.example", "support@localhost"
        )
        assert code == 250
        deadline = time.monotonic() + 10
        while not list((tmp_path / "data" / "outgoing").glob("new/*")):
            assert time.monotonic() < deadline, "the receipt never reached the Maildir"
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        log = (await process.stderr.read()).decode()  # type: ignore[union-attr]
    assert "Traceback" not in log
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
async def test_sigterm_ends_it_in_time_although_the_database_is_stuck(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environment) as process:
        with closing(sqlite3.connect(tmp_path / "data" / "helpdesk.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            sending = [
                asyncio.create_task(asyncio.to_thread(_try_to_send, _smtp_port(environment), number))
                for number in range(4)
            ]
            await asyncio.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 30) == 0
        assert set(await asyncio.gather(*sending)) <= {0, 421, 451}


def _try_to_send(port: int, number: int) -> int:
    try:
        return send(port, MAIL + str(number).encode(), "maria@customer.example", "support@localhost")[0]
    except (OSError, smtplib.SMTPException):
        return 0


async def test_wrong_settings_exit_78_with_a_line_each_before_anything_opens(
    environment: dict[str, str], tmp_path: Path
) -> None:
    wrong = environment | {"HELPDESK_API_LIMIT": "many", "HELPDESK_PUBLIC_URL": "nowhere", "HELPDESK_SECRET_KEY": "x"}
    for command in (["serve"], ["migrate"], ["make-admin", "--username", "a", "--email", "a@b.example"]):
        code, output, errors = await run(wrong, *command)
        assert code == 78
        assert output == ""
        assert [line.split(":")[0] for line in errors.splitlines()] == [
            "HELPDESK_PUBLIC_URL",
            "HELPDESK_API_LIMIT",
            "HELPDESK_SECRET_KEY",
        ]
    assert not (tmp_path / "data").exists()
    code, _, _ = await run(wrong, "deliver", stdin=MAIL)
    assert code == 75, "a pipe must not bounce a mail for a mistake of ours"


async def test_a_second_gateway_on_the_same_folder_and_a_taken_port_are_refused_clearly(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environment):
        code, _, errors = await run(environment, "serve")
        assert code == 1
        assert errors.strip().splitlines()[-1] == "Another gateway is serving this data folder already."
        code, _, errors = await run(environment | {"HELPDESK_DATA_DIR": str(tmp_path / "other")}, "serve")
        assert code == 1
        assert errors.strip().splitlines()[-1].startswith("HELPDESK_SMTP_LISTEN: ")
        assert "Traceback" not in errors


async def test_migrate_says_what_it_did(environment: dict[str, str]) -> None:
    code, output, _ = await run(environment, "migrate")
    assert (code, output) == (0, "The database was empty and is at version 0006 now.\n")
    code, output, _ = await run(environment, "migrate")
    assert (code, output) == (0, "The database is at version 0006 already; nothing to do.\n")


@pytest.mark.slow
async def test_make_admin_creates_promotes_and_refuses(environment: dict[str, str]) -> None:
    olga = ["make-admin", "--username", "olga", "--email", "olga@desk.example"]
    code, output, errors = await run(environment, *olga)
    assert code == 0, errors
    words, password = output.strip().split("\nPassword: ")
    assert words == "olga <olga@desk.example> was created and is an administrator now."
    assert len(password) == 20
    code, output, _ = await run(environment, *olga)
    assert (code, output) == (0, "olga <olga@desk.example> is an administrator now.\n")
    code, output, _ = await run(environment, *olga, "--password-stdin", stdin=f"{PASSWORD}\n".encode())
    assert (code, output) == (0, "olga <olga@desk.example> is an administrator now.\n")
    for arguments, stdin, name in (
        (["--username", "o lga", "--email", "x@desk.example"], b"", "--username"),
        (["--username", "x", "--email", "desk.example"], b"", "--email"),
        (["--username", "x", "--email", "x@desk.example", "--password-stdin"], b"short\n", "password"),
        (["--username", "x", "--email", "x@desk.example", "--password-stdin"], b"", "password"),
        (["--username", "x", "--email", "OLGA@desk.example"], b"", "email"),
        (["--username", "olga", "--email", "other@desk.example"], b"", "email"),
    ):
        code, output, errors = await run(environment, "make-admin", *arguments, stdin=stdin)
        assert code == 1
        assert output == ""
        assert errors.startswith(f"{name}: "), errors


async def test_make_admin_works_while_serving_and_the_password_signs_in(environment: dict[str, str]) -> None:
    async with serving(environment):
        code, _, errors = await run(
            environment,
            "make-admin",
            "--username",
            "olga",
            "--email",
            "olga@desk.example",
            "--password-stdin",
            stdin=PASSWORD.encode(),
        )
        assert code == 0, errors
        request = urllib.request.Request(
            f"http://{environment['HELPDESK_HTTP_LISTEN']}/auth/jwt/create/",
            f'{{"username": "olga", "password": "{PASSWORD}"}}'.encode(),
            {"Content-Type": "application/json"},
        )
        with await asyncio.to_thread(urllib.request.urlopen, request, timeout=10) as response:
            assert response.status == 200


@pytest.mark.slow
@pytest.mark.parametrize("server", ["serving", "alone"])
async def test_deliver_takes_one_mail_from_a_pipe(environment: dict[str, str], tmp_path: Path, server: str) -> None:
    async def story() -> None:
        mbox = b"From maria@customer.example  Mon Nov 23 12:00:00 2026\n" + MAIL
        code, _, errors = await run(environment, "deliver", "--to", "support@localhost", stdin=mbox)
        assert code == 0, errors
        assert (await run(environment, "deliver", stdin=MAIL))[0] == 0, "the same mail again"
        assert (await run(environment, "deliver", "--to", "nobody@localhost", stdin=MAIL))[0] == 67
        assert (await run(environment, "deliver", stdin=b""))[0] == 65
        small = environment | {"HELPDESK_MAX_MESSAGE_BYTES": "1024"}
        assert (await run(small, "deliver", stdin=MAIL + b"x" * 1024))[0] == 65
        assert (await run(environment, "deliver", "--bogus", stdin=MAIL))[0] == 75
        broken = environment | {"HELPDESK_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}"}
        if server == "serving":
            # The gateway takes it, whatever this process could do by itself.
            assert (await run(broken, "deliver", stdin=MAIL))[0] == 0
            return
        code, _, errors = await run(broken, "deliver", stdin=MAIL)
        assert code == 75
        assert len(errors.splitlines()) == 1, "one neutral line, which a mail server may quote"
        unusable = environment | {"HELPDESK_DATABASE_URL": "sqlite+aiosqlite:////proc/nowhere/x.db"}
        assert (await run(unusable, "deliver", stdin=MAIL))[0] == 75

    if server == "serving":
        async with serving(environment):
            await story()
    else:
        await story()
    from gateway import ledger
    from gateway.database import Database

    database = Database(f"sqlite+aiosqlite:///{tmp_path}/data/helpdesk.db")
    try:
        rows = await database.read(
            lambda connection: ledger.list_intake(
                connection, outcome=None, envelope_from=None, message_id=None, before_id=None, count=10
            )
        )
        *again, first = rows
        assert (first.source, first.outcome) == ("pipe", "ticket")
        assert again
        assert {(row.source, row.outcome) for row in again} == {("pipe", "duplicate")}
        assert first.envelope_from == "maria@customer.example"
        assert first.envelope_to == ("support@localhost",)
        assert await database.read(lambda connection: ledger.get_raw(connection, first.id)) == MAIL
    finally:
        await database.close()


@pytest.mark.slow
async def test_the_demo_plays_the_whole_story_and_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    started = time.monotonic()
    code, output, errors = await run(environment, "demo")
    assert code == 0, errors
    assert time.monotonic() - started < 15
    assert errors == ""
    for words in (
        "The printer is on fire",
        "Support has reply to yor ticket:",
        "Here it is: a black hole.",
        '"status": "c"',
        "#2 answer",
    ):
        assert words in output
    assert list(tmp_path.iterdir()) == []


async def test_the_installed_command_is_there() -> None:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("helpdesk")), "--help", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    for command in ("serve", "migrate", "make-admin", "demo", "deliver", "import", "doctor"):
        assert command in output.decode()
