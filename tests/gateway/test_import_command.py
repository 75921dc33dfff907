"""`helpdesk import` and `helpdesk doctor` as an operator runs them: real processes, their words and exit codes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import sqlite3
import struct
import sys
import termios
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders import a_mail, send
from tests.gateway.test_commands import environment, run, serving
from tests.speed.importing import write_mbox

__all__ = ["environment"]
CONVERSATION = [
    a_mail(name="ant", to="support@localhost", date="1 May 2020 12:00:00 +0000"),
    a_mail(name="bee", to="support@localhost", date="2 May 2020 12:00:00 +0000", in_reply_to="<ant@customer.example>"),
]


def mbox(path: Path, mails: list[bytes]) -> str:
    line = b"From maria@customer.example Mon Nov 23 12:00:00 2020\n"
    path.write_bytes(b"\n".join(line + mail.replace(b"\r\n", b"\n") for mail in mails))
    return str(path)


def count(environment: dict[str, str], table: str) -> int:
    path = Path(environment["HELPDESK_DATA_DIR"]) / "helpdesk.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def test_an_archive_is_taken_and_a_wrong_path_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    code, output, errors = await run(environment, "import", mbox(tmp_path / "old.mbox", CONVERSATION[::-1]))
    assert (code, output) == (0, "2 mails: 1 ticket, 1 answer\n"), errors
    assert (count(environment, "tickets"), count(environment, "outbox")) == (1, 0)
    code, output, errors = await run(environment, "import", str(tmp_path / "nowhere"))
    assert (code, output) == (66, "")
    assert errors == f"{tmp_path / 'nowhere'} cannot be read: No such file or directory\n"


@pytest.mark.slow
async def test_what_is_no_archive_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    code, _, errors = await run(environment, "import", str(tmp_path / "picture"))
    assert code == 65
    assert len(errors.splitlines()) == 1
    (tmp_path / "empty").mkdir()
    assert (await run(environment, "import", str(tmp_path / "empty")))[:2] == (0, "0 mails: 0 tickets, 0 answers\n")
    unusable = environment | {"HELPDESK_DATABASE_URL": "postgresql+asyncpg://u:geheim@127.0.0.1:1/x"}
    code, _, errors = await run(unusable, "import", str(tmp_path / "empty"))
    assert code == 75
    assert "geheim" not in errors


@pytest.mark.slow
async def test_it_works_while_serving_and_mail_still_arrives(environment: dict[str, str], tmp_path: Path) -> None:
    write_mbox(tmp_path / "old.mbox", 1500)
    port = int(environment["HELPDESK_SMTP_LISTEN"].rpartition(":")[2])
    async with serving(environment):
        importing = asyncio.create_task(run(environment, "import", str(tmp_path / "old.mbox")))
        sent = 0
        while not importing.done():
            code, words = await asyncio.to_thread(
                send, port, a_mail(name=f"live{sent}", to="support@localhost"), "maria@x.example", "support@localhost"
            )
            assert code == 250, words
            sent += 1
        code, output, errors = await importing
        assert code == 0, errors
        assert output.startswith("1,500 mails: ")
    assert count(environment, "intake") == 1500 + sent
    assert sent > 1


@pytest.mark.slow
async def test_broken_off_by_ctrl_c_it_keeps_what_it_has_and_goes_on(
    environment: dict[str, str], tmp_path: Path
) -> None:
    write_mbox(tmp_path / "old.mbox", 3000)
    command = [sys.executable, "-m", "gateway", "import", str(tmp_path / "old.mbox")]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # As a terminal does it: Ctrl-C reaches the whole group.
        start_new_session=True,
    )

    def taken() -> int:
        try:
            return count(environment, "intake")
        except sqlite3.OperationalError:
            return 0

    while not taken():
        assert process.returncode is None
        await asyncio.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = await process.communicate()
    assert process.returncode == 130, errors
    assert b"Broken off. Taken so far: " in errors
    assert b"Traceback" not in errors
    kept = count(environment, "intake")
    assert 0 < kept < 3000
    code, output, _ = await run(environment, "import", str(tmp_path / "old.mbox"))
    assert code == 0
    assert f"{kept:,} known already" in output
    assert count(environment, "intake") == 3000
    assert count(environment, "tickets") == 1000
    with closing(sqlite3.connect(Path(environment["HELPDESK_DATA_DIR"]) / "helpdesk.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.slow
async def test_a_terminal_sees_a_bar(environment: dict[str, str], tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "import", mbox(tmp_path / "old.mbox", CONVERSATION),
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])}, cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    output, _ = await process.communicate()
    seen = os.read(ours, 10_000)
    os.close(ours)
    assert output == b"2 mails: 1 ticket, 1 answer\n"
    assert b"\rimporting [##############################] 2 of 2" in seen


@pytest.mark.slow
async def test_the_doctor_says_how_it_is_and_fails_only_for_failures(environment: dict[str, str]) -> None:
    code, output, errors = await run(environment, "doctor")
    assert (code, errors) == (0, ""), output
    assert {line[:5] for line in output.splitlines()} == {"ok   ", "warn "}
    code, output, _ = await run(environment | {"HELPDESK_RELAY_URL": "smtp://u:geheim@127.0.0.1:1"}, "doctor")
    assert code == 1
    assert "\nFAIL relay: " in output
    assert "geheim" not in output
