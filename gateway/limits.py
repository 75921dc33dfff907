"""Rate limits: how often something may happen under a name.

One counter per name and window; the window before counts in the share that still overlaps, so that no burst at a
border doubles the limit. Counters live in this process: they are a brake, not a record, and a restart forgives.
Memory is bounded by forgetting the oldest names. No limit here ever loses a mail.
"""

from __future__ import annotations

import math
from collections import OrderedDict

from gateway.values import Limit

_MOST_NAMES = 50_000


class RateCounter:
    """Counts events by name against one limit; without a limit everything passes."""

    def __init__(self, limit: Limit | None, factor: int = 1) -> None:
        self._count = limit.count * factor if limit else 0
        self._seconds = limit.seconds if limit else 0
        self._names: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def hit(self, name: str, now: float) -> int:
        """Count one event under `name` at `now` (seconds of a monotonic clock).

        Returns 0 if it is within the limit, else the seconds until it may be tried again; what is over the limit is
        not counted.
        """
        if wait := self.wait_seconds(name, now):
            return wait
        self.count(name, now)
        return 0

    def wait_seconds(self, name: str, now: float) -> int:
        """How long until one more event fits under `name`, without counting one; 0 if it fits now."""
        if not self._seconds:
            return 0
        window, share = divmod(now / self._seconds, 1)
        current, previous = self._counts(name, int(window))
        if current + previous * (1 - share) + 1 <= self._count:
            return 0
        return max(1, math.ceil((1 - share) * self._seconds))

    def count(self, name: str, now: float) -> None:
        """Count one event under `name` whether or not it is within the limit."""
        if not self._seconds:
            return
        window = int(now / self._seconds)
        current, previous = self._counts(name, window)
        self._names[name] = (window, current + 1, previous)
        self._names.move_to_end(name)
        if len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)

    def forgive(self, name: str, now: float) -> None:
        """Take one event under `name` back."""
        if self._seconds:
            window = int(now / self._seconds)
            current, previous = self._counts(name, window)
            self._names[name] = (window, max(0, current - 1), previous)

    def _counts(self, name: str, window: int) -> tuple[int, int]:
        seen, current, previous = self._names.get(name, (window, 0, 0))
        if seen == window:
            return current, previous
        return 0, current if seen == window - 1 else 0
