"""Many mutated mails read in child processes, whose time and memory are bounded from outside.

The campaign hands each child one number at a time, so it always knows which mail a child was at: one that dies or does
not come back costs that mail alone, and another child takes its place. What fails is saved, and the report says where.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

SLOWEST_SECONDS = 10.0
# A child may take up this much in all, the mails that it mutates among it; it is refused more than the second.
MOST_MEMORY_BYTES = 400 * 1024 * 1024
_LAST_MEMORY_BYTES = 1024 * 1024 * 1024
_MOST_FAILURES = 50
_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """One mail that was read: how long it took, how much memory its process has ever had, and what was wrong."""

    number: int
    size_bytes: int
    seconds: float
    memory_bytes: int
    complaint: str = ""


@dataclass(slots=True)
class Report:
    """What a campaign found. Failures are the complaints by the number of their mail."""

    seed: int
    count: int = 0
    total_bytes: int = 0
    seconds: float = 0.0
    slowest: Measured = field(default_factory=lambda: Measured(-1, 0, 0.0, 0))
    memory_bytes: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    saved: dict[int, Path] = field(default_factory=dict)

    def add(self, measured: Measured) -> None:
        complaint = measured.complaint
        if not complaint and measured.seconds > SLOWEST_SECONDS:
            complaint = f"took {measured.seconds:.1f} s"
        if not complaint and measured.memory_bytes > max(self.memory_bytes, MOST_MEMORY_BYTES):
            complaint = f"brought the memory to {measured.memory_bytes >> 20} MiB"
        if complaint:
            self.failures[measured.number] = complaint
        self.count += 1
        self.total_bytes += measured.size_bytes
        self.memory_bytes = max(self.memory_bytes, measured.memory_bytes)
        self.slowest = max(self.slowest, measured, key=lambda one: one.seconds)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.count} mails, {self.total_bytes / 1e6:.0f} MB in {self.seconds:.0f} s",
            f"slowest: number {self.slowest.number}, {self.slowest.seconds:.2f} s for {self.slowest.size_bytes} bytes",
            f"memory: {self.memory_bytes >> 20} MiB at most",
            f"failures: {len(self.failures)}",
        ]
        return "\n".join(
            lines + [f"  {number}: {words}\n    {self.saved[number]}" for number, words in self.failures.items()]
        )


def run(seed: int, numbers: Iterable[int], save_in: Path) -> Report:
    """Read the mails of these numbers; what fails is saved in a folder. Ends early where nearly everything fails."""
    # The mutator knows all mails too, so that what fails can be written down here.
    from tests.fuzz.mutations import Mutator

    report = Report(seed)
    began = time.monotonic()
    for measured in _measure(seed, iter(numbers)):
        report.add(measured)
        if len(report.failures) >= _MOST_FAILURES:
            break
    report.seconds = time.monotonic() - began
    mutator = Mutator(seed)
    for number in report.failures:
        path = save_in / f"seed-{seed}-{number}.eml"
        path.write_bytes(mutator.mail(number))
        report.saved[number] = path
    return report


@dataclass(slots=True)
class _Child:
    """A process that reads mails, the number it is at, and since when."""

    process: BaseProcess
    pipe: Connection
    number: int = -1
    since: float = 0.0

    def hand(self, number: int) -> None:
        self.number, self.since = number, time.monotonic()
        self.pipe.send(number)

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


def _measure(seed: int, numbers: Iterator[int]) -> Iterator[Measured]:
    children: list[_Child] = []
    try:
        children.extend(_start(seed, number) for number in islice(numbers, _PROCESSES))
        while children:
            ready = wait([child.pipe for child in children], timeout=1)
            for child in list(children):
                measured = _outcome(child, is_ready=child.pipe in ready)
                if measured is None:
                    continue
                yield measured
                number = next(numbers, -1)
                if number >= 0 and child.pipe in ready and child.process.is_alive():
                    child.hand(number)
                    continue
                child.end()
                children.remove(child)
                if number >= 0:
                    children.append(_start(seed, number))
    finally:
        for child in children:
            child.end()


def _outcome(child: _Child, *, is_ready: bool) -> Measured | None:
    """What a child says of its mail, or what must be said of the child; nothing while it is at work."""
    if is_ready:
        try:
            answer = child.pipe.recv()
        except (EOFError, ConnectionResetError):
            child.process.join(10)
            return Measured(child.number, 0, 0.0, 0, f"its process died: {child.process.exitcode}")
        assert isinstance(answer, Measured)
        return answer
    seconds = time.monotonic() - child.since
    # The child measures more exactly; this is for those that do not come back. Starting takes some seconds too.
    if seconds > 3 * SLOWEST_SECONDS:
        return Measured(child.number, 0, seconds, 0, f"did not come back for {seconds:.0f} s")
    return None


def _start(seed: int, number: int) -> _Child:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, seed), daemon=True)
    process.start()
    theirs.close()
    child = _Child(process, ours)
    child.hand(number)
    return child


def _work(pipe: Connection, seed: int) -> None:
    """The child: read the mail of each number that comes, until none does."""
    from tests.fuzz.mutations import Mutator
    from tests.fuzz.reading import take_nets_away

    resource.setrlimit(resource.RLIMIT_DATA, (_LAST_MEMORY_BYTES, _LAST_MEMORY_BYTES))
    take_nets_away()
    mutator = Mutator(seed)
    while True:
        try:
            number = pipe.recv()
        except EOFError:
            return
        pipe.send(_measured(number, mutator.mail(number)))


def _measured(number: int, raw: bytes) -> Measured:
    from tests.fuzz.reading import read_thoroughly

    complaint = ""
    # The time of this process alone: how busy the machine is, is no property of a mail.
    began = time.process_time()
    try:
        read_thoroughly(raw)
    except Exception as error:
        complaint = f"{type(error).__name__}: {error}{_place(error)}"
    seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Measured(number, len(raw), seconds, memory, complaint[:500])


def _place(error: Exception) -> str:
    """The line of code that an exception comes from."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace else ""
