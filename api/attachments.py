"""Attachments over HTTP: read out of the raw mail when asked for, and never active content.

Everything is a download of unknown kind, but for images whose own first bytes say that they are one of four safe
kinds. The browser may neither guess another type nor run anything (T19).
"""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from api.calls import Call
from api.payloads import AttachmentObject
from gateway import conversations, ledger
from gateway.keys import MAILROOM

_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def attachment_object(url: str, part: conversations.StoredAttachment) -> AttachmentObject:
    """The JSON of an attachment."""
    return AttachmentObject(
        id=part.id,
        name=part.name,
        content_type=part.content_type,
        size_bytes=part.size_bytes,
        sha256=part.sha256,
        inline=part.inline,
        url=f"{url}/api/attachment/{part.id}",
    )


def safe_type(content: bytes) -> str:
    """The type to serve bytes as: a safe image's, by its first bytes, else that of a download."""
    for magic, content_type in _IMAGES:
        if content.startswith(magic):
            return content_type
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"


async def get_attachment(call: Call[None]) -> web.Response:
    attachment_id = call.path_id()
    part = await call.database.read(
        lambda connection: conversations.get_attachment(connection, actor=call.actor, attachment_id=attachment_id)
    )
    raw = await call.database.read(lambda connection: ledger.get_raw(connection, part.intake_id))
    content = await call.request.app[MAILROOM].attachment(raw, part.position)
    content_type = safe_type(content)
    disposition = "attachment" if content_type == "application/octet-stream" else "inline"
    return web.Response(
        body=content,
        content_type=content_type,
        headers={
            "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(part.name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
