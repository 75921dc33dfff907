"""The words of the desk: values, enumerations and the pure rules that need nothing else.

Everything here is frozen and knows neither a database nor a protocol, so that mail, api and the services can
share it. An instant is an aware datetime in UTC and its name ends in `_at`. Deliberately not here: anything that
reads or writes.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a ticket stands. Only staff change it."""

    UNSOLVED = "u"
    SOLVED = "c"
    FROZEN = "f"


class Via(StrEnum):
    """How a ticket or an answer was written."""

    API = "api"
    EMAIL = "email"
    WEB = "web"


class Source(StrEnum):
    """The road by which a mail reached the desk."""

    SMTP = "smtp"
    LMTP = "lmtp"
    IMAP = "imap"
    PIPE = "pipe"
    HTTP = "http"
    IMPORT = "import"


class Outcome(StrEnum):
    """What became of a mail."""

    TICKET = "ticket"
    ANSWER = "answer"
    DUPLICATE = "duplicate"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    HELD = "held"
    FAILED = "failed"
    REFUSED = "refused"


class AnswerKind(StrEnum):
    """An answer is for the customer; a note is for staff alone."""

    ANSWER = "answer"
    NOTE = "note"


class OutboxKind(StrEnum):
    """Why the desk owes somebody a mail; also the name of its template folder."""

    ANSWER = "answer"
    RECEIPT = "receipt"
    NOTICE = "notice"
    DIGEST = "digest"
    CONFIRM = "confirm"


