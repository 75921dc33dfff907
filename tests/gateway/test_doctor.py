"""What the doctor finds: the judgments as tables, and the looking up against servers of our own."""

from __future__ import annotations

import asyncio
import base64
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.app import doctor
from gateway.config import Settings, load_settings
from gateway.dns_records import Exchange, Lookup, check_domain, judge_dkim, judge_dmarc, judge_mx, judge_spf
from gateway.doctor import (
    Finding,
    Level,
    judge_clock,
    judge_integrity,
    judge_modes,
    judge_public_url,
    judge_schema,
    judge_space,
    judge_sqlite_version,
    run_checks,
)
from mail.relay_check import check_mailbox, check_relay
from tests.builders import Relay as Sink

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL
MAIL = Exchange(10, "mail.desk.example", has_address=True)
LOST = Exchange(20, "old.desk.example", has_address=False)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def key(size_bytes: int) -> str:
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(b"\x30" * size_bytes).decode()


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (judge_mx("d.example", [MAIL], has_address=False), OK),
        (judge_mx("d.example", [MAIL, LOST], has_address=False), WARN),
        (judge_mx("d.example", [LOST], has_address=True), FAIL),
        (judge_mx("d.example", [], has_address=True), WARN),
        (judge_mx("d.example", [], has_address=False), FAIL),
        (judge_mx("d.example", [Exchange(0, ".", has_address=False)], has_address=True), FAIL),
        (judge_spf("d.example", ["v=spf1 mx ~all"]), OK),
        (judge_spf("d.example", ["other", "V=SPF1 redirect=_spf.relay.example"]), OK),
        (judge_spf("d.example", ["v=spf1 mx"]), WARN),
        (judge_spf("d.example", []), FAIL),
        (judge_spf("d.example", ["v=spf10 mx -all"]), FAIL),
        (judge_spf("d.example", ["v=spf1 mx -all", "v=spf1 a -all"]), FAIL),
        (judge_spf("d.example", ["v=spf1 mx +all"]), FAIL),
        (judge_spf("d.example", ["v=spf1 -all"]), FAIL),
        (judge_spf("d.example", [f"v=spf1 {' '.join(f'include:{n}.example' for n in range(11))} -all"]), FAIL),
        (judge_dkim("d.example", "", []), WARN),
        (judge_dkim("d.example", "s", [key(294)]), OK),
        (judge_dkim("d.example", "s", [key(162)]), WARN),
        (judge_dkim("d.example", "s", [key(100)]), FAIL),
        (judge_dkim("d.example", "s", ["v=DKIM1; k=ed25519; p=" + base64.b64encode(b"x" * 32).decode()]), OK),
        (judge_dkim("d.example", "s", ["v=DKIM1; k=ed25519; p=eHg="]), FAIL),
        (judge_dkim("d.example", "s", []), FAIL),
        (judge_dkim("d.example", "s", ["v=DKIM1; p="]), FAIL),
        (judge_dkim("d.example", "s", ["v=DKIM1; p=abc"]), FAIL),
        (judge_dkim("d.example", "s", ["v=spf1 -all"]), FAIL),
        (judge_dkim("d.example", "s", [key(294), key(294)]), FAIL),
        (judge_dmarc("d.example", ["v=DMARC1; p=none"]), OK),
        (judge_dmarc("d.example", ["v=DMARC1;p=Reject; rua=mailto:x@y"]), OK),
        (judge_dmarc("d.example", ["unrelated"]), WARN),
        (judge_dmarc("d.example", ["v=DMARC1; rua=mailto:x@y"]), FAIL),
        (judge_dmarc("d.example", ["v=DMARC1; p=none", "v=DMARC1; p=reject"]), FAIL),
        (judge_public_url("https://desk.example", "desk.example"), OK),
        (judge_public_url("http://localhost:8000", "localhost"), OK),
        (judge_public_url("http://localhost:8000", "desk.example"), WARN),
        (judge_public_url("http://desk.example", "desk.example"), WARN),
        (judge_modes({Path("/d"): 0o700, Path("/d/secret.key"): 0o600}), OK),
        (judge_modes({Path("/d"): 0o750}), FAIL),
        (judge_modes({Path("/d"): 0o700, Path("/d/secret.key"): 0o644}), FAIL),
        (judge_space(10 << 30, 1 << 20), OK),
        (judge_space(100 << 20, 1 << 20), WARN),
        (judge_space(1 << 20, 1 << 20), FAIL),
        (judge_schema("SQLite", "0002", "0002"), OK),
        (judge_schema("SQLite", "0001", "0002"), FAIL),
        (judge_schema("SQLite", "0003", "0002"), FAIL),
        (judge_schema("SQLite", "", "0002"), FAIL),
        (judge_integrity(["ok"]), OK),
        (judge_integrity(["row 7 missing from index x"]), FAIL),
        (judge_integrity([]), WARN),
        (judge_sqlite_version((3, 40, 1)), WARN),
        (judge_sqlite_version((3, 44, 6)), OK),
        (judge_sqlite_version((3, 45, 0)), WARN),
        (judge_sqlite_version((3, 50, 6)), WARN),
        (judge_sqlite_version((3, 50, 7)), OK),
        (judge_sqlite_version((3, 51, 2)), WARN),
        (judge_sqlite_version((3, 51, 3)), OK),
        (judge_clock(NOW, NOW - timedelta(days=400)), OK),
        (judge_clock(NOW, None), OK),
        (judge_clock(NOW, NOW + timedelta(hours=1)), FAIL),
    ],
)
def test_a_finding_is_a_line_and_whatever_is_wrong_has_its_mend(finding: Finding, level: Level) -> None:
    assert finding.level is level
    assert finding.line().startswith(f"{level:<4} ")
    assert "\n" not in finding.line()
    assert (" → " in finding.line()) == (level is not OK)


