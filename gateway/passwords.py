"""Passwords: Argon2id through the passlib interface, in threads, a few at a time.

One hash takes about a tenth of a second and 64 MiB, so it never runs on the event loop nor inside a unit of work,
and at most four run at once. Rules for a new password: 8 to 256 characters, not a common one, not the user's own
name or address.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor

from passlib.hash import argon2

from gateway.model import fold_key

hasher = argon2
_AT_ONCE = 4
_SHORTEST, _LONGEST = 8, 256


class Passwords:
    """Hashes and checks passwords; `close` ends its threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, "passwords")
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, hasher.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the one behind `stored`. With nothing stored it is not, after the same work."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody has this password")
        checked = await asyncio.get_running_loop().run_in_executor(
            self._threads, hasher.verify, password, stored or self._nobody
        )
        return bool(checked and stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@functools.cache
def _common_passwords() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def password_mistakes(password: str, *, username: str, email: str) -> list[str]:
    """What is wrong with a new password; nothing if it may be used."""
    mistakes = []
    if len(password) < _SHORTEST:
        mistakes.append(f"This password is too short. It must contain at least {_SHORTEST} characters.")
    if len(password) > _LONGEST:
        mistakes.append(f"This password is too long. It may contain at most {_LONGEST} characters.")
    key = fold_key(password)
    if key in _common_passwords() or len(set(key)) == 1:
        mistakes.append("This password is too common.")
    if key in {fold_key(username), fold_key(email), fold_key(email.partition("@")[0])}:
        mistakes.append("The password must not be the name or the address of the user.")
    return mistakes
