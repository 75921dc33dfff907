"""Reading in workers: what comes back, what happens to a mail that is too much, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from smtplib import SMTPResponseException
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.app import deliver, running
from gateway.config import Settings
from gateway.database import Database
from gateway.model import Delivery, Source
from mail import worker
from mail.intake import Mailroom
from mail.parse import Unreadable, parse_message
from mail.worker import NoWorker, Reader, reading
from mail.worker_process import read_mail
from tests.builders import PATIENCE_SECONDS, Desk, Relay, a_mail, send
from tests.mail.test_weight import MOST_SECONDS_ON_THE_LOOP, cpu_seconds, dear_mails

ROOT = str(Path(__file__).parents[2])
LARGE = 100_000
MEBIBYTE = 1024 * 1024
SLOW = pytest.mark.slow


def large_mail(size_bytes: int = LARGE, *, name: str = "whale") -> bytes:
    """An honest mail with a text and a file."""
    lines = [
        "From: Maria <maria@customer.example>",
        "To: support@desk.example",
        "Subject: The plan",
        f"Message-ID: <{name}@customer.example>",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Here is the plan of the house.",
        "--b",
        'Content-Type: application/pdf; name="plan.pdf"',
        "Content-Transfer-Encoding: base64",
        "",
        *["UGxhbnMg" * 9] * (size_bytes // 74),
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


def stand_in(*lines: str) -> list[str]:
    """The command of a worker that is the real one but for what `lines` change in it, as `w`."""
    code = ["import os, signal, sys, time", f"sys.path.insert(0, {ROOT!r})", "from mail import worker_process as w"]
    return [sys.executable, "-c", "\n".join([*code, *lines, "w.main()"])]


def reads_by(expression: str) -> list[str]:
    return stand_in(f"w.read_mail = lambda raw, **_: {expression}")


def answers(expression: str) -> list[str]:
    return stand_in(f"w._do = lambda job, stream: (stream.read(job.size_bytes), {expression})[1]")


async def read(reader: Reader, raw: bytes) -> Any:
    return await reader.read(raw, authserv_id="", trusted=False)


def processes_of(reader: Reader) -> list[int]:
    return [one._process.pid for one in reader._workers]


def is_running(process_id: int) -> bool:
    """Whether there is such a process; a zombie is one too."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(process_id: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while is_running(process_id):
            await asyncio.sleep(0.01)


async def test_a_large_mail_is_read_as_it_would_be_in_place() -> None:
    raw = large_mail()
    async with reading() as reader:
        message = await read(reader, raw)
        assert message == read_mail(raw, authserv_id="", trusted=False)
        assert message.subject == "The plan"
        assert (await reader.attachment(raw, message.attachments[0].position))[:12] == b"Plans Plans "
        with pytest.raises(LookupError):
            await reader.attachment(raw, 17)


async def test_the_verdict_comes_with_a_large_mail() -> None:
    raw = b"Authentication-Results: mx.desk.example; dmarc=pass header.from=customer.example\r\n" + large_mail()
    async with reading() as reader:
        message = await reader.read(raw, authserv_id="mx.desk.example", trusted=True)
        assert message.verdict == "pass"


async def test_small_mails_start_no_worker() -> None:
    async with reading() as reader:
        assert (await read(reader, a_mail(name="flea"))).subject == "The printer is on fire"
        assert not reader._workers


async def test_one_worker_serves_one_mail_after_the_other() -> None:
    async with reading() as reader:
        for _ in range(3):
            await read(reader, large_mail())
        assert len(reader._workers) == 1
        [process_id] = processes_of(reader)
    assert not is_running(process_id)


async def test_many_mails_are_read_by_one_worker_and_each_gets_its_own_answer() -> None:
    mails = [a_mail(name=f"ant{number}", text="x" * 500) for number in range(40)]
    mails[7] = b" \r\n"
    async with reading() as reader:
        found = await reader.read_many(mails, authserv_id="", trusted=False)
        assert len(reader._workers) == 1
    assert isinstance(found.pop(7), Unreadable)
    assert found == [parse_message(mail) for number, mail in enumerate(mails) if number != 7]