RECORDS = {
    ("desk.example.", "MX"): ["10 mail.desk.example.", "20 old.desk.example."],
    ("mail.desk.example.", "A"): ["192.0.2.1"],
    ("desk.example.", "TXT"): ['"v=spf1 ip4:192.0.2.1 " "-all"', '"something else"'],
    ("s1._domainkey.desk.example.", "TXT"): [f'"{key(294)[:200]}" "{key(294)[200:]}"'],
    ("_dmarc.desk.example.", "TXT"): ['"v=DMARC1; p=reject"'],
}


@contextmanager
def name_server(*, code: dns.rcode.Rcode = dns.rcode.NOERROR, is_mute: bool = False) -> Iterator[tuple[str, int]]:
    """A DNS server on loopback which knows RECORDS; or that fails, or says nothing at all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(0.1)
        stopped = threading.Event()

        def serve() -> None:
            while not stopped.is_set():
                try:
                    packet, client = door.recvfrom(4096)
                except TimeoutError:
                    continue
                query = dns.message.from_wire(packet)
                response = dns.message.make_response(query)
                response.flags |= dns.flags.RA
                (question,) = query.question
                name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
                if records := RECORDS.get((name, kind)):
                    response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
                elif not any(known == name for known, _ in RECORDS):
                    response.set_rcode(dns.rcode.NXDOMAIN)
                if code is not dns.rcode.NOERROR:
                    response = dns.message.make_response(query)
                    response.set_rcode(code)
                if not is_mute:
                    door.sendto(response.to_wire(), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield door.getsockname()
        finally:
            stopped.set()
            thread.join()


async def test_a_domain_is_looked_up() -> None:
    with name_server() as server:
        findings = await check_domain("desk.example", Lookup(server), selector="s1")
        assert [finding.line() for finding in findings] == [
            "warn MX of desk.example: no address for old.desk.example → publish A or AAAA records for it, "
            "or take the MX away",
            "ok   SPF of desk.example: v=spf1 ip4:192.0.2.1 -all",
            "ok   DKIM of desk.example: s1._domainkey.desk.example, rsa",
            "ok   DMARC of desk.example: policy reject",
        ]
        findings = await check_domain("help.desk.example", Lookup(server))
        assert findings[3].line() == "ok   DMARC of help.desk.example: policy reject", "of the domain above"
        findings = await check_domain("nowhere.test", Lookup(server))
        assert [finding.level for finding in findings] == [FAIL, FAIL, WARN, WARN]


async def test_a_name_server_that_fails_is_told_from_a_name_that_is_not_there() -> None:
    with name_server(code=dns.rcode.SERVFAIL) as server:
        (finding,) = await check_domain("desk.example", Lookup(server))
    assert finding.level is FAIL
    assert "gives no answer" in finding.words


async def test_a_check_without_end_is_cut_off_and_secrets_stand_nowhere() -> None:
    async def hang() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def tell() -> list[Finding]:
        return [Finding(FAIL, "relay", "the password geheim is wrong", "not geheim, please")]

    async def break_down() -> list[Finding]:
        raise RuntimeError("geheim")

    with name_server(is_mute=True) as server:
        checks = [
            ("a", hang),
            ("b", tell),
            ("c", break_down),
            ("DNS", lambda: check_domain("desk.example", Lookup(server))),
        ]
        findings = await run_checks(checks, secrets=["geheim", ""], seconds=0.2)
    assert [finding.level for finding in findings] == [FAIL] * 4
    assert "geheim" not in " ".join(finding.line() for finding in findings)
    assert "no answer within 0.2 seconds" in findings[3].words


async def test_a_relay_is_greeted_and_gets_no_mail(settings: Settings, relay: Sink) -> None:
    (finding,) = await check_relay(settings.relay, "desk.example", desk_is_local=False)
    assert finding.level is OK
    assert relay.deliveries == []
    wanting = load_settings(
        {"HELPDESK_DATA_DIR": str(settings.data_dir), "HELPDESK_RELAY_URL": f"smtp://u:geheim@127.0.0.1:{relay.port}"},
        settings.data_dir,
    )
    (finding,) = await check_relay(wanting.relay, "desk.example", desk_is_local=False)
    assert finding.level is FAIL
    assert "no STARTTLS" in finding.words


async def test_a_mailbox_that_cannot_be_reached_is_a_failure() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        (finding,) = await check_mailbox(
            host="127.0.0.1",
            port=closed.getsockname()[1],
            is_tls=False,
            username="u",
            password="p",
            folder="INBOX",
        )
    assert finding.level is FAIL


async def test_the_whole_desk_is_looked_at_and_nothing_is_changed(settings: Settings, tmp_path: Path) -> None:
    before = (tmp_path / "helpdesk.db").read_bytes() if settings.is_embedded else b""
    with name_server() as server:
        findings = await doctor(settings, nameserver=server)
    subjects = {finding.subject: finding.level for finding in findings}
    assert subjects["MX of desk.example"] is WARN
    assert subjects["SPF of desk.example"] is OK
    assert subjects["relay"] is OK
    assert subjects["database"] is OK
    assert settings.secret_key.decode() not in " ".join(finding.line() for finding in findings)
    assert not before or (tmp_path / "helpdesk.db").read_bytes() == before


@pytest.mark.sqlite
async def test_a_damaged_database_is_found(settings: Settings, tmp_path: Path) -> None:
    from gateway.doctor import check_database

    path = tmp_path / "helpdesk.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    data = bytearray(path.read_bytes())
    data[8192:12288] = b"\xff" * 4096
    path.write_bytes(data)
    assert FAIL in {finding.level for finding in await check_database(settings)}
    path.write_bytes(b"no database at all" * 100)
    assert FAIL in {finding.level for finding in await check_database(settings)}
    path.unlink()
    assert {finding.level for finding in await check_database(settings)} <= {OK, WARN}
    assert not path.exists()
