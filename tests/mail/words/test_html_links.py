"""The address of a link is shown without what a mail filter wrapped around it, where that is without doubt."""

from __future__ import annotations

import pytest

from mail.words.html import read_html
from mail.words.html_links import shown_address

SAFE = "https://eur01.safelinks.protection.outlook.com/?url="
GOOGLE = "https://www.google.com/url?"
PROOFPOINT = "https://urldefense.proofpoint.com/v2/url?u="


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        (SAFE + "https%3A%2F%2Fx.example%2Fa%3Fb%3D1%26c&data=05%7C02", "https://x.example/a?b=1&c"),
        (GOOGLE + "sa=D&q=https://x.example/a&ust=1", "https://x.example/a"),
        ("https://www.google.co.uk/url?url=https%3A%2F%2Fx.example", "https://x.example"),
        (PROOFPOINT + "https-3A__x.example_a-2Db-3Fc-3D1&d=DwMFAg", "https://x.example/a-b?c=1"),
        (SAFE + "https%3A%2F%2Fwww.google.com%2Furl%3Fq%3Dhttps%3A%2F%2Fx.example", "https://x.example"),
        (SAFE + "javascript%3Aalert(1)", SAFE + "javascript%3Aalert(1)"),
        (SAFE + "https%3A%2F%2Fx.example%2F%0Aa", SAFE + "https%3A%2F%2Fx.example%2F%0Aa"),
        (SAFE + "https%3A%2F%2Fx.example%2F%FF", SAFE + "https%3A%2F%2Fx.example%2F%FF"),
        (SAFE + "https%3A%2F%2Fbob%40x.example%2F", SAFE + "https%3A%2F%2Fbob%40x.example%2F"),
        (SAFE + "https://a.example&url=https://b.example", SAFE + "https://a.example&url=https://b.example"),
        ("https://x.example/?url=https://y.example", "https://x.example/?url=https://y.example"),
        ("https://safelinks.example/?url=https://y.example", "https://safelinks.example/?url=https://y.example"),
        ("https://www.google.com/search?q=https://y.example", "https://www.google.com/search?q=https://y.example"),
        ("https://[x/", "https://[x/"),
        ("mailto:ann%40x.example?subject=a", "ann@x.example"),
        ("tel:+49301", "tel:+49301"),
        ("ftp:x.example", "ftp:x.example"),
        ("#top", ""),
        ("cid:1", ""),
        ("https://x.example/" + "y" * 500, ""),
        (SAFE + "https%3A%2F%2Fx.example&data=" + "y" * 1000, "https://x.example"),
        (SAFE + "https%3A%2F%2Fx.example&data=" + "y" * 9000, ""),
    ],
)
def test_address_is_shown_without_a_filter_around_it(link: str, shown: str) -> None:
    assert shown_address(link) == shown


def test_wrapped_address_is_not_repeated_behind_itself() -> None:
    page = read_html(f'<a href="{SAFE}https%3A%2F%2Fx.example%2Fa">https://x.example/a</a>')
    assert page.whole == "https://x.example/a"
