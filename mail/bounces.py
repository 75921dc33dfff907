"""Delivery reports: which addresses a mail says were not reached, whether for good, and which mail it is about.

Policy. What a program reports for programs comes first: the fields of message/delivery-status (RFC 3464), then
X-Failed-Recipients, then the words, read by rules of our own (`mail.bounce_text`) and by flufl.bounce. Good news
(delivered, relayed, expanded), read receipts, complaints and other reports are no bounces. Of several recipients one
that failed for good makes the report permanent.

A person who shows us a bounce has not bounced. Words count only in a mail that says in its header that a program wrote
it, or in one without any trace of a person's mail program; a delivery-status part only in a multipart/report or in
such a mail. A forged bounce is worth nothing without our token, so nothing here tries to tell it from a true one.

The Message-IDs are those of the mail that came back: of the enclosed mail first, then of the report's fields, then of
the header that the text quotes. Only the header of an enclosed mail is read, never its text.

flufl.bounce's detectors are built for friendly mail, so they get 2,000 lines or 64 KiB with long lines cut, and may
fail. Known weakness: a report whose words name the failed address only in a language or layout that no rule knows has
no addresses, yet is a bounce.
"""

from __future__ import annotations

import email
import email.policy
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from flufl.bounce import all_failures

from gateway.model import Bounce, clean_line
from mail import bounce_phrases as phrases
from mail.bounce_text import LONGEST_TEXT, MOST_ADDRESSES, MOST_IDS, Notice, plain_address, read_notice
from mail.mime import charsets, headers
from mail.mime.headers import Fields
from mail.mime.parts import Part, Tree, take_apart

_LONGEST_REPORT = 262_144
_LONGEST_ENCLOSED_HEADER = 65_536
_LONGEST_NESTED = 1_048_576
_LONGEST_WORDS = 65_536
_LONGEST_LINE = 320
_MOST_LINES = 2000
_MOST_REPORTS = 20

_TO_ASCII = bytes(range(128)) + b"?" * 128
# It writes a traceback for each mail that one of its detectors cannot read: nothing that strangers should cause.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

_DAEMONS = re.compile(
    r"(?:[^@]{0,40}[-_.])?(?:mailer-?daemon|mail-?daemon|mdaemon|bounces?|mail[-.]?delivery.{0,20})(?:[-+=_.].*)?",
    re.IGNORECASE,
)
_MASTERS = re.compile(
    r"(?:[^@]{0,40}[-_.])?post[-_]?master(?:[-+=_.].*)?|mail-?admin|microsoftexchange.*", re.IGNORECASE
)
_DAEMON_NAME = re.compile(
    r"\W*(?:mailer-? ?daemon|mail deliver|internet mail delivery|delivery subsystem)", re.IGNORECASE
)
_MASTER_NAME = re.compile(
    r"\W*(?:post-?master|e?-?mail (?:administrator|system|server|gateway|service)|microsoft outlook\b|"
    r"system ?administrator|"
    r"администратор почт|почтовая служба|系统管理员|系統管理員)",
    re.IGNORECASE,
)
_TELLS_OF_HIMSELF = re.compile(
    r"\bI (?:got|get|received|have|had|sent|tried|wrote|think|cannot|can't|need|want)\b|"
    r"\b[Mm]y (?:e-?mails?|messages?|mails?|users?|colleagues?|server|customers?)\b|"
    r"\b[Ww]e (?:got|get|received|have|need)\b"
)
# What a person's mail program writes, and a mail server's report does not.
_PERSONAL_FIELDS = ("in-reply-to", "references", "user-agent", "thread-index", "x-originating-ip")
_FIRST_PERSON = re.compile(
    r"\b(?:I|[Mm]y|I'm|[Hh]ello|[Hh]i|[Dd]ear|[Pp]lease help|[Pp]lease (?:send|look|check)|[Tt]hanks|"
    # "please", "why", "look" and greetings, which no program says.
    r"[Зз]дравствуйте|[Пп]осмотрите|[Пп]очему|[Пп]одскажите|[Дд]обрый день|[Чч]ому|[Пп]одивіться|[Дд]обрий день|"
    r"[Gg]uten [Tt]ag|[Hh]allo|[Ww]arum|[Kk]önnen Sie|[Bb]onjour|[Pp]ourquoi|[Pp]ouvez-vous|[Hh]ola|[Pp]or qué|"
    r"[Pp]ueden?|[Oo]lá|[Pp]or que|[Pp]odem?|[Bb]uongiorno|[Pp]erché|[Pp]otete|[Dd]zień dobry|[Dd]laczego|[Dd]obrý den|"
    r"[Pp]roč|[Gg]oedemiddag|[Ww]aarom|[Mm]erhaba|[Nn]eden)\b|您好|你好|请问|こんにちは|なぜ|안녕하세요|왜",
    re.M,
)
_PASSED_ON = re.compile(r"(?:fwd?|wg|tr|rv|vb|enc|doorst|пересл)\s*:", re.IGNORECASE)
_ENCLOSED = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "text/rfc822-header", "message/global-headers"}
    | {"message/rfc822-headers", "text/rfc822"}
)
_OTHER_REPORTS = frozenset({"message/disposition-notification", "message/feedback-report"})

