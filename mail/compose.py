"""From an owed mail to the bytes that leave: templates in, one RFC 5322 message out.

Everything that came from people was cleaned at the entry; here a line break in a subject would still be cut off
before it becomes a header. Message-IDs are written by our own hand, one a line, because the standard library turns
long ones into encoded words, which breaks threading; and so is To, because it refuses addresses that are in use. Text
is sent as 7-bit, so any relay takes it as it is; only an address with letters beyond ASCII before the @ stands in To in
UTF-8 (RFC 6532), because there is no other way to write it. A domain of that kind is written as DNS has it.

Mail written by a program says so (RFC 3834): receipts and notices carry Auto-Submitted, and a delivery report about one
goes to the token of that very mail, or nowhere: receipts always leave with the null sender. Notices to staff name the
link that switches them off (RFC 2369, RFC 8058). A staff answer is a person's words and carries nothing of the kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from gateway.config import Settings
from gateway.model import Outbound, OutboxKind, clean_line
from gateway.people import confirmation_secret, notices_secret
from gateway.reply_token import LOOP_FIELD
from mail.threads import reply_address, title_of

_POLICY = SMTP.clone(cte_type="7bit")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{3,900}")
_RECIPIENT = re.compile(r"[!-;=?-~\u00a1-\U0010ffff]{1,320}@[!-;=?-~]{1,255}")
_AUTOMATIC = {
    OutboxKind.RECEIPT: "auto-replied",
    OutboxKind.NOTICE: "auto-generated",
    OutboxKind.DIGEST: "auto-generated",
    OutboxKind.CONFIRM: "auto-generated",
}
# These answer a mail of the customer, or are answered to the ticket; the others have no ticket to come home to.
_ANSWERABLE = {OutboxKind.ANSWER, OutboxKind.RECEIPT, OutboxKind.NOTICE}
_CAN_BE_SWITCHED_OFF = {OutboxKind.NOTICE, OutboxKind.DIGEST}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to be sent: its envelope and its bytes, lines ended by CRLF."""

    envelope_from: str
    recipient: str
    content: bytes


def tabbed(text: str) -> str:
    """The text with one tab before each line."""
    return "\n".join("\t" + line for line in text.split("\n"))


class Composer:
    """Writes letters from the templates, over which an operator may lay a folder of his own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        packaged = PackageLoader("templates", ".")
        own: Path | None = settings.template_dir
        self._templates = Environment(
            loader=ChoiceLoader([FileSystemLoader(own), packaged]) if own else packaged,
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701 - plain text; an HTML template would come with its own environment
        )
        self._templates.filters["tabbed"] = tabbed

    def compose(self, mail: Outbound) -> Letter:
        """The letter for an owed mail. Raises whatever is wrong with template or recipient: then it is no mail."""
        settings = self._settings
        context = self._context(mail)
        message = EmailMessage(policy=_POLICY)
        message["From"] = Address(settings.support_name, addr_spec=settings.support_address)
        if settings.plus_addressing and mail.kind in _ANSWERABLE:
            message["Reply-To"] = Address(settings.support_name, addr_spec=reply_address(settings, mail.token))
        message["Subject"] = clean_line(self._render(mail.kind, "subject", context), 255)
        message["Date"] = _date(mail.created_at)
        message[LOOP_FIELD] = mail.token
        if mail.kind in _AUTOMATIC:
            message["Auto-Submitted"] = _AUTOMATIC[mail.kind]
            message["X-Auto-Response-Suppress"] = "All"
        recipient = _recipient(mail.recipient)
        message.set_content(self._render(mail.kind, "body", context), charset="utf-8")
        fields = _plain_fields(mail, recipient) + self._list_fields(mail)
        return Letter(self._envelope_from(mail), recipient, fields + message.as_bytes())

    def _render(self, kind: OutboxKind, part: str, context: dict[str, Any]) -> str:
        return self._templates.get_template(f"mail/{kind}/{part}.txt").render(context)

    def _context(self, mail: Outbound) -> dict[str, Any]:
        url = self._settings.public_url
        context: dict[str, Any] = {**mail.context, "public_url": url, "recipient": mail.recipient}
        if mail.ticket_id is not None:
            context["link"] = f"{url}/api/ticket/{mail.ticket_id}"
        if mail.kind in {OutboxKind.ANSWER, OutboxKind.NOTICE}:
            ticket_message = mail.context["message" if mail.kind is OutboxKind.ANSWER else "ticket_message"]
            context["title"] = title_of(mail.context["subject"], ticket_message)
        if mail.kind is OutboxKind.NOTICE:
            context["answer_by_mail"] = self._settings.staff_by_mail != "off"
        if mail.kind is OutboxKind.DIGEST:
            items = mail.context["items"]
            context["items"] = [{**item, "link": f"{url}/api/ticket/{item['ticket_id']}"} for item in items]
            context["count"] = len(items) + mail.context["more"]
        if mail.kind is OutboxKind.CONFIRM:
            secret = confirmation_secret(
                self._settings.secret_key,
                person_id=mail.person_id,
                email=mail.recipient,
                expires_at=mail.context["expires_at"],
            )
            context["link"] = f"{url}/auth/confirm/{secret}"
        return context

    def _list_fields(self, mail: Outbound) -> bytes:
        """How the reader switches off mail of this kind: by opening the link, or by one click in a mail program."""
        if mail.kind not in _CAN_BE_SWITCHED_OFF:
            return b""
        secret = notices_secret(self._settings.secret_key, mail.person_id)
        link = f"<{self._settings.public_url}/api/notices/off/{secret}>"
        lines = f"List-Unsubscribe: {link}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        return lines.encode("ascii", "replace")

    def _envelope_from(self, mail: Outbound) -> str:
        """Where a delivery report goes: home by the token, to the very mail that failed. Of a receipt nowhere; without
        plus-addresses nowhere for any mail of a program, and to the desk for an answer, whose report is known by the
        Message-ID that it encloses."""
        if mail.kind is OutboxKind.RECEIPT:
            return ""
        if self._settings.plus_addressing:
            return reply_address(self._settings, mail.token)
        return "" if mail.kind in _AUTOMATIC else self._settings.support_address


def _date(instant: datetime) -> str:
    return format_datetime(instant.replace(microsecond=0))


def _recipient(address: str) -> str:
    """The address as it goes into the envelope and into To.

    Addresses such as `taro..s@…`, which RFC 5322 forbids, are in use and answered as they are. Raises ValueError for
    one that would not fit into one line, or whose domain DNS cannot have.
    """
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
    if not _RECIPIENT.fullmatch(f"{local}@{domain}") or clean_line(local, 320) != local:
        raise ValueError("the recipient is no plain address")
    return f"{local}@{domain}"


def _plain_fields(mail: Outbound, recipient: str) -> bytes:
    """To, Message-ID, In-Reply-To and References; foreign ids that are no plain ids are left out."""
    references = [reference for reference in mail.references if _MESSAGE_ID.fullmatch(reference)]
    lines = [f"To: {recipient}", f"Message-ID: <{mail.message_id}>"]
    if references and _MESSAGE_ID.fullmatch(mail.in_reply_to):
        lines.append(f"In-Reply-To: <{mail.in_reply_to}>")
    if references:
        lines.append("References: " + "\r\n ".join(f"<{reference}>" for reference in references))
    return "".join(f"{line}\r\n" for line in lines).encode()
