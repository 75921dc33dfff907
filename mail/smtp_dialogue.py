"""The dialogue before DATA: what one connection has said so far, and the reply to each command. No I/O.

Promised: the order of RFC 5321 section 4.1.4 is kept, a recipient that is not ours is refused here as a courtesy,
and a limit is only ever a reason to come again. Commands that wait for something (DATA, STARTTLS, QUIT) are not
here but in mail/smtp.py.
"""

from __future__ import annotations

from gateway.model import Delivery, Source
from mail import replies
from mail.smtp_door import Client, Door
from mail.smtp_path import mail_parameters_fault, plain_address, read_path, recipient_parameters_fault

MOST_RECIPIENTS = 100

_COMMANDS = frozenset({"MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "STARTTLS"})


class Dialogue:
    """The state of one connection; `may_start_tls` says whether STARTTLS is offered now."""

    def __init__(self, door: Door, client: Client, *, may_start_tls: bool) -> None:
        self.commands = _COMMANDS | ({"LHLO"} if door.lmtp else {"HELO", "EHLO"})
        self.may_start_tls = may_start_tls
        self.greeted = False
        self.sender: str | None = None
        self.recipients: list[str] = []
        self._door = door
        self._client = client

    def forget_mail(self) -> None:
        """Begin anew, after RSET or a mail."""
        self.sender = None
        self.recipients = []

    def forget_all(self) -> None:
        """Begin anew as if nothing had been said, after STARTTLS."""
        self.greeted = False
        self.forget_mail()

    def delivery(self, raw: bytes) -> Delivery:
        """The mail with the envelope that was said."""
        return Delivery(
            raw=raw,
            source=Source.LMTP if self._door.lmtp else Source.SMTP,
            envelope_from=self.sender or "",
            envelope_to=tuple(self.recipients),
            null_sender=not self.sender,
            trusted=self._client.trusted,
        )

    def reply(self, command: str, argument: str, now: float) -> str:
        """The answer to a command that needs no waiting; `now` is in seconds of the loop's clock."""
        match command:
            case "MAIL":
                return self._mail_reply(argument, now)
            case "RCPT":
                return self._recipient_reply(argument)
            case "HELO" | "EHLO" | "LHLO" if argument:
                self.greeted = True
                self.forget_mail()
                return replies.hello(
                    self._door.settings.support_domain, self._extensions() if command != "HELO" else ()
                )
            case "RSET" if not argument:
                self.forget_mail()
                return replies.OK
            case "NOOP":
                return replies.OK
            case "VRFY":
                return replies.NOT_VERIFIED
            case "HELP":
                return replies.HELP
            case "EXPN":
                return replies.NOT_OFFERED
        return replies.BAD_ARGUMENTS

    def _extensions(self) -> tuple[str, ...]:
        size = f"SIZE {self._door.settings.max_message_bytes}"
        offered = (size, "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES")
        return (*offered, "STARTTLS") if self.may_start_tls else offered

    def _mail_reply(self, argument: str, now: float) -> str:
        if not self.greeted or self.sender is not None:
            return replies.BAD_ORDER
        if (path := read_path("FROM:", argument)) is None:
            return replies.BAD_ARGUMENTS
        written, parameters = path
        sender = plain_address(written) if written else ""
        if sender is None:
            return replies.BAD_SENDER
        if fault := mail_parameters_fault(parameters, self._door.settings.max_message_bytes):
            return fault
        if not self._door.has_space(now):
            return replies.SPACE_SHORT
        if not self._door.may_send(self._client, now):
            return replies.TOO_MANY_MAILS
        self.sender = sender
        return replies.SENDER_OK

    def _recipient_reply(self, argument: str) -> str:
        if self.sender is None:
            return replies.BAD_ORDER
        if (path := read_path("TO:", argument)) is None:
            return replies.BAD_ARGUMENTS
        written, parameters = path
        if (address := plain_address(written)) is None:
            return replies.BAD_RECIPIENT
        if fault := recipient_parameters_fault(parameters):
            return fault
        if not self._door.is_ours(address):
            return replies.NO_SUCH_ADDRESS
        if len(self.recipients) >= MOST_RECIPIENTS:
            return replies.TOO_MANY_RECIPIENTS
        self.recipients.append(address)
        return replies.RECIPIENT_OK