_REPORT_FIELD = re.compile(rb"([!-9;-~]{1,60})[ \t]*:[ \t]*(.*)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_REPORT_START = re.compile(
    rb"\s{0,8}(?:reporting-mta|final-recipient|original-envelope-id|arrival-date):", re.IGNORECASE
)
_ID_FIELD = re.compile(
    rb"(?im)^[ \t>]{0,8}(?:(?:[a-z]{1,20}-){0,3}original-)?message-id[ \t]{0,4}:[ \t]{0,8}(?:\r?\n[ \t]{1,8})?"
    rb"([^\r\n]{3,1100})"
)
_TYPED = re.compile(r"(?:([a-z0-9-]{1,20})[ \t]*;)?[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_BAD = ("fail", "error", "undeliver", "bounce", "reject")
_GOOD = ("deliver", "relay", "expand", "success")


@dataclass(slots=True)
class _Findings:
    """Who failed for good and who only for now, and whether the report spoke of anybody at all."""

    permanent: dict[str, None]
    temporary: dict[str, None]
    bad: bool = False
    good: bool = False
    gone: bool = False


def find_bounce(root: Part, tree: Tree, subject: str, pages: list[str]) -> Bounce | None:
    """The delivery report in a mail, if it is one that something failed or is late. `pages` are its texts."""
    text = "\n\n".join(pages)[: 2 * LONGEST_TEXT]
    fields = root.fields
    content = headers.parameterised(fields.first("content-type"))
    kind = content.parameters.get("report-type", "").strip().lower()
    status = [leaf for leaf in tree.leaves if leaf.kind.endswith("delivery-status")]
    others = [leaf for leaf in tree.leaves if leaf.kind in _OTHER_REPORTS]
    if "(rejected" in fields.first("auto-submitted"):
        # A mailbox that refuses a mail says so in the form of a receipt (RFC 5429, section 2.2).
        status += others
    elif kind not in {"", "delivery-status"} or (others and not status):
        return None
    is_report = content.value == "multipart/report"
    is_server = is_report or _is_from_server(fields, subject, text)
    has_null_path = any(headers.unfolded(value) in {"<>", "< >"} for value in fields.all("return-path"))
    machine = is_server or has_null_path
    by_words = not machine and _looks_written_by_program(fields, tree, subject, text)
    if not (machine or by_words or (status and _is_unforwarded(fields, subject))):
        return None
    enclosed = [leaf for leaf in tree.leaves if leaf.kind in _ENCLOSED][:_MOST_REPORTS]
    found = _Findings({}, {})
    for data in _reports(tree, status, machine, enclosed):
        _read_report(data, found)
    if found.good and not found.bad:
        return None
    notice = read_notice(text, subject, _parties(fields))
    ids = _message_ids(fields, tree, enclosed, status, notice)
    if found.permanent or found.temporary:
        return _bounce(list(found.permanent | found.temporary), bool(found.permanent), ids)
    addresses, permanent, is_known = _by_words(tree.raw, fields, notice)
    is_named = phrases.SUBJECT.search(subject) is not None
    # An empty envelope sender alone makes no bounce: replies of absent people, and of shops, have it too.
    says_so = notice.is_nondelivery and (is_server or is_named or bool(enclosed))
    says_so = says_so or (is_named and (is_report or bool(notice.listed or (is_server and notice.named))))
    if not (found.bad or is_known or says_so):
        return None
    if found.bad:
        permanent = found.gone
    if not addresses and len(single := _addressees(tree, enclosed)) == 1:
        addresses = single
    return _bounce(addresses, permanent, ids) if addresses or machine else None


def _bounce(addresses: list[str], permanent: bool, ids: tuple[str, ...]) -> Bounce:
    return Bounce(addresses=tuple(addresses[:MOST_ADDRESSES]), permanent=permanent, message_ids=ids)


def _is_from_server(fields: Fields, subject: str, text: str) -> bool:
    """Whether the header says that a mail server wrote it. A postmaster or an administrator may be a person too."""
    froms = fields.all("from")[:2]
    locals_ = [address.rpartition("@")[0] for address in headers.addresses(froms)]
    if (
        any(_DAEMONS.fullmatch(local) for local in locals_)
        or any(_DAEMON_NAME.match(headers.decode_text(value)) for value in froms)
        or bool(fields.first("x-failed-recipients"))
        or any(name == "x-ms-exchange-message-is-ndr" for name, _ in fields.pairs)
        or re.search(r"\((?:rejected|failure)", fields.first("auto-submitted"))
        or any(headers.unfolded(value) == "<MAILER-DAEMON>" for value in fields.all("return-path"))
        or not any(value.strip() and "<>" not in value for value in froms)
    ):
        return True
    named = any(_MASTERS.fullmatch(local) for local in locals_) or any(
        _MASTER_NAME.match(headers.decode_text(value)) for value in froms
    )
    return named and not (
        _PASSED_ON.match(subject) or fields.first("user-agent") or _TELLS_OF_HIMSELF.search(text[:1000])
    )


def _looks_written_by_program(fields: Fields, tree: Tree, subject: str, text: str) -> bool:
    """Whether the words alone make a bounce: a report's subject, no person's mail program, no HTML, nobody says "I"."""
    return (
        phrases.SUBJECT.search(subject) is not None
        and not _PASSED_ON.match(subject)
        and not any(fields.first(name) for name in _PERSONAL_FIELDS)
        and not any(leaf.kind == "text/html" for leaf in tree.leaves)
        and _FIRST_PERSON.search(text[:1000]) is None
        and _TELLS_OF_HIMSELF.search(text[:1000]) is None
        and phrases.UNDELIVERED.search(" ".join(text[:4000].split())) is not None
    )


def _is_unforwarded(fields: Fields, subject: str) -> bool:
    return not _PASSED_ON.match(subject) and not any(fields.first(name) for name in _PERSONAL_FIELDS)


def _parties(fields: Fields) -> tuple[str, ...]:
    names = ("from", "reply-to", "sender", "to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
    return headers.addresses([value for name in names for value in fields.all(name)[:5]])


def _reports(tree: Tree, status: list[Part], trusted: bool, enclosed: list[Part]) -> Iterator[bytes]:
    """The reports for programs: the parts that say so, else what looks like one, else those of an enclosed mail."""
    for leaf in status[:_MOST_REPORTS]:
        yield _content(tree, leaf, _LONGEST_REPORT)
    if status or not trusted:
        return
    for leaf in tree.leaves[1:_MOST_REPORTS]:
        if leaf.kind in {"text/plain", "application/octet-stream"}:
            data = _content(tree, leaf, _LONGEST_REPORT)
            if _REPORT_START.match(data):
                yield data
    for leaf in enclosed[:1]:
        # Gateways wrap the report of another server in one of their own.
        inner_root, inner = take_apart(_content(tree, leaf, _LONGEST_NESTED) or b" ")
        if inner_root.fields.token("content-type") == "multipart/report":
            for part in [part for part in inner.leaves if part.kind.endswith("delivery-status")][:_MOST_REPORTS]:
                yield _content(inner, part, _LONGEST_REPORT)


def _content(tree: Tree, leaf: Part, limit: int) -> bytes:
    return tree.content(leaf)[:limit]


def _read_report(data: bytes, found: _Findings) -> None:
    """Read the groups of fields of a delivery report (RFC 3464, section 2), also where nothing parts them."""
    group: dict[str, str] = {}
    data = b"\n".join(line.rstrip() for line in data.split(b"\n"))
    for line in _FOLD.sub(b" ", data).split(b"\n"):
        match = _REPORT_FIELD.match(line[:2000])
        name = match[1].decode("ascii").lower() if match else ""
        if not line or (name == "final-recipient" and name in group):
            _judge(group, found)
            group = {}
        if match and name not in group:
            group[name] = charsets.decode(match[2])
    _judge(group, found)


def _judge(group: dict[str, str], found: _Findings) -> None:
    """Take a group of fields for a recipient: its Action counts, and where that says nothing its Status."""
    if not group.keys() & {"final-recipient", "original-recipient", "action"}:
        return
    action = group.get("action", "").strip().lower()
    status = group.get("status", "").strip()[:1] or group.get("diagnostic-code", "").rpartition(";")[2].strip()[:1]
    good = action.startswith(_GOOD) or (not action.startswith((*_BAD, "delay")) and status == "2")
    if good:
        found.good = True
        return
    found.bad = True
    permanent = action.startswith(_BAD) or (not action.startswith("delay") and status != "4")
    found.gone = found.gone or permanent
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        if address := _reported_address(group.get(name, "")):
            goal = found.permanent if permanent else found.temporary
            if len(goal) < MOST_ADDRESSES:
                goal[address] = None
            return


def _reported_address(value: str) -> str:
    """The address of a recipient field: with or without its type, brackets and the encodings of RFC 3461 and 6533."""
    match = _TYPED.fullmatch(value.strip())
    if not match:
        return ""
    kind, text = (match[1] or "").lower(), match[2].strip()
    if kind == "utf-8":
        text = re.sub(r"\\x\{([0-9A-Fa-f]{2,6})\}", _character, text)
    angle = re.search(r"<([^<>]*)>", text)
    text = angle[1] if angle else text.partition(" (")[0]
    # An unencoded plus sign is far more common than an encoded one, so only what must be encoded is decoded.
    text = re.sub(r"\+(2B|3D)", lambda code: bytes.fromhex(code[1]).decode(), text)
    return plain_address(clean_line(re.sub(r"(?i)\A(?:smtp|mailto|rfc822)[:;]", "", text), _LONGEST_LINE))


def _character(code: re.Match[str]) -> str:
    number = int(code[1], 16)
    return chr(number) if 0x20 < number < 0xD800 or 0xDFFF < number < 0x110000 else ""


def _by_words(raw: bytes, fields: Fields, notice: Notice) -> tuple[list[str], bool, bool]:
    """Whom the header and the words name, the surest source first; whether for good; whether it surely is a bounce."""
    failed = list(headers.addresses(fields.all("x-failed-recipients")[:MOST_ADDRESSES]))
    temporary, permanent = _failures(raw, has_from=bool(fields.first("from").strip()))
    addresses = failed or list(notice.listed) or [*permanent, *temporary] or list(notice.named)
    is_known = bool(failed or temporary or permanent)
    if temporary and not permanent and notice.permanent is not True:
        return addresses, False, is_known
    return addresses, notice.permanent is not False, is_known


def _failures(raw: bytes, *, has_from: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The temporary and the permanent failures that flufl.bounce finds, in a fixed order."""
    # Two detectors stumble over a From that is empty or not ASCII, and then none is asked any more.
    lines = [] if has_from else [b"From: nobody@invalid"]
    report = raw[:_LONGEST_WORDS].translate(_TO_ASCII).splitlines()[:_MOST_LINES]
    lines += [line[:_LONGEST_LINE] for line in report]
    try:
        message = email.message_from_bytes(b"\n".join(lines), policy=email.policy.compat32)
        temporary, permanent = all_failures(message)
    except MemoryError:
        raise
    except Exception:
        # The detectors expect well-formed mail; a report that breaks them is still kept and shown.
        return (), ()
    return _addresses(temporary), _addresses(permanent)


def _addresses(found: object) -> tuple[str, ...]:
    if not isinstance(found, (set, frozenset)):
        return ()
    return tuple(sorted(filter(None, {plain_address(charsets.decode(bytes(address))) for address in found})))


def _message_ids(
    fields: Fields, tree: Tree, enclosed: list[Part], status: list[Part], notice: Notice
) -> tuple[str, ...]:
    """The Message-IDs of the mail that came back, those of its own header first."""
    found: dict[str, None] = {}
    for leaf in enclosed:
        header = _enclosed_header(tree, leaf)
        if b"multipart/report" in header.lower():
            _, inner = take_apart(_content(tree, leaf, _LONGEST_NESTED))
            for part in [part for part in inner.leaves if part.kind in _ENCLOSED][:1]:
                found |= _ids(_enclosed_header(inner, part))
        found |= _ids(header)
    for leaf in status[:_MOST_REPORTS]:
        found |= _ids(_content(tree, leaf, _LONGEST_REPORT))
    found |= dict.fromkeys(notice.message_ids)
    own = headers.message_ids(" ".join(fields.all("message-id")[:5]))
    return tuple(one for one in found if one not in own)[:MOST_IDS]


def _enclosed_header(tree: Tree, leaf: Part) -> bytes:
    """The header of an enclosed mail: up to the first empty line, leading ones left out."""
    data = tree.raw[leaf.start : min(leaf.end, leaf.start + 2 * _LONGEST_ENCLOSED_HEADER)]
    if leaf.fields.token("content-transfer-encoding") in {"base64", "quoted-printable"}:
        data = _content(tree, leaf, _LONGEST_ENCLOSED_HEADER)
    data = data[:_LONGEST_ENCLOSED_HEADER].lstrip(b"\r\n")
    return re.split(rb"\n\r?\n", data, maxsplit=1)[0]


def _ids(data: bytes) -> dict[str, None]:
    found: dict[str, None] = {}
    for match in _ID_FIELD.finditer(data):
        for one in headers.message_ids(match[1].decode("ascii", "surrogateescape"))[:1]:
            found[one] = None
        if len(found) >= MOST_IDS:
            break
    return found


def _addressees(tree: Tree, enclosed: list[Part]) -> list[str]:
    """The addresses in To and Cc of the enclosed mail: if there is but one, it is the one that was not reached."""
    for leaf in enclosed[:1]:
        lines = _FOLD.sub(b" ", _enclosed_header(tree, leaf)).decode("ascii", "surrogateescape").split("\n")
        values = [line.partition(":")[2] for line in lines if line.lower().startswith(("to:", "cc:"))]
        return list(headers.addresses(values[:10]))
    return []
