"""The files of a mail: which parts are attachments, what they are called, and how their bytes are found again.

Positions. Every part without parts has a number, 0 to 999 in the order in which they stand in the mail; that is its
position. What is inside a part (a file in a uuencoded text or a winmail.dat, a part of an enclosed mail) has a
position of its own inside it, by the same rule, and is found from outside at `part + 1000 * (1 + inner)`. So a position
names the way to the bytes, only what is on the way is opened, and two levels inside fit into a column of 32 bits;
what is deeper is only inside its container. `inner_position` is the only place that reckons.

Names are for people and for saving: the last step of a path, without control or bidirectional signs, at most 200
characters, nothing that Windows takes for a device; a part without a name is named by its type, an enclosed mail by
its subject. Two parts may have the same name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from gateway.model import AttachmentInfo, clean_line
from mail import body
from mail.mime import charsets, headers, smime, tnef, uuencode
from mail.mime.parts import MOST_PARTS, Part, Tree, read_header, take_apart

MOST_ATTACHMENTS = 50
LONGEST_FILE_NAME = 200
TOO_MANY = "more than 50 attachments: the rest is in the raw mail only"
_LAST_POSITION = 2**31 - 1
_LONGEST_ENDING = 20

_MAIL_TYPES = frozenset({"message/rfc822", "message/global", "message/news"})
_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
# What parts without a name are called; a type of its own table, so that the machine's list of types has no say.
_NAMES = {
    "application/ms-tnef": "winmail.dat",
    "application/pgp-encrypted": "pgp-version.txt",
    "application/pgp-keys": "key.asc",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/x-pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-signature": "smime.p7s",
    "message/delivery-status": "delivery-status.txt",
    "message/disposition-notification": "disposition-notification.txt",
    "message/feedback-report": "feedback-report.txt",
    "message/global-delivery-status": "delivery-status.txt",
    "text/calendar": "invite.ics",
    "text/rfc822-headers": "headers.txt",
    "text/vcard": "contact.vcf",
    "text/x-vcard": "contact.vcf",
}
_ENDINGS = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/msword": "doc",
    "application/octet-stream": "bin",
    "application/pdf": "pdf",
    "application/rtf": "rtf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-outlook": "msg",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/x-7z-compressed": "7z",
    "application/x-rar-compressed": "rar",
    "application/x-tar": "tar",
    "application/x-zip-compressed": "zip",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/pjpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "image/webp": "webp",
    "text/css": "css",
    "text/csv": "csv",
    "text/enriched": "txt",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
    "text/richtext": "txt",
    "text/rtf": "rtf",
    "text/x-amp-html": "html",
    "text/xml": "xml",
    "video/3gpp": "3gp",
    "video/mp4": "mp4",
    "video/mpeg": "mpg",
    "video/quicktime": "mov",
    "video/webm": "webm",
}
# Of several types for one ending, the one that is registered.
_TYPES = {ending: kind for kind, ending in _ENDINGS.items() if ending not in {"bin", "html"}} | {
    "jpg": "image/jpeg",
    "rtf": "application/rtf",
    "txt": "text/plain",
    "wav": "audio/wav",
    "xml": "application/xml",
    "zip": "application/zip",
}
# Windows opens a device where a file has one of these names, whatever ending follows.
# What nobody can see in a name.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_LONGEST_NAME_READ = 16_384
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\s*(?:\.|\Z))", re.IGNORECASE)
_REFERENCE = re.compile(r"cid:([^\"'\s<>()]{1,500})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _File:
    """A file inside a part that is no mail."""

    name: str
    data: bytes
    kind: str = ""
    content_id: str = ""


def inner_position(part: int, inner: int) -> int:
    """The position of what is at `inner` inside the part at `part`, seen from outside."""
    return part + MOST_PARTS * (1 + inner)


def attachment_bytes(raw: bytes, position: int) -> bytes:
    """The bytes of the attachment at `position`, decoded. Raises LookupError where there is none."""
    _, tree = take_apart(raw)
    part, inner = position % MOST_PARTS, position // MOST_PARTS - 1
    if not 0 <= position <= _LAST_POSITION or part >= len(tree.leaves):
        raise LookupError(f"no part {position}")
    leaf = tree.leaves[part]
    if inner < 0:
        return tree.content(leaf)
    enclosed = enclosed_mail(tree, leaf)
    if enclosed is not None:
        return attachment_bytes(enclosed, inner)
    files = _files(tree, leaf)
    if inner >= len(files):
        raise LookupError(f"nothing {position}")
    return files[inner].data


def enclosed_attachments(raw: bytes, position: int) -> tuple[AttachmentInfo, ...]:
    """The attachments of the mail that is enclosed at `position`, as `attachment_bytes` of the outer mail finds them.

    They are not among the attachments of the outer mail, which has the enclosed mail as a whole. Empty where the
    part is no mail; raises LookupError where there is no part.
    """
    _, tree = take_apart(raw)
    if not 0 <= position < len(tree.leaves):
        raise LookupError(f"no part {position}")
    return tuple(_enclosed(tree, tree.leaves[position]))


def list_attachments(root: Part, tree: Tree, texts: frozenset[int]) -> tuple[AttachmentInfo, ...]:
    """The attachments of a mail in their order: every part but those (by number) whose text is the mail's own."""
    wanted = _references(root, tree)
    found: list[AttachmentInfo] = []
    for leaf in tree.leaves:
        try:
            listed = list(_listed(tree, leaf, leaf.position in texts, wanted))
        except Exception:
            # A part that nobody understands does not take the others with it; its bytes are there all the same.
            listed = [_plain_info(tree, leaf)]
        for info in listed:
            if len(found) == MOST_ATTACHMENTS:
                tree.remark(TOO_MANY)
                return tuple(found)
            found.append(info)
    return tuple(found)


