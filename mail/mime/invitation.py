"""An invitation (text/calendar, RFC 5545) as a few lines that people can read: what, when, where, who, and the words.

Only the first event's own fields are read; times stand as they are written there, with their zone, since to reckon
with zones is the business of a calendar. Empty where there is no event.
"""

from __future__ import annotations

import re

_LONGEST = 65_536
_FOLD = re.compile(r"\n[ \t]")
_EVENT = re.compile(r"^BEGIN:(VEVENT|VTODO|VJOURNAL)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_FIELD = re.compile(r"([A-Za-z-]{1,40})((?:;[^\n:;\"]{0,200}(?:\"[^\"\n]{0,200}\")?){0,20}):(.*)")
_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})[0-9]{2}(Z?))?")
_ZONE = re.compile(r";TZID=\"?([^;:\"]{1,100})", re.IGNORECASE)
_SHOWN = {"SUMMARY": "", "DTSTART": "From: ", "DTEND": "To: ", "LOCATION": "Where: ", "ORGANIZER": "Organiser: "}
_ESCAPED = re.compile(r"\\([nN,;\\])")


def read_invitation(source: str) -> str:
    """The text of the first event."""
    source = _FOLD.sub("", source[:_LONGEST].replace("\r\n", "\n").replace("\r", "\n"))
    event = _EVENT.search(source)
    if not event:
        return ""
    found: dict[str, str] = {}
    for line in source[event.end() :].lstrip("\n").split("\n"):
        if line.upper().startswith(("END:", "BEGIN:")):
            break
        if match := _FIELD.match(line):
            name, parameters, value = match[1].upper(), match[2], match[3]
            value = _ESCAPED.sub(lambda sign: "\n" if sign[1] in "nN" else sign[1], value).strip()
            if name in {"DTSTART", "DTEND"}:
                value = _time(value, parameters)
            found.setdefault(name, re.sub("^mailto:", "", value, flags=re.IGNORECASE))
    lines = [label + found[name] for name, label in _SHOWN.items() if found.get(name)]
    return "\n".join(lines + (["", found["DESCRIPTION"]] if found.get("DESCRIPTION") else []))


def _time(value: str, parameters: str) -> str:
    match = _TIME.fullmatch(value)
    if not match:
        return value
    year, month, day, hour, minute, is_utc = match.groups()
    zone = _ZONE.search(parameters)
    clock = f" {hour}:{minute}" if hour else ""
    return f"{year}-{month}-{day}{clock}" + (" UTC" if is_utc else f" ({zone[1]})" if zone and hour else "")
