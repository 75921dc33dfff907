"""Heads of forwards that are no plain block: an introduction alone, labels without colons, a mark that is repeated."""

from __future__ import annotations

import pytest

from gateway.model import Forwarded, Mailbox
from mail.words.forwards import find_forward
from tests.mail.words.test_forwards import ANN, BLOCK, CARRIED_AT, SENT_AT
from tests.mail.words.test_introductions import INTRODUCTIONS


@pytest.mark.parametrize("program", [name for name, line in INTRODUCTIONS.items() if line.count("@") == 1])
def test_introduction_alone_is_a_forward_where_the_subject_says_so(program: str) -> None:
    line = INTRODUCTIONS[program]
    if "Original Message" in line:
        return
    found = find_forward("FW: Printer", f"Please take it.\n\n{line}\n\n    It broke.\n\n    Ann", CARRIED_AT)
    assert found is not None
    assert found.sender in {
        Mailbox(name=name, address="support@desk.example") for name in ("", "Support", "Support Team of the Desk")
    }
    assert (found.subject, found.text, found.comment) == ("Printer", "It broke.\n\nAnn", "Please take it.")


def test_introduction_of_outlook_for_mac_names_the_writer_and_the_time() -> None:
    for line in (
        'On 03/03/2025, 12:34, "Ann Lee" <ann@x.example> wrote:',
        'Am 03.03.25, 12:34 schrieb "Ann Lee" <ann@x.example>:',
        '"Ann Lee" <ann@x.example>, 3/03/2025 12:34 tarihinde şunu yazdı:',
        "Le 03/03/2025 12:34, « Ann Lee » <ann@x.example> a écrit :",
    ):
        assert find_forward("FW: Printer", f"{line}\n\n    It broke.", CARRIED_AT) == Forwarded(
            sender=ANN, subject="Printer", text="It broke.", comment="", sent_at=SENT_AT
        )


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Printer", "{0}\n\n    It broke."),
        ("Re: FW: Printer", "{0}\n\n    It broke."),
        ("FW: Printer", "{0}\n\n> It broke."),
        ("FW: Printer", "> {0}\n\n> It broke."),
        ("FW: Printer", "> Old words\n\n{0}\n\nIt broke."),
        ("FW: Printer", "On 3 March 2025 at 12:34 you wrote:\n\nIt broke."),
        ("FW: Printer", "On 3 March 2025, Ann <ann@x.example>, Bob <bob@x.example> wrote:\n\nIt broke."),
    ],
)
def test_introduction_is_no_forward_elsewhere(subject: str, text: str) -> None:
    line = 'On 03/03/2025, 12:34, "Ann Lee" <ann@x.example> wrote:'
    assert find_forward(subject, text.format(line), CARRIED_AT) is None


@pytest.mark.parametrize(
    "block",
    [
        'From "Ann Lee" <ann@x.example>\nTo "Desk" <desk@x.example>\nDate 03.03.2025 12:34\nSubject Printer',
        'Von "Ann Lee" <ann@x.example>\nAn "Desk" <desk@x.example>\nDatum 03.03.2025 12:34\nBetreff Printer',
        "| From | Ann Lee<ann@x.example> |\n| Date | 03.03.2025 12:34 |\n| To | b@x.example |\n| Subject | Printer |",
        "| 发件人 | Ann Lee<ann@x.example> |\n|---|---|\n| 发送日期 | 2025年03月03日 12:34 |\n| 主题 | Printer |",
    ],
)
def test_block_without_colons_right_under_a_mark(block: str) -> None:
    expected = Forwarded(sender=ANN, subject="Printer", text="It broke.", comment="Look.", sent_at=SENT_AT)
    text = f"Look.\n\n------ Forwarded Message ------\n{block}\n\nIt broke."
    assert find_forward("Fwd: Printer", text, CARRIED_AT) == expected
    assert find_forward("Fwd: Printer", f"Look.\n\n{block}\n\nIt broke.", CARRIED_AT) is None


def test_mark_that_is_repeated_below_the_block_is_no_text() -> None:
    mark = "============ Forwarded message ============"
    found = find_forward("Fwd: Printer", f"{mark}\n{BLOCK}\n{mark}\n\nIt broke.", CARRIED_AT)
    assert found is not None
    assert found.text == "It broke."
    inner = find_forward("Fwd: Printer", f"{mark}\n{BLOCK}\n\n{mark}\n{BLOCK}\n\nIt broke.", CARRIED_AT)
    assert inner is not None
    assert inner.text.startswith(mark)