async def test_a_mail_that_is_too_much_takes_no_other_mail_of_its_batch_with_it() -> None:
    mails = [a_mail(name=f"ant{number}", text="x" * 500) for number in range(40)]
    mails[7] = large_mail()
    bomb = reads_by("bytearray(1 << 32) if len(raw) > 50_000 else w.parse_message(raw)")
    async with reading(bomb) as reader:
        found = await reader.read_many(mails, authserv_id="", trusted=False)
    assert str(found.pop(7)) == "over the limits of time and memory"
    assert found == [parse_message(mail) for number, mail in enumerate(mails) if number != 7]


async def test_many_mails_at_once_get_each_their_own_answer() -> None:
    async with reading() as reader:
        messages = await asyncio.gather(*(read(reader, large_mail(name=f"ant{n}")) for n in range(20)))
        assert [message.message_id for message in messages] == [f"ant{n}@customer.example" for n in range(20)]
        assert len(reader._workers) <= worker.MOST_WORKERS


@pytest.mark.slow
async def test_a_worker_with_nothing_to_do_goes_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.05)
    async with reading() as reader:
        await read(reader, large_mail())
        [process_id] = processes_of(reader)
        await gone(process_id)
        assert not reader._workers
        await read(reader, large_mail())


async def test_a_worker_that_died_while_it_had_nothing_to_do_is_not_asked() -> None:
    async with reading() as reader:
        await read(reader, large_mail())
        [process_id] = processes_of(reader)
        os.kill(process_id, signal.SIGKILL)
        await read(reader, large_mail())
        assert processes_of(reader) != [process_id]


@pytest.mark.slow
async def test_a_spent_worker_is_replaced() -> None:
    async with reading(stand_in("w._MOST_JOBS = 2")) as reader:
        used = []
        for _ in range(4):
            await read(reader, large_mail())
            used.append(len(reader._workers))
        assert used == [1, 0, 1, 0]


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="needs /proc")
async def test_a_worker_has_no_environment_and_few_rights() -> None:
    async with reading() as reader:
        await read(reader, large_mail())
        [process_id] = processes_of(reader)
        folder = Path(f"/proc/{process_id}")
        assert (folder / "environ").read_bytes() == b""
        assert len(list((folder / "fd").iterdir())) == 3
        limits = {line[:26].strip(): line[26:47].strip() for line in (folder / "limits").read_text().splitlines()}
        assert limits["Max file size"] == limits["Max core file size"] == limits["Max processes"] == "0"
        assert 0 < int(limits["Max cpu time"]) <= 12
        assert 256 * MEBIBYTE < int(limits["Max data size"]) < 350 * MEBIBYTE


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(reads_by("bytearray(1 << 30)"), id="memory"),
        pytest.param(reads_by("[bytearray(1 << 16) for _ in range(1 << 16)]"), id="bits", marks=SLOW),
        pytest.param(
            stand_in("w.CPU_SECONDS = 0", "def spin(raw, **_):\n    while True: pass", "w.read_mail = spin"), id="time"
        ),
        pytest.param(
            stand_in("w.WALL_SECONDS = 0", "w.read_mail = lambda *_, **__: time.sleep(99)"), id="own clock", marks=SLOW
        ),
    ],
)
async def test_a_mail_that_is_too_much_is_unreadable_at_the_first_try(
    command: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(command) as reader:
        with pytest.raises(Unreadable, match="over the limits of time and memory"):
            await read(reader, large_mail())
        assert not reader._workers
        assert "plan" not in caplog.text


@pytest.mark.slow
async def test_memory_that_is_short_in_one_field_makes_no_mail_without_it() -> None:
    async with reading(
        stand_in("from mail.mime import headers", "headers.sender = lambda *_: bytearray(1 << 30)")
    ) as reader:
        with pytest.raises(Unreadable, match="over the limits"):
            await read(reader, large_mail())


async def test_a_worker_that_gets_nowhere_is_trouble_of_ours() -> None:
    async with reading(reads_by("time.sleep(99)"), seconds=0.2) as reader:
        with pytest.raises(NoWorker, match="nowhere"):
            await read(reader, large_mail())
        assert not reader._workers


KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    "death",
    [KILLED, *(pytest.param(end, marks=SLOW) for end in ("os.abort()", "os._exit(0)", "sys.exit(1)", "os.close(0)"))],
)
async def test_a_mail_whose_reader_dies_is_tried_three_times(death: str, tmp_path: Path) -> None:
    async with reading(reads_by(f"(open(f'{tmp_path}/{{os.getpid()}}', 'w').close(), {death})")) as reader:
        with pytest.raises(Unreadable, match="died 3 times"):
            await read(reader, large_mail())
        assert len(list(tmp_path.iterdir())) == 3
        assert not reader._workers


