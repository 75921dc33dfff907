"""Dates as people's mail programs write them: read, or left alone where they can mean two things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.words.dates import header_date, read_date

CARRIED_AT = datetime(2025, 3, 10, 9, 0, tzinfo=timezone(timedelta(hours=1)))
NOON = datetime(2025, 3, 3, 11, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, Mar 3, 2025 at 12:34 PM",
        "Mon, Mar 3, 2025 at 12:34\u202fPM",
        "Monday, March 3rd, 2025, 12:34 p.m.",
        "On Monday, March 3rd, 2025 at 12:34 PM",
        "3 марта 2025 г., 12:34",
        "lundi 3 mars 2025 12 h 34",
        "lun. 3 mars 2025 à 12h34",
        "2025年3月3日 12:34",
        "2025年3月3日 12時34分",
        "2025年3月3日 12：34",
        "3 Mar 2025 ÖS 12:34",
        "2025年3月3日(星期一) 中午12:34",
        "3. März 2025 um 12:34",
        "2025. 3. 3. 오후 12:34",
        "2025년 3월 3일 오후 12시 34분",
        "3/3/2025 12:34",
        "3/3/25, 12:34 PM",
        "2025-03-03 12:34",
        "2025/03/03 12:34:00",
        "2025-03-03T12:34:00+01:00",
        "2025-03-03T11:34:00Z",
        "Mon, 3 Mar 2025 12:34:00 +0100 (CET)",
        "Mon, 3 Mar 2025 06:34:00 EST",
        "Monday, March 3, 2025 11:34 AM (UTC)",
        "3 марта 2025, 14:34 МСК",
        "3 марта 2025, 14:34 GMT+3",
        "3 Mart 2025 14:34:00 GMT+03:00",
        "03.03.2025 17:04 +05:30",
        "3. 3. 2025 v 12:34",
        "3. maaliskuuta 2025 klo 12.34",
        "Th 2, 3 thg 3, 2025 vào lúc 12:34",
        "12:34 ngày 3 tháng 3 năm 2025",
        "03 Tháng Ba 2025 12:34",
        "٣ مارس ٢٠٢٥ ١٢:٣٤",
        "3 de mar. de 2025 12:34",
        "03-Mar-2025 12:34",
    ],
)
def test_date_is_read(text: str) -> None:
    assert read_date(text, carried_at=CARRIED_AT) == NOON


@pytest.mark.parametrize(
    ("text", "month_first", "expected"),
    [
        ("3/4/2025 12:34 PM", True, "2025-03-04"),
        ("3/2/2025 12:34", False, "2025-02-03"),
        ("12/31/2024 10:00", False, "2024-12-31"),
        ("31/12/2024 10:00", True, "2024-12-31"),
        ("03.02.2025 10:00", True, "2025-02-03"),
        ("2025-02-03 10:00", True, "2025-02-03"),
    ],
)
def test_order_of_numbers(text: str, month_first: bool, expected: str) -> None:
    found = read_date(text, carried_at=CARRIED_AT, month_first=month_first)
    assert found is not None
    assert found.date().isoformat() == expected


@pytest.mark.parametrize(
    ("text", "month_first", "expected"),
    [("3/4/2025 10:00", False, "2025-03-04"), ("5/3/2025 10:00", True, "2025-03-05")],
)
def test_mail_was_not_written_after_the_one_that_carries_it(text: str, month_first: bool, expected: str) -> None:
    found = read_date(text, carried_at=CARRIED_AT, month_first=month_first)
    assert found is not None
    assert found.date().isoformat() == expected


@pytest.mark.parametrize(
    ("text", "croatian", "month"),
    [
        ("28. listopada 2024. 12:34", True, 10),
        ("28 listopada 2024 12:34", False, 11),
        ("28. lis 2024. u 12:34", True, 10),
        ("mar. 4 févr. 2025 à 12:34", False, 2),
        ("mar 4 mar 2025 alle ore 12:34", False, 3),
    ],
)
def test_months_that_look_like_something_else(text: str, croatian: bool, month: int) -> None:
    found = read_date(text, carried_at=CARRIED_AT, croatian=croatian)
    assert found is not None
    assert found.month == month


def test_midnight_and_noon_of_twelve_hours() -> None:
    assert read_date("3 Mar 2025 12:05 AM", carried_at=NOON) == datetime(2025, 3, 3, 0, 5, tzinfo=UTC)
    assert read_date("3 Mar 2025 12:05 PM", carried_at=NOON) == datetime(2025, 3, 3, 12, 5, tzinfo=UTC)
    assert read_date("3 Mar 2025 1:05 PM", carried_at=NOON) == datetime(2025, 3, 3, 13, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "12:34",
        "3 March 2025",
        "March 2025 12:34",
        "3 4 March 2025 12:34",
        "31 February 2025 12:34",
        "99/99/2025 12:34",
        "3 March 1970 12:34",
        "3 March 2101 12:34",
        "3 March 2025 25:34",
        "00.00.2025 12:34",
    ],
)
def test_what_is_no_whole_date_is_none(text: str) -> None:
    assert read_date(text, carried_at=CARRIED_AT) is None


def test_without_any_offset_there_is_no_instant() -> None:
    assert read_date("3 March 2025 12:34") is None
    assert read_date("3 March 2025 12:34 +0100") == NOON


def test_date_field() -> None:
    found = header_date("Mon, 3 Mar 2025\r\n 12:34:00 +0100 (CET)")
    assert found == NOON
    assert found is not None
    assert found.utcoffset() == timedelta(hours=1)
    assert header_date("Mon, 3 Mar 2025 11:34:00 -0000") == NOON
    assert [header_date(text) for text in ("", "today", "Mon, 3 Mar 1902 00:00:00 +1400", "x" * 9999)] == [None] * 4


@given(st.text(max_size=300) | st.text(alphabet="0123456789./:- ,年月日hAPMp+marT", max_size=300))
def test_nothing_raises(text: str) -> None:
    found = read_date(text, carried_at=CARRIED_AT)
    assert found is None or 1970 <= found.year <= 2101
    header_date(text)
