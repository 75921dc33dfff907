"""What runs inside a worker: mails in, what is understood of them out, one after the other, and nothing else.

A worker is started by `mail.worker`, talks to it over the socket that is its standard input, and ends when that
socket does. It gets no environment and no settings, opens no database, and puts limits on itself: for each mail
CPU_SECONDS, WALL_SECONDS, and MEMORY_BYTES besides three times the mail's size; no files written, no core, no child
processes. A mail that is too much ends the worker: `is_over_limits` knows the exit status.

The conversation is made of frames, each a length and MessagePack: `Reply(Ready())` once, then for each `Job` or
`Batch`, which the bytes of the mails follow as they are, one `Reply`. MessagePack and not pickle, since an answer must
never be able to run anything in the gateway.

Known weakness: where the system knows no limit of private memory (RLIMIT_DATA counts so on Linux alone), only the
time is limited. A worker runs under the gateway's own user and is not cut off from the network.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import socket
import struct
import time
import traceback
from dataclasses import replace
from io import BufferedRWPair

import msgspec
from msgspec import Struct

from gateway.model import InboundMessage
from mail.parse import Unreadable, attachment_bytes, parse_message
from mail.trust import verdict

CPU_SECONDS = 10
WALL_SECONDS = 30
MEMORY_BYTES = 256 * 1024 * 1024
# A message is a few texts of a megabyte and little else.
LONGEST_REPLY_BYTES = 16 * 1024 * 1024
LENGTH = struct.Struct(">I")
# What Python leaves behind of many mails is given back by starting anew.
_MOST_JOBS = 500
_MOST_GROWTH_BYTES = 64 * 1024 * 1024
_OUT_OF_MEMORY = 71
# Enough for the socket and for modules that are imported late, such as codecs.
_MOST_FILES = 16
# The event loop of the gateway goes first where there are fewer cores than work.
_NICENESS = 5


class Job(Struct, frozen=True, kw_only=True, tag=True):
    """One thing to do with a mail of `size_bytes`: to read it or, with a `position`, to give that attachment's bytes.

    `authserv_id` and `trusted` are what the verdict on the sender rests on (see `mail.trust`).
    """

    size_bytes: int
    position: int | None = None
    authserv_id: str = ""
    trusted: bool = False


class Batch(Struct, frozen=True, tag=True):
    """Many mails to be read one after the other, each within the limits of one."""

    sizes_bytes: tuple[int, ...]
    authserv_id: str = ""
    trusted: bool = False


class Ready(Struct, frozen=True, tag=True):
    """The worker has started and is under its limits."""


class Understood(Struct, frozen=True, tag=True):
    """What a mail says."""

    message: InboundMessage


class NotUnderstood(Struct, frozen=True, tag=True):
    """Nothing is understood of the mail; `reason` holds none of its words."""

    reason: str


class Readings(Struct, frozen=True, tag=True):
    """What the mails of a batch say, in their order."""

    answers: tuple[Understood | NotUnderstood, ...]


class Content(Struct, frozen=True, tag=True):
    """The bytes of an attachment."""

    data: bytes


class NoSuchPart(Struct, frozen=True, tag=True):
    """The mail has no attachment there."""


Answer = Ready | Understood | NotUnderstood | Readings | Content | NoSuchPart


class Reply(Struct, frozen=True):
    """An answer, and whether the worker has worn itself out and is to be replaced."""

    answer: Answer
    is_spent: bool = False


def read_mail(raw: bytes, *, authserv_id: str, trusted: bool) -> InboundMessage:
    """Everything that is understood of a mail, with the verdict on its sender.

    Raises Unreadable, whose words hold nothing of the mail, and MemoryError.
    """
    try:
        message = parse_message(raw)
        judged = verdict(raw, sender=message.sender.address, authserv_id=authserv_id, trusted=trusted)
        return replace(message, verdict=judged)
    except MemoryError:
        raise
    except Exception as error:
        cause = error.__cause__ if isinstance(error, Unreadable) else error
        if isinstance(cause, MemoryError):
            raise MemoryError from error
        raise Unreadable(_reason(cause) if cause else str(error)) from error


def _reason(error: BaseException) -> str:
    """What went wrong and where. Not the error's text, which may quote the mail."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def is_over_limits(status: int) -> bool:
    """Whether a worker's exit status says that the mail was too much for its limits."""
    return status in {_OUT_OF_MEMORY, -signal.SIGXCPU, -signal.SIGALRM}


