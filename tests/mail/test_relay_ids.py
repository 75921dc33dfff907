"""The relay's own id for a letter, read from the answers of many relays."""

from __future__ import annotations

import pytest

from mail.relay_ids import relay_id

SES = "010001934c2f7a11-4f0d2c6e-5b1a-4c59-9a55-0c1f6d1f9e77-000000"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("250 2.0.0 Ok: queued as 4ZxYc12Vz", "4ZxYc12Vz"),
        ("250 2.0.0 Ok: queued as 9B3A1C0042", "9B3A1C0042"),
        (f"250 Ok {SES}", SES),
        ("250 OK id=1vNf0k-000000012ab-3xYz", "1vNf0k-000000012ab-3xYz"),
        (
            "250 2.0.0 OK  1763900000 d2e1a72fcca58-7b924aee3bbsi8421b3a.33 - gsmtp",
            "d2e1a72fcca58-7b924aee3bbsi8421b3a.33",
        ),
        ("250 2.0.0 5ANCJx3k012345 Message accepted for delivery", "5ANCJx3k012345"),
        (
            "250 2.6.0 <abc-12@EX01.corp.example> [InternalId=4711, Hostname=EX01.corp.example] "
            "1544 bytes in 0.1, 9 KB/sec Queued mail for delivery",
            "abc-12@EX01.corp.example",
        ),
        ("250 2.0.0 OK: queued as <202611231200.12345@smtp-relay.example>", "202611231200.12345@smtp-relay.example"),
        ("250 Ok: queued as yPcQGTEFQ2i6nPn1u6RLmA", "yPcQGTEFQ2i6nPn1u6RLmA"),
        ("250 2.0.0 Ok: queued on iva8-1.example.net as 1763900000-aBcDeF-XX", "1763900000-aBcDeF-XX"),
        ("250 Message Queued (6F2E0A31-7C0B-4B8A.1)", "6F2E0A31-7C0B-4B8A.1"),
        ("250 2.0.0 OK 37/34-00412-2A77F496", "37/34-00412-2A77F496"),
        ("250 2.0.0 Ok: stored as 4711", ""),
        ("250 ok 1763900000 qp 12345", ""),
        ("250 Great success", ""),
        ("250 OK", ""),
        ("250", ""),
        ("", ""),
        ("250 <" + "a" * 5000, ""),
        ("250 " + "queued " * 5000, ""),
    ],
)
def test_the_id_is_found_in_the_words_of(reply: str, expected: str) -> None:
    assert relay_id(reply) == expected
