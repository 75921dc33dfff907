"""How far a long command is: a bar on a terminal, a plain line now and then elsewhere.

Writes to one stream (standard error, so that standard output holds the result alone), at most ten times a second to a
terminal and every ten seconds to a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

_BAR_WIDTH = 30
_BAR_SECONDS = 0.1
_LINE_SECONDS = 10.0


class ProgressBar:
    """Called with what is being done, how much of it is done, and how much there is (0: not known)."""

    def __init__(self, stream: TextIO, seconds: Callable[[], float]) -> None:
        self._stream = stream
        self._seconds = seconds
        self._is_terminal = stream.isatty()
        self._started_at = self._shown_at = seconds()
        self._stage = ""
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = self._seconds()
        if stage != self._stage:
            self._stage, self._started_at = stage, now
        pause = _BAR_SECONDS if self._is_terminal else _LINE_SECONDS
        if now - self._shown_at < pause and done != total:
            return
        self._shown_at = now
        line = progress_line(stage, done, total, now - self._started_at, with_bar=self._is_terminal)
        if self._is_terminal:
            self._stream.write(f"\r{line.ljust(self._width)}")
            self._width = len(line)
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line of the bar, if there is one."""
        if self._is_terminal and self._width:
            self._stream.write("\n")
            self._stream.flush()


def progress_line(stage: str, done: int, total: int, seconds: float, *, with_bar: bool) -> str:
    """What is shown: `importing [####......] 1,200 of 3,000, 2,010/s, 1 s left`."""
    if not total:
        return f"{stage}: {done:,} mails"
    bar = ""
    if with_bar:
        filled = _BAR_WIDTH * done // total
        bar = f" [{'#' * filled}{'.' * (_BAR_WIDTH - filled)}]"
    words = f"{stage}{bar} {done:,} of {total:,}"
    if done and seconds > 0:
        rate = done / seconds
        words += f", {rate:,.0f}/s"
        if done < total:
            words += f", {_time((total - done) / rate)} left"
    return words


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