class OutboxState(StrEnum):
    """Where an owed mail stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    BOUNCED = "bounced"


class Audience(StrEnum):
    """For whom a signed reply token was made; a staff token never works for a customer."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Verdict(StrEnum):
    """What a trusted authenticator said of the sender."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, with the rights that the database gives them now."""

    person_id: int
    username: str
    is_staff: bool
    is_admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody the desk knows: an account that can sign in, or an address that has written by mail.

    `owns_address` tells that this person is the proven owner of the address; `is_account` that there is a password.
    An account that merely claims an address has `owns_address` false until the mailed link was opened.
    """

    id: int
    username: str
    email: str
    is_active: bool
    is_staff: bool
    is_admin: bool
    is_account: bool
    owns_address: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A display name and an address; the address is empty where nobody can be named without doubt."""

    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentInfo:
    """One attached part of a mail. `position` finds its bytes in the raw mail again (see `mail.parse`)."""

    position: int
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    inline: bool
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A delivery report: the addresses that failed, whether for good, and the Message-IDs of the mail that it is about,
    as the report quotes it."""

    addresses: tuple[str, ...]
    permanent: bool
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """A mail that somebody passed on inside his own: who wrote it first, when, and what.

    `comment` is what the one who passed it on wrote above it, `sender.address` is never empty. `sent_at` is None where
    no date can be read without doubt; `message_id` and `attachments` are known only of a mail that was attached whole.
    """

    sender: Mailbox
    subject: str
    text: str
    comment: str = ""
    sent_at: datetime | None = None
    message_id: str | None = None
    attachments: tuple[AttachmentInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A mail, parsed once. Every text is NFC, without control characters but tab and line feed.

    `text` is the whole text; `visible`, `quoted` and `signature` are its three parts. Message-IDs stand without
    their angle brackets. `sender.address` is empty unless there is exactly one From with one plain address;
    `from_text` is what the From fields say, for people. `recipients` are the addresses of To, Cc and the delivery
    fields. `automatic` mail says in its headers that a program wrote it; `bounce` may also rest on its words;
    `no_receipt` mail may be a person's, yet must not be answered by a program (lists, bulk). `remarks` say in a few
    words each what of the mail is only in its bytes, or is odd about it ("more than 50 attachments"). `loop_mark` is
    what stands in our own field against loops, whoever wrote it.
    """

    message_id: str | None
    sender: Mailbox
    from_text: str
    subject: str
    text: str
    visible: str
    quoted: str = ""
    signature: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    automatic: bool = False
    auto_reply: bool = False
    no_receipt: bool = False
    bounce: Bounce | None = None
    attachments: tuple[AttachmentInfo, ...] = ()
    forwarded: Forwarded | None = None
    remarks: tuple[str, ...] = ()
    loop_mark: str = ""
    verdict: Verdict = Verdict.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxPlace:
    """Where a mail lies in a mailbox. `folder_id` is the folder's row in the database."""

    folder_id: int
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One mail as a door got it: its bytes exactly as they came, and the envelope.

    `envelope_from` is empty for the null sender, and for a road without an envelope. `trusted` says that the road
    may bring an Authentication-Results field that we believe. `place` is where in a mailbox it was found: that it was
    read is written down together with the mail. `from_sent` says that it lay among the mails that staff have sent.
    """

    raw: bytes
    source: Source
    envelope_from: str = ""
    envelope_to: tuple[str, ...] = ()
    null_sender: bool = False
    trusted: bool = False
    place: MailboxPlace | None = None
    from_sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What every door gets back for a mail that is committed: its ledger row and what became of it.

    `intake_id` is 0 for a sent mail that is no business of the desk: of that nothing is kept.
    """

    intake_id: int
    outcome: Outcome
    ticket_id: int | None = None
    answer_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadClues:
    """What a mail says about the ticket that it belongs to, strongest first; nothing here is believed yet.

    `own_token` is the token that the mail bears as its own Message-ID, or as our mark against loops: then it may be one
    of ours, come back.
    `enclosed_tokens` are those in the mail that a delivery report encloses.
    """

    address_tokens: tuple[str, ...] = ()
    reference_tokens: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    subject_ids: tuple[int, ...] = ()
    own_token: str = ""
    enclosed_tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One owed mail as the courier gets it: for whom, why, and a snapshot of what it needs to be written.

    `domain` is the recipient's; `unanswered` tells that a try of it has ended between its end and the answer to it;
    `tried_since` is when it was owed, or when a person queued it again.
    """

    id: int
    kind: OutboxKind
    recipient: str
    token: str
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    context: dict[str, Any]
    ticket_id: int | None
    person_id: int
    attempts: int
    created_at: datetime
    domain: str
    unanswered: bool
    tried_since: datetime


# What an account's name and address look like. They stand in the API's description too, so they are regular
# expressions of the common kind; `$` alone would let a line feed at the end pass.
_END = r"$(?!\n)"
_ATOM = r"[A-Za-z0-9!#$%&'*/=?^_`{|}~+-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
LONGEST_USERNAME = 150
USERNAME_PATTERN = r"^[\w.@+-]+" + _END
EMAIL_PATTERN = rf"^{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*{_END}"

# The control characters (category Cc) but tab and line feed, and lone surrogates, which no database takes.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# What makes one line look like another one or like two: the line and paragraph separators, the bidirectional
# controls (reliability: T33) and the byte order mark.
_DECEIVERS = re.compile("[\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Normalising sorts each run of accents by insertion, so its time grows with the square of the run: it gets pieces.
_FOREIGN_RUN = re.compile("[\x00-\x7f]?[^\x00-\x7f]{1,256}")
_LINE_ENDS = re.compile("\r\n?|\x85|\u2028|\u2029")


def drop_controls(text: str) -> str:
    """The text without control characters but tab and line feed; nothing else is touched."""
    return _CONTROLS.sub("", text)


def clean_text(text: str) -> str:
    """The text of a mail as the desk stores it: NFC, lines ended by a line feed, no control characters but tab."""
    text = drop_controls(_LINE_ENDS.sub("\n", text))
    if unicodedata.is_normalized("NFC", text):
        return text
    return _FOREIGN_RUN.sub(lambda run: unicodedata.normalize("NFC", run[0]), text)


def clean_line(text: str, limit: int = 255) -> str:
    """One line, each run of white space one blank, cut at `limit` characters. It can never hold a header break."""
    return " ".join(_DECEIVERS.sub(" ", clean_text(text)).split())[:limit].rstrip()


def fold_key(name: str) -> str:
    """The form under which names and addresses are compared without regard to case; cut to what an index takes."""
    # Nothing valid is longer; and normalising takes time in the square of a run of accents.
    name = name[:320]
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())[:640]
