"""The arguments of MAIL and RCPT: the address, and the faults of the parameters behind it. Pure.

Read leniently, as mail comes: blanks after the colon, no angle brackets, any case. A source route is taken off
(RFC 5321 appendix C); a quoted local part that did not need its quotes loses them, since both mean the same
mailbox (section 4.1.2). Comments are no part of these commands and are not read. Every expression here takes time
in proportion to the line, whatever stands in it. Whose address it is, is not decided here.
"""

from __future__ import annotations

import re

from mail import replies

_BRACKETED = re.compile(r'<((?:[^"<>]|"(?:[^"\\]|\\.)*")*)>(?:\s(.*))?')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"@([^"@\\]+)')
_PLAIN_LOCAL = re.compile(r"[^\s\"(),:;<>@\[\\\].]+(?:\.[^\s\"(),:;<>@\[\\\].]+)*")
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
# Not offered, yet harmless: a client that sends them loses nothing when they are ignored (RFC 4954, RFC 3461).
_IGNORED_AT_MAIL = {"AUTH", "RET", "ENVID"}
_IGNORED_AT_RCPT = {"NOTIFY", "ORCPT"}


def read_path(keyword: str, argument: str) -> tuple[str, list[str]] | None:
    """What stands between the brackets behind `keyword`, and the parameters; None if the argument is no such thing."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    rest = argument[len(keyword) :].strip(" ")
    if match := _BRACKETED.fullmatch(rest):
        return match[1].strip(" "), (match[2] or "").split()
    if not rest or "<" in rest or '"' in rest:
        return None
    bare, *parameters = rest.split()
    return bare, parameters


def plain_address(path: str) -> str | None:
    """The address in its simplest form, or None if it is malformed. It is printable and holds no lone surrogate."""
    if path.startswith("@"):
        path = path.partition(":")[2]
    if not path or not path.isprintable():
        return None
    if match := _QUOTED.fullmatch(path):
        local = re.sub(r"\\(.)", r"\1", match[1])
        return f"{local}@{match[2]}" if _PLAIN_LOCAL.fullmatch(local) and " " not in match[2] else path
    return None if " " in path or '"' in path else path


def mail_parameters_fault(parameters: list[str], max_message_bytes: int) -> str:
    """The reply that refuses these parameters of MAIL, or nothing if they are fine."""
    for parameter in parameters:
        keyword, equals, value = parameter.partition("=")
        match keyword.upper():
            case "SIZE":
                if not (value.isascii() and value.isdigit() and len(value) <= 20):
                    return replies.BAD_ARGUMENTS
                if int(value) > max_message_bytes:
                    return replies.TOO_LARGE
            case "BODY":
                if value.upper() not in {"7BIT", "8BITMIME"}:
                    return replies.BAD_ARGUMENTS
            case "SMTPUTF8":
                if equals:
                    return replies.BAD_ARGUMENTS
            case name if name not in _IGNORED_AT_MAIL:
                return _unknown(keyword)
    return ""


def recipient_parameters_fault(parameters: list[str]) -> str:
    """The reply that refuses these parameters of RCPT, or nothing if they are fine."""
    for parameter in parameters:
        keyword = parameter.partition("=")[0]
        if keyword.upper() not in _IGNORED_AT_RCPT:
            return _unknown(keyword)
    return ""


def _unknown(keyword: str) -> str:
    return replies.UNKNOWN_PARAMETER if _KEYWORD.fullmatch(keyword) else replies.BAD_ARGUMENTS
