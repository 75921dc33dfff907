"""The JSON of the API: every body that is taken and every object that is given, as types.

The same definitions validate, write the answers, and make `openapi.json`. A body is checked field by field, so that
all mistakes are told at once; unknown keys are ignored and grant nothing.
"""

from __future__ import annotations

import typing
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from gateway.errors import DeskError, InvalidFields
from gateway.model import EMAIL_PATTERN, USERNAME_PATTERN, drop_controls

B = TypeVar("B", bound=Struct)

_DEEPEST = 32
MessageText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100_000,
        pattern=r"\S",
        description="Not only blanks; control characters but tab and line feed are dropped.",
    ),
]
Username = Annotated[
    str,
    Meta(min_length=1, max_length=150, pattern=USERNAME_PATTERN, description="Letters, digits and @ . + - _"),
]
EmailAddress = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=254,
        pattern=EMAIL_PATTERN,
        description="One plain address.",
    ),
]
NewPassword = Annotated[
    str, Meta(min_length=8, max_length=256, description="Not a common one, not the user's name or address.")
]
KeyName = Annotated[
    str,
    Meta(min_length=1, max_length=100, pattern=r"\S", description="What the key is for; becomes one clean line."),
]
StatusCode = Literal["c", "u", "f"]


class MalformedBody(DeskError):
    """The body is no JSON object."""

    message = "The body is not a valid JSON object."


class NewUser(Struct):
    email: EmailAddress
    username: Username
    password: NewPassword


class Credentials(Struct):
    username: str
    password: str


class RefreshBody(Struct):
    refresh: str


class TokenBody(Struct):
    token: str


class NewMessage(Struct):
    message: MessageText


class NewStatus(Struct):
    status: StatusCode


class StaffFlag(Struct):
    is_staff: bool


class NewKey(Struct):
    name: KeyName


class Rerun(Struct):
    accept: bool = False


class Detail(Struct):
    """What is wrong, in words."""

    detail: str


class User(Struct):
    id: int
    username: str
    email: str
    is_active: bool
    tickets: list[str]


class TokenPair(Struct):
    refresh: str
    access: str


class Nothing(Struct):
    """An empty object."""


class TicketObject(Struct):
    id: int
    from_user_id: int
    from_user: str
    message: str
    status: StatusCode
    changed_status: int | None
    answers: list[str]
    created_at: str


class AnswerCreated(Struct):
    id: int
    message: str


class AnswerObject(Struct):
    id: int
    from_user_id: int
    from_user: str
    to_ticket: str
    message: str
    answered_at: str


class StatusChanged(Struct):
    status: StatusCode
    changed_status: int


class Author(Struct):
    id: int
    name: str
    email: str


class AttachmentObject(Struct):
    id: int
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    inline: bool
    url: str


class CustomerMessage(Struct):
    """A message as a customer sees it; `id` is null for the opening one."""

    id: int | None
    kind: Literal["ticket", "answer"]
    author: Author
    via: Literal["api", "email", "web"]
    subject: str
    message: str
    quoted: str
    attachments: list[AttachmentObject]
    created_at: str


class StaffMessage(Struct):
    """A message as staff see it, with the trust that its sender has earned."""

    id: int | None
    kind: Literal["ticket", "answer", "note"]
    author: Author
    via: Literal["api", "email", "web"]
    subject: str
    message: str
    quoted: str
    trust: str
    attachments: list[AttachmentObject]
    created_at: str


class StaffUser(Struct):
    id: int
    username: str
    email: str
    is_active: bool
    is_staff: bool
    is_admin: bool


class KeyCreated(Struct):
    """A new API key. `key` is shown here and never again."""

    id: int
    name: str
    key: str
    created_at: str


class KeyRow(Struct):
    """An API key, without the key."""

    id: int
    name: str
    created_at: str
    last_used_at: str | None
    revoked_at: str | None


Outcomes = Literal["ticket", "answer", "duplicate", "automatic", "bounce", "held", "failed", "refused"]


class IntakeRow(Struct):
    """A mail that was taken; `ticket` and `comment` are the ids of what it became."""

    id: int
    received_at: str
    source: Literal["smtp", "lmtp", "imap", "pipe", "http", "import"]
    envelope_from: str
    envelope_to: list[str]
    message_id: str | None
    from_: str = msgspec.field(name="from")
    subject: str
    size_bytes: int
    outcome: Outcomes
    reason: str
    trust: str
    ticket: int | None
    comment: int | None


class Address(Struct):
    name: str
    address: str


class BounceObject(Struct):
    addresses: list[str]
    permanent: bool


class Parsed(Struct):
    from_: Address = msgspec.field(name="from")
    subject: str
    text: str
    visible: str
    quoted: str
    signature: str
    automatic: bool
    auto_reply: bool
    bounce: BounceObject | None
    attachments: list[AttachmentObject]


class IntakeDetail(IntakeRow):
    """A row of the ledger with what was understood of the mail; null where nothing could be."""

    parsed: Parsed | None


class OutboxRow(Struct):
    """An owed mail and where it stands; `relay_id` is what the relay calls it."""

    id: int
    kind: str
    state: Literal["queued", "sending", "sent", "failed", "uncertain", "bounced"]
    recipient: str
    ticket: int | None
    comment: int | None
    message_id: str
    relay_id: str | None
    attempts: int
    created_at: str
    due_at: str
    settled_at: str | None
    last_reply: str


class Health(Struct):
    status: Literal["ok"]


def instant(moment: datetime) -> str:
    """An instant as the API writes it, in UTC with six digits of a second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_body(data: bytes, kind: type[B]) -> B:
    """The body as a `kind`. Raises MalformedBody, or InvalidFields with every mistake."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody from error
    if not isinstance(document, dict) or _is_deeper_than(document, _DEEPEST):
        raise MalformedBody
    values: dict[str, Any] = {}
    mistakes: dict[str, list[str]] = {}
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        if name not in document:
            if field.required:
                mistakes[name] = ["This field is required."]
            continue
        value = document[name]
        if hints[field.name] is MessageText and isinstance(value, str):
            value = drop_controls(value)
        try:
            values[field.name] = msgspec.convert(value, hints[field.name])
        except msgspec.ValidationError as error:
            mistakes[name] = [_words(str(error), value)]
    if mistakes:
        raise InvalidFields(mistakes)
    return kind(**values)


def _words(error: str, value: object) -> str:
    if value is None:
        return "This field may not be null."
    if isinstance(value, str) and not value.strip():
        return "This field may not be blank."
    if "matching regex" in error:
        return "Enter a valid value."
    return error.replace("`", "") + "."


def _is_deeper_than(document: object, depth: int) -> bool:
    level: list[object] = [document]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(inner, (dict, list)) for inner in level)
