"""The value of HELPDESK_IMAP_URL."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.mailbox_url import MailboxUrl, read_mailboxes
from gateway.values import Mistake


def test_everything_that_can_be_said() -> None:
    first, second, third = read_mailboxes(
        "imaps://desk%40b.example:p%40ss%2F%25@imap.b.example imap://u:p@[::1]:1143/inbox?after=seen "
        "imaps://u:p@host:9993/INBOX/%D0%AF%20%26?after=move:Done%2FOld&sent=Sent%20Items&limit=500&since=2026-01-31"
    )
    assert first == MailboxUrl(
        scheme="imaps", host="imap.b.example", port=993, username="desk@b.example", password="p@ss/%"
    )
    assert (second.scheme, second.host, second.port, second.folder, second.after) == (
        "imap",
        "::1",
        1143,
        "INBOX",
        "seen",
    )
    assert (third.folder, third.after, third.move_to, third.sent, third.limit, third.since) == (
        "INBOX/Я &",
        "move",
        "Done/Old",
        "Sent Items",
        500,
        date(2026, 1, 31),
    )
    assert "p@ss" not in repr(first)
    assert first.key == "desk@b.example@imap.b.example"
    assert (first.may_be_clear, second.may_be_clear) == (False, True)
    assert read_mailboxes("") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pop3://u:secret@host", "is not imaps://"),
        ("imaps://", "is not imaps://"),
        ("imaps://u:secret@host:99999999", "is not imaps://"),
        ("imaps://host/INBOX", "needs a user and a password"),
        ("imaps://u@host/INBOX", "needs a user and a password"),
        ("imaps://u:secret@host?after=burn", "after is none of"),
        ("imaps://u:secret@host?after=move", "after is none of"),
        ("imaps://u:secret@host?after=move:", "after is none of"),
        ("imaps://u:secret@host?after=seen:x", "after is none of"),
        ("imaps://u:secret@host?after=move:INBOX", "moves mails into the folder"),
        ("imaps://u:secret@host?before=1", "'before' is no option"),
        ("imaps://u:secret@host?limit=0", "is not a number from 1"),
        ("imaps://u:secret@host?since=yesterday", "is no day such as"),
        ("imaps://u:secret@host/%0d%0aA1%20LOGOUT", "control character"),
        ("imaps://u:secret@host imaps://u:other@host:993/INBOX", "twice"),
        ("imaps://u:secret@host?sent=INBOX", "twice"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(text: str, words: str) -> None:
    with pytest.raises(Mistake, match=words) as caught:
        read_mailboxes(text)
    assert "secret" not in str(caught.value)