async def test_a_mail_whose_reader_is_killed_once_is_read_by_the_next(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    lines = ["real = w.read_mail", "def read(raw, **options):", f"    if os.path.exists({str(seen)!r}):"]
    lines += ["        return real(raw, **options)", f"    open({str(seen)!r}, 'w').close()", f"    {KILLED}"]
    async with reading(stand_in(*lines, "w.read_mail = read")) as reader:
        assert (await read(reader, large_mail())).subject == "The plan"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(stand_in("w._do = lambda job, stream: stream.write(b'\\0\\0\\0\\x04spam' * 9)"), id="no answer"),
        pytest.param(stand_in("w._do = lambda job, stream: stream.write(b'\\xff' * 9)"), id="too long an answer"),
        pytest.param(
            stand_in("w._do = lambda job, stream: stream.write(b'\\0\\0\\0\\x04') + os._exit(0)"), id="cut off"
        ),
        pytest.param(answers("w.Ready()"), id="another answer"),
        pytest.param(answers("w.Content(b'x')"), id="another job's answer"),
        pytest.param(answers("w.NotUnderstood('x' * 9999)"), id="long reason"),
        pytest.param(answers("{'type': 'Understood', 'message': {}}"), id="half a message"),
        pytest.param(
            answers(
                "w.Understood(w.InboundMessage(message_id=None, sender={'name': 'x', 'address': 7}, from_text='',"
                " subject='', text='', visible=''))"
            ),
            id="wrong types",
        ),
        pytest.param(
            answers(
                "w.Understood(w.replace(w.parse_message(b'Subject: x\\n\\nx'), references=('x' * 9999, 'a@b.example')))"
            ),
            id="long line",
        ),
    ],
)
@pytest.mark.slow
async def test_nonsense_is_taken_for_a_crash(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MOST_TRIES", 1)
    async with reading(command) as reader:
        with pytest.raises(Unreadable, match="died 1 times"):
            await read(reader, large_mail())
        assert not reader._workers


@pytest.mark.parametrize("command", [["/nowhere/python"], [sys.executable, "-c", ""], [sys.executable, "-c", "1/0"]])
async def test_trouble_with_starting_workers_is_not_the_mails(command: list[str]) -> None:
    async with reading(command) as reader:
        with pytest.raises(NoWorker):
            await read(reader, large_mail())
        assert not reader._workers


@pytest.mark.slow
async def test_whoever_stops_waiting_ends_the_worker() -> None:
    async with reading(
        stand_in("real = w.read_mail", "w.read_mail = lambda raw, **o: (time.sleep(1), real(raw, **o))[1]")
    ) as reader:
        asking = asyncio.create_task(read(reader, large_mail(name="ant")))
        process_id = await _at_work(reader)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await read(reader, large_mail(name="bee"))).message_id == "bee@customer.example"
        await gone(process_id)


