"""How a client behaves: what one connection has used up of the patience that there is for it. No I/O.

A person's or a server's connection does a little and goes. What does much and delivers nothing is an attack or a
broken program, and is told 421: nothing is lost by it, since the next connection begins anew. Errors are counted for
everybody. All else is counted for strangers only: a trusted relay has many people's mail and asks again and again
whether we are still there.
"""

from __future__ import annotations

from mail import replies

MOST_ERRORS = 20
MOST_UNKNOWN_COMMANDS = 5
# Commands that bring no mail any further, such as NOOP and RSET; one of each with every mail is still in order.
MOST_IDLE_COMMANDS = 100
MOST_MAILS = 100
SESSION_SECONDS = 1800.0
_IDLE_COMMANDS = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "HELP"})


class Conduct:
    """The counters of one connection that began at `began_at`, in seconds of the loop's clock."""

    def __init__(self, began_at: float) -> None:
        self.is_trusted = False
        self._began_at = began_at
        self._errors = 0
        self._unknown_commands = 0
        self._idle_commands = 0
        self._mails = 0

    def note_command(self, command: str, *, is_known: bool) -> None:
        self._unknown_commands += not is_known
        self._idle_commands += command in _IDLE_COMMANDS

    def note_mail(self) -> None:
        """A mail was sent to its end, whatever became of it."""
        self._mails += 1

    def note_reply(self, lines: str) -> None:
        self._errors += lines.startswith("5")

    def last_word(self, now: float) -> str:
        """With which line the connection ends now; empty if it goes on."""
        if self._errors >= MOST_ERRORS:
            return replies.TOO_MANY_ERRORS
        if self.is_trusted:
            return ""
        if self._unknown_commands >= MOST_UNKNOWN_COMMANDS:
            return replies.TOO_MANY_ERRORS
        if self._idle_commands >= MOST_IDLE_COMMANDS or self._mails >= MOST_MAILS:
            return replies.ENOUGH
        return replies.TOO_LONG if now - self._began_at >= SESSION_SECONDS else ""
