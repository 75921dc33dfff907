"""What the SMTP and LMTP door says: every reply line as a constant, and the table from fate to reply.

Promised: the digits of the basic and of the enhanced code agree (tests/mail/test_replies.py reads every constant),
no reply repeats what the client wrote, and none tells what became of a mail. A permanent refusal needs a named
reason; whatever is not in the table is trouble of ours and therefore temporary, with a text that shows nothing.
Deliberately not here: who gets which reply when (mail/smtp.py).
"""

from __future__ import annotations

import errno

from gateway.errors import SpaceShort, TooManyHops
from gateway.model import Taken

READY_FOR_TLS = "220 2.0.0 Ready to start TLS"
GOODBYE = "221 2.0.0 Bye"
HELP = "214 2.0.0 See RFC 5321"
OK = "250 2.0.0 Ok"
SENDER_OK = "250 2.1.0 Ok"
RECIPIENT_OK = "250 2.1.5 Ok"
NOT_VERIFIED = "252 2.0.0 Addresses are not verified, send a mail"
SEND_MAIL = "354 End data with <CR><LF>.<CR><LF>"

TOO_BUSY = "421 4.3.2 Too many connections, try again later"
CLOSING = "421 4.3.2 The service is shutting down, try again later"
TOO_SLOW = "421 4.4.2 Timeout, closing the connection"
TOO_MANY_ERRORS = "421 4.7.0 Too many errors, closing the connection"
ENOUGH = "421 4.7.0 Enough for one connection, come again with another"
TOO_LONG = "421 4.4.2 The session takes too long, come again with another"
TROUBLE = "451 4.3.0 The mail cannot be taken now, try again later"
TOO_MANY_MAILS = "451 4.7.1 Too many mails from your address, try again later"
SPACE_SHORT = "452 4.3.1 Not enough storage space, try again later"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients, send the others another copy"

UNKNOWN_COMMAND = "500 5.5.1 Command not known"
LINE_TOO_LONG = "500 5.5.2 Command line too long"
BAD_ARGUMENTS = "501 5.5.4 Syntax error in parameters or arguments"
NOT_OFFERED = "502 5.5.1 Command not offered"
BAD_ORDER = "503 5.5.1 Bad sequence of commands"
NO_SUCH_ADDRESS = "550 5.1.1 No such address here"
TOO_LARGE = "552 5.3.4 The mail is larger than this service takes"
BAD_RECIPIENT = "553 5.1.3 The recipient address is malformed"
BAD_SENDER = "553 5.1.7 The sender address is malformed"
TOO_MANY_HOPS = "554 5.4.6 Too many hops, this mail is in a loop"
UNKNOWN_PARAMETER = "555 5.5.4 Parameter not known"

_FULL = {errno.ENOSPC, errno.EDQUOT}


def greeting(domain: str, *, lmtp: bool) -> str:
    """The first line of a connection. It names the domain, and neither the software nor its version."""
    return f"220 {domain} {'LMTP' if lmtp else 'ESMTP'}"


def hello(domain: str, extensions: tuple[str, ...] = ()) -> str:
    """The answer to HELO, EHLO and LHLO: the domain and what is offered, one line each, without the last line end."""
    words = (domain, *extensions)
    return "\r\n".join(f"250{' ' if number == len(words) else '-'}{word}" for number, word in enumerate(words, 1))


def for_taken(taken: Taken) -> str:
    """The answer to a mail that is committed: the same form whatever became of it."""
    return f"250 2.0.0 Ok: stored as {taken.intake_id}"


def for_exception(error: BaseException) -> str:
    """The answer to a mail, or to a command, that failed here. Temporary, unless there is a name for what is wrong."""
    if isinstance(error, TooManyHops):
        return TOO_MANY_HOPS
    if isinstance(error, SpaceShort) or (isinstance(error, OSError) and error.errno in _FULL):
        return SPACE_SHORT
    return TROUBLE