async def test_closing_ends_workers_at_work() -> None:
    async with reading(reads_by("time.sleep(99)")) as reader:
        asking = asyncio.create_task(read(reader, large_mail()))
        process_id = await _at_work(reader)
        await reader.close()
        assert not is_running(process_id)
        with pytest.raises(NoWorker):
            await asking
        with pytest.raises(NoWorker):
            await read(reader, large_mail())


async def test_closing_ends_workers_that_start() -> None:
    async with reading([sys.executable, "-c", "import time; time.sleep(99)"]) as reader:
        asking = asyncio.create_task(read(reader, large_mail()))
        process_id = await _at_work(reader, 0)
        await reader.close()
        assert not is_running(process_id)
        with pytest.raises(NoWorker):
            await asking


async def _at_work(reader: Reader, seconds: float = 0.5) -> int:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not reader._workers:
            await asyncio.sleep(0.01)
    await asyncio.sleep(seconds)
    [process_id] = processes_of(reader)
    return process_id


@pytest.mark.slow
async def test_a_worker_ends_with_its_gateway() -> None:
    code = """
import asyncio, os, signal
from mail.worker import reading
from tests.mail.test_worker import large_mail, processes_of, read
async def main():
    async with reading() as reader:
        await read(reader, large_mail())
        print(*processes_of(reader), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    output, _ = await gateway.communicate()
    await gone(int(output))


@pytest.mark.slow
async def test_workers_outlast_the_signals_that_end_the_gateway() -> None:
    async with reading() as reader:
        await read(reader, large_mail())
        [process_id] = processes_of(reader)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(process_id, number)
        await read(reader, large_mail())
        assert processes_of(reader) == [process_id]


async def _ledger(desk: Desk, staff: Any, count: int) -> list[tuple[str, str]]:
    return [(row["outcome"], row["reason"]) for row in (await desk.ledger(staff))[:count]]


@pytest.fixture
def poisonable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Workers that die of mails that speak of poison, while this file is there."""
    poison = tmp_path / "poison"
    lines = ["real = w.read_mail", "def read(raw, **options):"]
    lines += [
        f"    if b'poison' in raw and os.path.exists({str(poison)!r}): {KILLED}",
        "    return real(raw, **options)",
    ]
    monkeypatch.setattr(worker, "_command", lambda: stand_in(*lines, "w.read_mail = read"))
    poison.touch()
    return poison


async def test_a_mail_that_kills_its_reader_is_kept_as_failed_and_can_be_run_again(
    poisonable: Path, desk: Desk
) -> None:
    staff = await desk.staff()
    mail = b"X-Kind: poison\r\n" + large_mail(name="wasp")
    assert (await desk.send(mail))[0] == 250
    assert await _ledger(desk, staff, 1) == [("failed", "cannot be understood: its reader died 3 times")]
    row = (await desk.ledger(staff))[0]
    assert await staff.bytes(f"/api/intake/{row['id']}/raw") == mail
    assert (await desk.send(mail))[0] == 250
    for name, size in (("whale", LARGE), ("ant", 10)):
        assert (await desk.send(large_mail(size, name=name)))[0] == 250
    assert [outcome for outcome, _ in await _ledger(desk, staff, 3)] == ["ticket", "ticket", "duplicate"]
    poisonable.unlink()
    await staff.call("POST", f"/api/intake/{row['id']}/reprocess", {})
    assert (await staff.call("GET", f"/api/intake/{row['id']}"))["outcome"] == "ticket"


async def test_files_of_large_mails_are_served(desk: Desk) -> None:
    staff = await desk.staff()
    await desk.send(large_mail())
    row = await staff.call("GET", f"/api/intake/{(await desk.ledger(staff))[0]['id']}")
    [part] = row["parsed"]["attachments"]
    content = await staff.bytes(f"/api/attachment/{part['id']}")
    assert content[:12] == b"Plans Plans "
    assert len(content) == part["size_bytes"]


