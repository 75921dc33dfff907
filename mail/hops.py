"""Whether a mail goes round in a loop: each server that it passes adds a Received field (RFC 5321 section 6.3).

Fifty is what Postfix allows too; a mail that gets to its reader has passed ten at the most. Pure, linear in the header.
"""

from __future__ import annotations

from mail.fields import read_fields

MOST_HOPS = 50
_MOST_FIELDS = 10_000


def is_in_loop(raw: bytes) -> bool:
    """Whether the mail has more Received fields than any that arrives."""
    hops = 0
    for number, (name, _, _) in enumerate(read_fields(raw)):
        hops += name == "received"
        if hops > MOST_HOPS or number >= _MOST_FIELDS:
            break
    return hops > MOST_HOPS
