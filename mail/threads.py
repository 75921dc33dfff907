"""Which ticket a mail may belong to: the clues it carries, and which addresses are the desk's. Pure.

Clues are only read here: tokens are recognised by their form, IDs by their digits. Whether a token is genuine, a
ticket exists and the sender belongs to it, is for `gateway.intake` to find out and `gateway.matching` to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.config import Settings
from gateway.model import InboundMessage, ThreadClues, fold_key
from gateway.reply_token import TOKEN
from mail.fields import read_fields
from mail.mime.headers import addresses

_MOST_REFERENCES = 20
_MOST_IDS = 5
_MOST_FIELDS = 1000
_LONGEST_REPLY_TO = 1000
# `[#66]` and `[Any words #66]`: ASCII digits without leading zeros, at most 18, so that any database takes them.
_SUBJECT_ID = re.compile(r"\[(?:[^\[\]#]*\s)?#([1-9][0-9]{0,17})\]")
_SUBJECT_TAG = re.compile(r"\s*\[(?:[^\[\]#]*\s)?#[0-9]{1,30}\]")
_REPLY_PREFIX = re.compile(r"\A(?:(?:re|aw|sv|antw|odp|vs)(?:\[\d{1,3}\])?\s*:\s*)+", re.IGNORECASE)
_TITLE_LENGTH = 60
# With the ID behind it, it must fit into the 255 characters of a subject that are kept when it comes home.
_LONGEST_TITLE = 200


def is_ours(settings: Settings, address: str) -> bool:
    """Whether mail to this address is for the desk: one of its addresses, with or without a token of the right form.

    Says nothing about whether the token is genuine, so that nobody can try tokens out at the door.
    """
    key = fold_key(address)
    if key in settings.support_addresses:
        return True
    local, _, domain = key.rpartition("@")
    plain, plus, token = local.rpartition("+")
    return bool(plus and TOKEN.fullmatch(token)) and f"{plain}@{domain}" in settings.support_addresses


def read_clues(settings: Settings, message: InboundMessage, envelope_to: Iterable[str]) -> ThreadClues:
    """The clues of a mail: tokens in the envelope's and the header's recipients, tokens and Message-IDs in
    In-Reply-To and References (newest first), IDs in the subject (last first: ours stands at the end)."""
    recipients = dict.fromkeys(fold_key(address) for address in (*envelope_to, *message.recipients))
    tokens = (_address_token(settings, address) for address in recipients)
    answered = list(dict.fromkeys((*message.in_reply_to, *reversed(message.references))))[:_MOST_REFERENCES]
    enclosed = message.bounce.message_ids[:_MOST_REFERENCES] if message.bounce else ()
    return ThreadClues(
        address_tokens=tuple(token for token in tokens if token),
        reference_tokens=tuple(token for message_id in answered if (token := message_id_token(settings, message_id))),
        message_ids=tuple(answered),
        subject_ids=tuple(dict.fromkeys(int(digits) for digits in reversed(_SUBJECT_ID.findall(message.subject))))[
            :_MOST_IDS
        ],
        own_token=message_id_token(settings, message.message_id or "") or _loop_token(message.loop_mark),
        enclosed_tokens=tuple(token for message_id in enclosed if (token := message_id_token(settings, message_id))),
    )


def message_id_token(settings: Settings, message_id: str) -> str:
    """The token in a Message-ID of ours, or nothing."""
    local, _, domain = message_id.lower().rpartition("@")
    return local if domain == settings.support_domain and TOKEN.fullmatch(local) else ""


def sent_token(settings: Settings, raw: bytes) -> str:
    """The token in the Reply-To of a mail as it was sent, or nothing: by it we know a mail of ours whose Message-ID a
    relay has rewritten."""
    for number, (name, value, _) in enumerate(read_fields(raw)):
        if name == "reply-to":
            found = addresses([value[:_LONGEST_REPLY_TO].decode("ascii", "replace")])
            return next(filter(None, (_address_token(settings, fold_key(address)) for address in found)), "")
        if number > _MOST_FIELDS:
            break
    return ""


def _loop_token(mark: str) -> str:
    return mark if TOKEN.fullmatch(mark) else ""


def _address_token(settings: Settings, address: str) -> str:
    token = address.rpartition("@")[0].rpartition("+")[2]
    return token if TOKEN.fullmatch(token) and is_ours(settings, address) else ""


def reply_address(settings: Settings, token: str) -> str:
    """The desk's address that brings a reply home by its token."""
    local, _, domain = settings.support_address.rpartition("@")
    return f"{local}+{token}@{domain}"


def title_of(subject: str, message: str) -> str:
    """What stands in the subject of our mail about a ticket: its subject without `Re:` and without IDs, whosever they
    are; where that leaves nothing, the first words of its message."""
    title = " ".join(_REPLY_PREFIX.sub("", _SUBJECT_TAG.sub("", subject).strip()).split())[:_LONGEST_TITLE].rstrip()
    if title:
        return title
    words = " ".join(_SUBJECT_TAG.sub("", " ".join(message[: 4 * _TITLE_LENGTH].split())).split())
    if len(words) <= _TITLE_LENGTH:
        return words
    return words[:_TITLE_LENGTH].rpartition(" ")[0] or words[:_TITLE_LENGTH]
