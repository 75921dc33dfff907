from __future__ import annotations

import pytest

from gateway.model import Verdict
from mail.trust import verdict
from tests.builders import a_mail

PASS, FAIL, NONE = Verdict.PASS, Verdict.FAIL, Verdict.NONE


def judged(
    *fields: str, trusted: bool = True, ours: str = "mx.desk.example", sender: str = "m@customer.example"
) -> Verdict:
    raw = "".join(f"Authentication-Results: {field}\r\n" for field in fields).encode() + a_mail()
    return verdict(raw, sender=sender, authserv_id=ours, trusted=trusted)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("mx.desk.example; dmarc=pass header.from=customer.example", PASS),
        ("MX.Desk.Example; DMARC=PASS (p=none) header.from=Customer.example", PASS),
        ("mx.desk.example 1; spf=fail; dkim=fail; dmarc=pass", PASS),
        ("mx.desk.example; dmarc = fail (p=reject) header.from=customer.example", FAIL),
        ("mx.desk.example; dmarc=pass header.from=other.example", NONE),
        ("mx.desk.example; dmarc=none", NONE),
        ("mx.desk.example; dmarc=temperror", NONE),
        ("mx.desk.example; spf=pass smtp.mailfrom=customer.example; dkim=pass", NONE),
        ("mx.desk.example; none", NONE),
        ("other.example; dmarc=pass", NONE),
        ("evil (; mx.desk.example) ; dmarc=pass", NONE),
        ("mx.desk.example; x=y (dmarc=pass; dmarc=pass)", NONE),
        ("mx.desk.example; ((dmarc=pass", NONE),
        ("mx.desk.example.evil; dmarc=pass", NONE),
        ('mx.desk.example; spf=pass smtp.mailfrom="a; dmarc=pass header.from=customer.example "@evil.example', NONE),
        (
            'mx.desk.example; dkim=pass header.i="x; dmarc=pass header.from=customer.example; "@e.example; dmarc=fail',
            FAIL,
        ),
        ('mx.desk.example; x="\\"; dmarc=pass"; dmarc=fail', FAIL),
        ('mx.desk.example; x="(" ; dmarc=fail; y=")"', FAIL),
        ('mx.desk.example; x=("; dmarc=pass) ; dmarc=fail', FAIL),
        ('mx.desk.example; x="never ends; dmarc=pass', NONE),
        ('"mx.desk.example"; dmarc=pass header.from="customer.example"', PASS),
        ("", NONE),
        (";;;", NONE),
        ("mx.desk.example; " + "(" * 4000, NONE),
        ("mx.desk.example; " + "dkim=pass; " * 500 + "dmarc=fail", FAIL),
        ("mx.desk.example; " + "dkim=pass; " * 9000 + "dmarc=pass", NONE),
    ],
)
def test_only_an_aligned_result_of_our_own_server_counts(field: str, expected: Verdict) -> None:
    assert judged(field) is expected


def test_the_top_most_field_of_our_server_counts_and_no_other() -> None:
    assert judged("mx.desk.example; dmarc=fail", "mx.desk.example; dmarc=pass") is FAIL
    assert judged("mx.desk.example; spf=pass", "mx.desk.example; dmarc=pass") is NONE
    long = "mx.desk.example; " + "dkim=pass; " * 9000
    assert judged(long, "mx.desk.example; dmarc=pass") is NONE
    assert judged("other.example; dmarc=fail", "mx.desk.example; dmarc=pass") is PASS


def test_without_a_trusted_road_or_a_configured_server_nothing_is_believed() -> None:
    assert judged("mx.desk.example; dmarc=pass", trusted=False) is NONE
    assert judged("mx.desk.example; dmarc=pass", ours="") is NONE
    assert judged("; dmarc=pass", ours="") is NONE
    assert judged("mx.desk.example; dmarc=pass", sender="") is NONE