def enclosed_mail(tree: Tree, leaf: Part) -> bytes | None:
    """The bytes of the mail, or of the signed parts of a mail, that a part is; None where it is no such thing."""
    if leaf.kind in _MAIL_TYPES or leaf.name.lower().endswith(".eml"):
        return tree.content(leaf)
    if body.may_be_signed(leaf):
        return smime.signed_content(tree.content(leaf))
    return None


def is_tnef(tree: Tree, leaf: Part) -> bool:
    """Whether a part is Microsoft's container, by what it says and by how it begins."""
    is_said = leaf.kind in _TNEF_TYPES or leaf.name.lower() == "winmail.dat"
    is_possible = is_said or leaf.kind == "application/octet-stream"
    return is_possible and tnef.is_tnef(tree.beginning(leaf))


def _listed(tree: Tree, leaf: Part, is_text: bool, wanted: frozenset[str]) -> Iterator[AttachmentInfo]:
    files = _files(tree, leaf) if is_text or is_tnef(tree, leaf) else []
    if not is_text and not files:
        yield _info(tree, leaf, wanted)
        if body.may_be_signed(leaf):
            yield from _enclosed(tree, leaf)
    for number, file in enumerate(files):
        name = _clean_name(file.name) or f"file-{leaf.position}-{number}"
        yield AttachmentInfo(
            position=inner_position(leaf.position, number),
            name=name,
            content_type=file.kind or _TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream"),
            size_bytes=len(file.data),
            sha256=hashlib.sha256(file.data).hexdigest(),
            inline=bool(file.content_id) and file.content_id in wanted,
            content_id=file.content_id,
        )


def _files(tree: Tree, leaf: Part) -> list[_File]:
    """The files inside a part that is no mail, in their order."""
    if leaf.kind == "text/plain":
        data = tree.content(leaf)
        charset = leaf.parameters.get("charset")
        return [_File(charsets.decode(block.name, charset), block.data) for block in uuencode.blocks(data)]
    if is_tnef(tree, leaf):
        return [
            _File(file.name, file.data, file.kind, file.content_id) for file in tnef.unpack(tree.content(leaf)).files
        ]
    return []


def _enclosed(tree: Tree, leaf: Part) -> Iterator[AttachmentInfo]:
    raw = enclosed_mail(tree, leaf)
    if raw is None:
        return
    root, inside = take_apart(raw)
    for info in list_attachments(root, inside, body.text_parts(root, inside)):
        position = inner_position(leaf.position, info.position)
        if position <= _LAST_POSITION:
            yield replace(info, position=position)


def _info(tree: Tree, leaf: Part, wanted: frozenset[str]) -> AttachmentInfo:
    data = tree.content(leaf)
    content_id = headers.message_id(leaf.fields.all("content-id")) or ""
    return AttachmentInfo(
        position=leaf.position,
        name=_file_name(tree, leaf, data),
        content_type=leaf.kind,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        inline=bool(content_id) and (leaf.disposition.value == "inline" or leaf.in_related or content_id in wanted),
        content_id=content_id,
    )


def _plain_info(tree: Tree, leaf: Part) -> AttachmentInfo:
    data = tree.content(leaf)
    return AttachmentInfo(
        position=leaf.position,
        name=f"part-{leaf.position}.bin",
        content_type="application/octet-stream",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        inline=False,
    )


def _references(root: Part, tree: Tree) -> frozenset[str]:
    """The Content-IDs that the HTML of a mail refers to."""
    pages = [leaf for leaf in tree.leaves if leaf.kind == "text/html" and leaf.is_inline_text]
    found: set[str] = set()
    for leaf in pages[:10]:
        if (
            b"cid:" in tree.raw[leaf.start : leaf.end].lower()
            or leaf.fields.token("content-transfer-encoding") == "base64"
        ):
            page = tree.content(leaf)[: body.LONGEST_SOURCE].decode("ascii", "replace")
            found.update(unquote(text) for text in _REFERENCE.findall(page))
    return frozenset(found)


def _file_name(tree: Tree, leaf: Part, data: bytes) -> str:
    if name := _clean_name(leaf.name):
        return name
    if leaf.kind in _MAIL_TYPES:
        subject = headers.decode_text(read_header(data).first("subject"))
        return _clean_name(re.sub(r"[/\\]", "-", subject), ".eml") or f"message-{leaf.position}.eml"
    if leaf.kind in _NAMES:
        return _NAMES[leaf.kind]
    if leaf.in_encrypted:
        return "encrypted.asc"
    major, _, minor = leaf.kind.partition("/")
    ending = _ENDINGS.get(leaf.kind) or re.sub("[^a-z0-9]", "", minor.removeprefix("x-"))[:10] or "bin"
    return f"{major}-{leaf.position}.{ending}"


def _clean_name(name: str, suffix: str = "") -> str:
    """A name to show and to save under; empty where nothing is left of it."""
    last = re.split(r"[/\\]", name.replace("\0", "").rstrip("/\\"))[-1]
    name = clean_line(_UNSEEN.sub("", last), _LONGEST_NAME_READ).strip(". ")
    if not name:
        return ""
    name = _DEVICE.sub(lambda match: match[0] + "_", name) if _DEVICE.match(name) else name
    name += suffix
    stem, dot, ending = name.rpartition(".")
    if len(name) > LONGEST_FILE_NAME and dot and len(ending) <= _LONGEST_ENDING:
        return stem[: LONGEST_FILE_NAME - len(ending) - 1] + dot + ending
    return name[:LONGEST_FILE_NAME]