async def test_the_pipe_takes_large_mail_too(settings: Settings, relay: Relay) -> None:
    assert await deliver(settings, BytesIO(large_mail()), recipient=None, sender=None) == 0
    async with running(settings) as gateway, ClientSession(f"http://127.0.0.1:{gateway.http_port}") as session:
        desk = Desk(gateway, relay, session)
        assert await _ledger(desk, await desk.staff(), 1) == [("ticket", "new ticket")]


@pytest.mark.slow
async def test_without_workers_what_was_stored_is_shown_later(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, relay: Relay
) -> None:
    await deliver(settings, BytesIO(large_mail()), recipient=None, sender=None)
    monkeypatch.setattr(worker, "_command", lambda: ["/nowhere/python"])
    async with running(settings) as gateway, ClientSession(f"http://127.0.0.1:{gateway.http_port}") as session:
        staff = await Desk(gateway, relay, session).staff()
        [message] = await staff.call("GET", "/api/ticket/1/messages")
        url = message["attachments"][0]["url"].removeprefix("http://localhost:8000")
        for path in ("/api/intake/1", url):
            assert "at the moment" in (await staff.call("GET", path, status=503))["detail"]
        assert await staff.bytes("/api/intake/1/raw") == large_mail()


async def test_without_workers_large_mail_comes_again_and_small_mail_is_taken(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(worker, "_command", lambda: ["/nowhere/python"])
    async with running(settings) as gateway:
        for mail, code in ((large_mail(), 451), (a_mail(name="flea"), 250)):
            answer = await asyncio.to_thread(
                send, gateway.smtp_port, mail, "maria@customer.example", "support@desk.example"
            )
            assert answer[0] == code, answer


@pytest.mark.slow
async def test_the_gateway_ends_in_time_although_workers_are_busy(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(worker, "_command", lambda: reads_by("time.sleep(99)"))
    async with running(settings) as gateway:
        address = (gateway.smtp_port, large_mail(), "maria@customer.example", "support@desk.example")
        sending = asyncio.create_task(asyncio.to_thread(send, *address))
        await asyncio.sleep(1)
        closing_at = time.monotonic()
    assert time.monotonic() - closing_at < 12
    with pytest.raises(SMTPResponseException, match="421"):
        await sending


@contextmanager
def _watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[float, str]]]:
    """How much processor time the steps of the loop take: not how long, for the machine may do other things too."""
    took: list[tuple[float, str]] = []
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        name = repr(handle)[:400]
        took.append((cpu_seconds(lambda: run(handle)), name))

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.Handle, "_run", timed)
        yield took


@pytest.mark.slow
async def test_the_loop_never_stops_for_long(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = [raw for _, raw in islice(dear_mails(20 * MEBIBYTE), 0, None, 40)]
    mails += [raw for _, raw in islice(dear_mails(60_000), 0, None, 5)]
    mails.append(b"From: a@b.example\nSubject: " + b"a" * (24 * MEBIBYTE))
    mails.append(b"From: a@b.example\nX: a\n" + b" a\n" * (8 * MEBIBYTE))
    mails += [large_mail(24 * MEBIBYTE, name=f"whale{n}") for n in range(3)]
    mails += [a_mail(name=f"ant{n}") for n in range(50)]
    places = asyncio.Semaphore(8)
    async with reading() as reader:
        mailroom = Mailroom(settings, database, reader)

        async def take(mail: bytes) -> str:
            async with places:
                return (await mailroom.take(Delivery(raw=mail, source=Source.SMTP))).outcome

        # The first of all loads the tables by which a charset is guessed.
        await asyncio.to_thread(read_mail, b"\n\nGr\xfc\xdfe", authserv_id="", trusted=False)
        with _watched(monkeypatch) as took:
            outcomes = Counter(await asyncio.gather(*map(take, mails)))
    print(outcomes)  # noqa: T201
    for seconds, name in sorted(took, reverse=True)[:5]:
        print(f"{1000 * seconds:6.1f} ms  {name}")  # noqa: T201
    assert max(took)[0] < MOST_SECONDS_ON_THE_LOOP, max(took)
    assert outcomes["ticket"] >= 53
