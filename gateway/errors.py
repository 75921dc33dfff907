"""The domain's exceptions: each states a fact, and its message may be shown to whoever asked.

Doors translate them (`api/middleware.py` to statuses); anything that is not one of these is trouble of ours,
which is temporary and shows no internals.
"""

from __future__ import annotations


class DeskError(Exception):
    """Something that the one who asked can understand and act on."""

    message = "The request cannot be fulfilled."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)


class NotFound(DeskError):
    """Not there, or not yours: alike on purpose."""

    message = "Not found."


class NotAllowed(DeskError):
    """The role may not do this at all."""

    message = "You do not have permission to perform this action."


class NotSignedIn(DeskError):
    """No token, or one that is not valid (any more)."""

    message = "The token is missing, wrong or expired."


class WrongCredentials(DeskError):
    """Unknown user, wrong password or inactive account: alike on purpose."""

    message = "No active account found with the given credentials."


class TooMany(DeskError):
    """A limit was reached; `retry_after_seconds` says when to come back."""

    message = "Too many requests."

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class InvalidFields(DeskError):
    """A body with mistakes: for each field what is wrong."""

    message = "Invalid input."

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__()
        self.fields = fields


class Conflict(DeskError):
    """The thing is not in a state in which this can be done."""

    message = "This cannot be done in the present state."


class SpaceShort(DeskError):
    """There is not enough room left to store what came; it may be sent again later."""

    message = "Not enough storage space."


class TooManyHops(DeskError):
    """The mail has gone through so many servers that it must be going round in a loop."""

    message = "The mail has more than 50 Received fields: it is in a loop."


class TryAgainLater(DeskError):
    """Trouble of ours that passes."""

    message = "This cannot be done at the moment, try again later."


class TokenTrouble(DeskError):
    """There is no access token for a mailbox; says why. Of itself temporary: the next try may find it mended."""

    message = "The mailbox's token cannot be had."


class TokenDead(TokenTrouble):
    """The provider has ended the grant, or there never was one: only a new login brings a token."""


class TokenServerDown(TokenTrouble):
    """The provider does not answer, or answers nonsense: it passes."""


class ClientRefused(TokenTrouble):
    """The provider refuses our client, not the mailbox: the HELPDESK_OAUTH settings want mending."""


class SettingsWrong(DeskError):
    """Settings that the gateway cannot start with: one line per mistake, each naming its variable."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class SchemaOutdated(DeskError):
    """The database is not at the schema this version works on."""

    message = "The database schema is not up to date: run `helpdesk migrate`."
