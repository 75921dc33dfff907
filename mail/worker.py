"""Reading mails: light ones in place, large or suspicious ones in worker processes that can be killed.

Promised: reading never stops the event loop for more than 50 ms, whatever the mail is (see `mail.weight`). A mail that
takes more time or memory than the limits of `mail.worker_process` allow is Unreadable at once; one whose worker dies
of something else (killed, crashed, talking nonsense) is tried on a fresh worker, MOST_TRIES times in all, and then is
Unreadable too. Where no worker can be started, or one gets nowhere by the clock without using up its time of the
processor, the machine has no room for it: that is trouble of ours, and NoWorker comes out.

There are as many workers as processors, at most MOST_WORKERS. One starts when a mail needs it and ends when it has
had nothing to do for IDLE_SECONDS, so a desk at rest has none. A worker does one job at a time; whoever stops waiting
for it ends it, so that no answer is ever taken for another one's.

A worker has read hostile bytes, so its answers are mere data of a known form and size, never more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path

import msgspec

from gateway.model import InboundMessage
from mail.parse import Unreadable, attachment_bytes
from mail.weight import is_light
from mail.worker_process import (
    LENGTH,
    LONGEST_REPLY_BYTES,
    WALL_SECONDS,
    Answer,
    Batch,
    Content,
    Job,
    NoSuchPart,
    NotUnderstood,
    Readings,
    Ready,
    Reply,
    Understood,
    is_over_limits,
    read_mail,
)

MOST_WORKERS = 4
MOST_TRIES = 3
START_SECONDS = 20.0
IDLE_SECONDS = 60.0
# More would not fit into one answer if it were all text.
LONGEST_BATCH_BYTES = 2 * 1024 * 1024
_FEW_BYTES = 16 * 1024
# So much is handed over at once; the loop turns in between.
_SLICE_BYTES = 256 * 1024
_DEATH_SECONDS = 1.0
# Far above what the parser gives (see `mail.mime.headers`, `mail.parse`): whatever is beyond was not made by it.
_LONGEST_LINE = 2500
_LONGEST_TUPLE = 1000
_TEXTS = frozenset({"text", "visible", "quoted", "signature", "comment"})
# The modules come from where ours come from, without the folder that a worker happens to be started in.
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from mail.worker_process import main; main()"
_log = logging.getLogger("helpdesk.worker")


class NoWorker(Exception):
    """There is no worker process to be had, or none that gets anywhere."""


class _Lost(Exception):
    """The worker says what no worker says, or has hung up."""


class _HungUp(_Lost):
    """The worker has hung up; its exit status tells why."""


@asynccontextmanager
async def reading(command: Sequence[str] | None = None, *, seconds: float = WALL_SECONDS) -> AsyncIterator[Reader]:
    """A reader of mails meanwhile; its workers are gone afterwards.

    `command` starts a worker, `seconds` is how long it has for a mail.
    """
    reader = Reader(command or _command(), seconds)
    try:
        yield reader
    finally:
        await reader.close()


def _command() -> list[str]:
    root = str(Path(__file__).resolve().parent.parent)
    return [sys.executable, "-I", "-c", _BOOT, root, *(os.path.abspath(path) for path in sys.path if path)]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Reader:
    """Reads mails for the whole gateway."""

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._command = command
        self._seconds = seconds
        self._places = asyncio.Semaphore(min(_processors(), MOST_WORKERS))
        self._workers: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._endings: set[asyncio.Task[int]] = set()
        self._closed = False

    async def read(self, raw: bytes, *, authserv_id: str, trusted: bool) -> InboundMessage:
        """What a mail says. Raises Unreadable, whose words hold nothing of the mail, and NoWorker, which passes."""
        if is_light(raw):
            return read_mail(raw, authserv_id=authserv_id, trusted=trusted)
        answer = await self._ask(Job(size_bytes=len(raw), authserv_id=authserv_id, trusted=trusted), raw)
        assert isinstance(answer, Understood)
        return answer.message

    async def read_many(
        self, raws: Sequence[bytes], *, authserv_id: str, trusted: bool
    ) -> list[InboundMessage | Unreadable]:
        """What many mails say, in their order: quicker than one by one, and the loop is free meanwhile.

        All go to one worker. If that gets into trouble, each is read for itself. Raises NoWorker, which passes.
        """
        if len(raws) > 1 and sum(map(len, raws)) <= LONGEST_BATCH_BYTES:
            batch = Batch(tuple(map(len, raws)), authserv_id, trusted)
            async with self._places:
                answers = await self._try_batch(batch, b"".join(raws))
            if answers is not None:
                return [
                    answer.message if isinstance(answer, Understood) else Unreadable(answer.reason)
                    for answer in answers
                ]
        found: list[InboundMessage | Unreadable] = []
        for raw in raws:
            try:
                found.append(await self.read(raw, authserv_id=authserv_id, trusted=trusted))
            except Unreadable as unreadable:
                found.append(unreadable)
            # Reading in place gives the loop no turn.
            await asyncio.sleep(0)
        return found

    async def _try_batch(self, batch: Batch, raw: bytes) -> tuple[Understood | NotUnderstood, ...] | None:
        """The answers; None where the worker has not lived through it, or has not got anywhere in time."""
        worker = await self._worker()
        is_reusable = False
        try:
            async with asyncio.timeout(self._seconds):
                reply = await worker.ask(batch, raw)
            is_reusable = not reply.is_spent
        except (TimeoutError, _Lost):
            return None
        finally:
            if is_reusable:
                self._rest(worker)
            else:
                self._end(worker)
        return reply.answer.answers if isinstance(reply.answer, Readings) else None

    async def attachment(self, raw: bytes, position: int) -> bytes:
        """The bytes of an attachment. Raises LookupError where there is none, Unreadable and NoWorker."""
        if is_light(raw):
            return attachment_bytes(raw, position)
        answer = await self._ask(Job(size_bytes=len(raw), position=position), raw)
        if isinstance(answer, NoSuchPart):
            raise LookupError(f"no part {position}")
        assert isinstance(answer, Content)
        return answer.data

    async def close(self) -> None:
        """End every worker, also those at work, whose jobs end with NoWorker."""
        self._closed = True
        self._idle.clear()
        for worker in list(self._workers):
            self._end(worker)
        while self._endings:
            await asyncio.wait(self._endings)

    async def _ask(self, job: Job, raw: bytes) -> Answer:
        async with self._places:
            for _ in range(MOST_TRIES):
                worker = await self._worker()
                is_reusable = False
                try:
                    async with asyncio.timeout(self._seconds):
                        reply = await worker.ask(job, raw)
                    is_reusable = not reply.is_spent
                except TimeoutError:
                    raise NoWorker("gets nowhere") from None
                except _HungUp:
                    status = await worker.status()
                    _log.warning("a worker ended, status %d, over a mail of %d bytes", status, job.size_bytes)
                    if is_over_limits(status):
                        raise Unreadable("over the limits of time and memory") from None
                    continue
                except _Lost as lost:
                    _log.warning("a worker %s over a mail of %d bytes", lost, job.size_bytes)
                    continue
                finally:
                    if is_reusable:
                        self._rest(worker)
                    else:
                        self._end(worker)
                if isinstance(reply.answer, NotUnderstood):
                    raise Unreadable(reply.answer.reason)
                return reply.answer
        raise Unreadable(f"its reader died {MOST_TRIES} times")

    async def _worker(self) -> _Worker:
        """A worker with nothing to do: the one that has rested least, or a new one."""
        while self._idle:
            worker = self._idle.pop()
            worker.wake()
            if worker.is_alive():
                return worker
            self._end(worker)
        try:
            worker = await _Worker.start(self._command)
        except (OSError, subprocess.SubprocessError) as error:
            raise NoWorker(f"cannot be started: {type(error).__name__}") from error
        self._workers.add(worker)
        try:
            if self._closed:
                raise _Lost("the gateway is ending")
            async with asyncio.timeout(START_SECONDS):
                reply = await worker.receive(LONGEST_REPLY_BYTES)
            if not isinstance(reply.answer, Ready):
                raise _Lost("does not say that it is ready")
        except (TimeoutError, _Lost) as error:
            self._end(worker)
            raise NoWorker(f"does not start: {error or 'takes too long'}") from error
        except BaseException:
            self._end(worker)
            raise
        return worker

    def _rest(self, worker: _Worker) -> None:
        if self._closed:
            self._end(worker)
            return
        self._idle.append(worker)
        worker.sleep(lambda: self._send_home(worker))

    def _send_home(self, worker: _Worker) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
            self._end(worker)

    def _end(self, worker: _Worker) -> None:
        """End a worker, whatever it does; `close` waits until it is gone."""
        if worker in self._workers:
            self._workers.remove(worker)
            worker.kill()
            ending = asyncio.create_task(worker.ended())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)


class _Worker:
    """A worker process and the socket to it."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, command: Sequence[str]) -> _Worker:
        """Start a process, with nothing of ours but one socket. Not the subprocesses of asyncio: how those are waited
        for differs from version to version, and a socket tells of the end just as well."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_SLICE_BYTES)
            except BaseException:
                ours.close()
                raise
            try:
                # It takes less than a millisecond: the process is started without a copy of this one (vfork).
                process = subprocess.Popen(  # noqa: ASYNC220, S603
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
            except BaseException:
                writer.transport.abort()
                raise
        return cls(process, reader, writer)

    async def ask(self, job: Job | Batch, raw: bytes) -> Reply:
        """Have a job done. Raises _Lost where the worker dies, or answers with anything but an answer to this job."""
        head = msgspec.msgpack.encode(job)
        view = memoryview(raw)
        try:
            self._writer.write(LENGTH.pack(len(head)) + head)
            for start in range(0, len(raw), _SLICE_BYTES):
                self._writer.write(view[start : start + _SLICE_BYTES])
                await self._writer.drain()
        except OSError as error:
            raise _HungUp("hangs up") from error
        if isinstance(job, Batch):
            reply = await self.receive(LONGEST_REPLY_BYTES)
            answer = reply.answer
            fits = (
                isinstance(answer, Readings)
                and len(answer.answers) == len(job.sizes_bytes)
                and all(map(_is_bounded_answer, answer.answers))
            )
        elif job.position is None:
            reply = await self.receive(LONGEST_REPLY_BYTES)
            fits = isinstance(reply.answer, Understood) and _is_bounded(reply.answer.message)
        else:
            # What is decoded is never longer than what was encoded.
            reply = await self.receive(len(raw) + LONGEST_REPLY_BYTES)
            fits = isinstance(reply.answer, Content | NoSuchPart)
        if not fits and not (isinstance(reply.answer, NotUnderstood) and _is_bounded(reply.answer.reason)):
            raise _Lost("answers what it was not asked")
        return reply

    async def receive(self, longest: int) -> Reply:
        """The next reply. Raises _Lost."""
        try:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            if length > longest:
                raise _Lost("says too much")
            return msgspec.msgpack.decode(await self._reader.readexactly(length), type=Reply)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise _HungUp("hangs up") from error
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise _Lost("talks nonsense") from error

    def is_alive(self) -> bool:
        return self._process.poll() is None and not self._reader.at_eof()

    def sleep(self, send_home: Callable[[], None]) -> None:
        """Go home when nothing comes for a while."""
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, send_home)

    def wake(self) -> None:
        if self._timer:
            self._timer.cancel()

    def kill(self) -> None:
        self.wake()
        self._writer.transport.abort()
        self._process.kill()

    async def status(self) -> int:
        """The exit status of a worker that hung up; one that still lives is killed."""
        try:
            return await asyncio.to_thread(self._process.wait, _DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return await self.ended()

    async def ended(self) -> int:
        """The exit status, waited for in a thread: a process that gives back much memory takes a moment."""
        return await asyncio.to_thread(self._process.wait)


def _is_bounded_answer(answer: Understood | NotUnderstood) -> bool:
    return _is_bounded(answer.message if isinstance(answer, Understood) else answer.reason)


def _is_bounded(value: object, longest: int = _LONGEST_LINE) -> bool:
    """Whether what a worker says is as short as what the parser says."""
    if isinstance(value, str):
        return len(value) <= longest
    if isinstance(value, tuple):
        return len(value) <= _LONGEST_TUPLE and all(map(_is_bounded, value))
    if is_dataclass(value):
        return all(
            _is_bounded(getattr(value, field.name), LONGEST_REPLY_BYTES if field.name in _TEXTS else longest)
            for field in fields(value)
        )
    return True
