"""The address of a link as people should see it: without what a mail filter or a search engine wrapped around it.

Filters rewrite links so that each click passes their server. Where the address inside can be told without doubt, it
is shown instead: Microsoft's safe links, Google's redirects, Proofpoint's second way. In doubt the link stays as it is.
"""

from __future__ import annotations

import re
import urllib.parse

_LONGEST_LINK = 500
_LONGEST_WRAPPED = 8000
_MOST_WRAPPERS = 3
_KNOWN = re.compile(r"(?:https?|ftp|tel):", re.IGNORECASE)
_TARGET = re.compile(r"https?://[^\s/?#<>\"@]{1,253}(?:[/?#][^\s<>\"]*)?", re.IGNORECASE)
_GOOGLE = re.compile(r"www\.google\.[a-z]{2,3}(?:\.[a-z]{2})?")


def shown_address(link: str) -> str:
    """The address to show for what an element links to; empty where nobody could read it or go there."""
    if len(link) > _LONGEST_WRAPPED:
        return ""
    link = "".join(link.split())
    if link[:7].lower() == "mailto:":
        link = urllib.parse.unquote(link[7:].partition("?")[0])
        return link if len(link) <= _LONGEST_LINK else ""
    for _ in range(_MOST_WRAPPERS):
        target = _target(link)
        if not target:
            break
        link = target
    return link if _KNOWN.match(link) and len(link) <= _LONGEST_LINK else ""


def _target(link: str) -> str:
    """The address that a link of a filter leads to; empty where it is an ordinary link, or says none without doubt."""
    try:
        parts = urllib.parse.urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"}:
        return ""
    names: tuple[str, ...] = ()
    if host.endswith(".safelinks.protection.outlook.com"):
        names = ("url",)
    elif _GOOGLE.fullmatch(host) and parts.path == "/url":
        names = ("q", "url")
    elif host == "urldefense.proofpoint.com" and parts.path == "/v2/url":
        names = ("u",)
    values = [value for name in names for value in _values(parts.query, name)]
    if len(values) != 1:
        return ""
    target = values[0]
    if names == ("u",):
        target = urllib.parse.unquote(target.replace("-", "%").replace("_", "/"))
    is_plain = _TARGET.fullmatch(target) and target.isprintable() and "\ufffd" not in target
    return target if is_plain else ""


def _values(query: str, name: str) -> list[str]:
    fields = (field.partition("=") for field in query.split("&", 50)[:50])
    return [urllib.parse.unquote(value) for key, _, value in fields if key == name]
