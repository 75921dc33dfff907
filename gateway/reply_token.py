"""The signed token that brings a reply home.

Each outgoing mail that can be answered has one token, in its Reply-To address and in its Message-ID. A token is
`r1`, a random name of that mail (50 bits, 10 characters), and 130 bits of an HMAC-SHA256 over the version, that
name, the ticket, the recipient and the audience; all in lower-case base32, so that it survives mail programs that
change the case, 38 characters in all (RFC 5321 allows 64 before the @).

The name finds the outbox row; the signature shows that the row's ticket, recipient and audience are those for
which the token was made. A token tells that somebody has seen that mail, not who he is: whoever uses it compares
the sender with the recipient. Not done here: looking anything up, deciding anything.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from gateway.model import Audience

# Every mail of ours bears its token in this field too: whoever passes it on under another Message-ID leaves it alone.
LOOP_FIELD = "X-Helpdesk-Loop"
TOKEN = re.compile(r"r1[a-z2-7]{36}")
NAME_LENGTH = 10
_MAC_LENGTH = 26


def random_name(random_bytes: bytes) -> str:
    """The name of an outgoing mail, made of at least 7 random bytes."""
    return base64.b32encode(random_bytes).decode("ascii").lower()[:NAME_LENGTH]


def make_token(key: bytes, *, name: str, ticket_id: int, person_id: int, audience: Audience) -> str:
    """The token of the outgoing mail `name` about `ticket_id` to `person_id`."""
    bound = f"reply|r1|{name}|{ticket_id}|{person_id}|{audience}".encode("ascii")
    mac = hmac.new(key, bound, hashlib.sha256).digest()
    return "r1" + name + base64.b32encode(mac).decode("ascii").lower()[:_MAC_LENGTH]


def token_name(token: str) -> str:
    """The name of the outgoing mail in a token, by which its row is found."""
    return token[2 : 2 + NAME_LENGTH]


def is_genuine(token: str, key: bytes, *, name: str, ticket_id: int, person_id: int, audience: Audience) -> bool:
    """Whether the token is the one made for exactly this mail; compared in constant time."""
    made = make_token(key, name=name, ticket_id=ticket_id, person_id=person_id, audience=audience)
    return hmac.compare_digest(made, token)