def main() -> None:
    """Work until the gateway hangs up."""
    try:
        _work()
    except MemoryError:
        # Nothing that takes memory may be done any more, such as telling it or cleaning up.
        os._exit(_OUT_OF_MEMORY)


def _work() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # These often reach the whole group. The gateway finishes what it has begun, and needs its workers for that.
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=0) as channel, channel.makefile("rwb") as stream:
        limits = _Limits()
        _send(stream, Reply(Ready()))
        jobs = 0
        while len(head := stream.read(LENGTH.size)) == LENGTH.size:
            job = msgspec.msgpack.decode(stream.read(LENGTH.unpack(head)[0]), type=Job | Batch)
            if isinstance(job, Batch):
                answer = _read_many(job, stream, limits)
            else:
                limits.renew(job.size_bytes)
                answer = _do(job, stream)
            jobs += 1
            _send(stream, Reply(answer, is_spent=jobs >= _MOST_JOBS or limits.has_grown()))
            limits.rest()


def _read_many(batch: Batch, stream: BufferedRWPair, limits: _Limits) -> Answer:
    answers: list[Understood | NotUnderstood] = []
    for size in batch.sizes_bytes:
        limits.renew(size)
        answer = _do(Job(size_bytes=size, authserv_id=batch.authserv_id, trusted=batch.trusted), stream)
        assert isinstance(answer, Understood | NotUnderstood)
        answers.append(answer)
    return Readings(tuple(answers))


def _do(job: Job, stream: BufferedRWPair) -> Answer:
    raw = stream.read(job.size_bytes)
    try:
        if job.position is not None:
            return Content(attachment_bytes(raw, job.position))
        return Understood(read_mail(raw, authserv_id=job.authserv_id, trusted=job.trusted))
    except MemoryError:
        raise
    except LookupError:
        return NoSuchPart()
    except Unreadable as error:
        return NotUnderstood(str(error))
    except Exception as error:
        return NotUnderstood(_reason(error))


def _send(stream: BufferedRWPair, reply: Reply) -> None:
    try:
        frame = msgspec.msgpack.encode(reply)
        if isinstance(reply.answer, Understood | Readings) and len(frame) > LONGEST_REPLY_BYTES:
            frame = msgspec.msgpack.encode(Reply(NotUnderstood("too much text"), reply.is_spent))
    except UnicodeEncodeError as error:
        frame = msgspec.msgpack.encode(Reply(NotUnderstood(_reason(error)), reply.is_spent))
    stream.write(LENGTH.pack(len(frame)))
    stream.write(frame)
    stream.flush()


class _Limits:
    """What this process may use: for its whole life, and for each mail anew."""

    def __init__(self) -> None:
        os.nice(_NICENESS)
        for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
            _limit(kind, 0, for_good=True)
        _limit(resource.RLIMIT_NOFILE, _MOST_FILES, for_good=True)
        self._bytes_at_rest = _data_bytes()

    def renew(self, size_bytes: int) -> None:
        """Limits for one more mail. Whoever uses up his time is ended by SIGXCPU or SIGALRM."""
        _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + CPU_SECONDS)
        _limit(resource.RLIMIT_DATA, self._bytes_at_rest + MEMORY_BYTES + 3 * size_bytes)
        # The gateway's own clock comes first. This one is for a worker that has lost its gateway.
        signal.alarm(WALL_SECONDS + 1)

    def rest(self) -> None:
        """Wait for the next mail, however long."""
        signal.alarm(0)

    def has_grown(self) -> bool:
        """Whether a good deal of memory does not come back."""
        return _data_bytes() > self._bytes_at_rest + _MOST_GROWTH_BYTES


def _limit(kind: int, value: int, *, for_good: bool = False) -> None:
    """Lower a limit as far as the system has it and lets us; unless it is for good, it can be raised again."""
    _, highest = resource.getrlimit(kind)
    value = value if highest == resource.RLIM_INFINITY else min(value, highest)
    try:
        resource.setrlimit(kind, (value, value if for_good else highest))
    except (ValueError, OSError):
        return


def _data_bytes() -> int:
    """How much private memory this process has; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0
