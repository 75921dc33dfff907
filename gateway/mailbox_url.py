"""The value of HELPDESK_IMAP_URL: which folders of which mailboxes to watch, and what to do with a mail that is taken.

    imaps://user:password@host[:port]/FOLDER?after=leave|seen|delete|move:FOLDER&sent=FOLDER&limit=N&since=2026-01-31

Several stand side by side, separated by blanks. User, password and folder names are percent-encoded. The folder is
INBOX where none is named. `after` is what happens in the mailbox once a mail is committed, `sent` the folder in which
the mail programs of staff keep what they have sent. `limit` (the newest N) and `since` bound what is taken of the
mails that lie there when a folder is read for the first time; whatever comes later is taken whatever they say. With
`auth=oauth2` there is no password: the account's owner has granted it by `helpdesk mailbox login`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.values import Mistake, number_between, wants_oauth2

_FORM = "imaps://USER:PASSWORD@HOST[:PORT]/FOLDER (imap:// for STARTTLS)"
_AFTER = ("leave", "seen", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxUrl:
    """One folder to watch. `after` is leave, seen, delete or move; `sent` is empty where no Sent folder is read."""

    scheme: str
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    after: str = "leave"
    move_to: str = ""
    sent: str = ""
    limit: int | None = None
    since: date | None = None
    oauth2: bool = False

    @property
    def key(self) -> str:
        """The mailbox's name in the database; its password and its port may change, it is the same one."""
        return f"{self.username}@{self.host.lower()}"

    @property
    def may_be_clear(self) -> bool:
        """Whether a password may go there without TLS: only within this machine."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_mailboxes(text: str) -> tuple[MailboxUrl, ...]:
    """All mailboxes of the setting. No mistake shows more of a URL than its number: there are passwords in them."""
    found: list[MailboxUrl] = []
    for number, url in enumerate(text.split(), 1):
        try:
            found.append(_read_mailbox(url))
        except Mistake as mistake:
            raise Mistake(f"mailbox {number}: {mistake}") from mistake
    watched = [(mailbox.key, folder) for mailbox in found for folder in (mailbox.folder, mailbox.sent) if folder]
    if len(set(watched)) < len(watched):
        raise Mistake("names a folder of the same mailbox twice")
    return tuple(found)


def _read_mailbox(url: str) -> MailboxUrl:
    try:
        parts = urlsplit(url)
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)) if parts.query else {}
    except ValueError as error:
        raise Mistake(f"is not {_FORM}") from error
    if parts.scheme not in {"imap", "imaps"} or not parts.hostname or parts.fragment:
        raise Mistake(f"is not {_FORM}")
    oauth2 = wants_oauth2(options.get("auth", "password"), parts.username, parts.password)
    if not parts.username or not (parts.password or oauth2):
        raise Mistake("needs a user and a password, percent-encoded: %40 for @, %2F for /, %25 for %")
    if unknown := options.keys() - {"after", "sent", "limit", "since", "auth"}:
        raise Mistake(f"{min(unknown)!r} is no option; there are after, sent, limit, since and auth")
    after, colon, move_to = options.get("after", "leave").partition(":")
    if (after != "move" or not move_to) if colon else after not in _AFTER:
        raise Mistake("after is none of leave, seen, delete and move:FOLDER")
    folder = unquote(parts.path.removeprefix("/")) or "INBOX"
    names = (unquote(parts.username), unquote(parts.password or ""), folder, move_to, options.get("sent", ""))
    if not all(name.isprintable() for name in names):
        raise Mistake("has a control character in a name")
    if move_to == folder:
        raise Mistake("moves mails into the folder that they are taken from")
    return MailboxUrl(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (993 if parts.scheme == "imaps" else 143),
        username=names[0],
        password=names[1],
        folder="INBOX" if folder.upper() == "INBOX" else folder,
        after=after,
        move_to=move_to,
        sent=options.get("sent", ""),
        limit=number_between(1, 10_000_000)(options["limit"]) if "limit" in options else None,
        since=_read_day(options["since"]) if "since" in options else None,
        oauth2=oauth2,
    )


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Mistake(f"since={text!r} is no day such as 2026-01-31") from error
