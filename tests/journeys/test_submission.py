"""Mail out through a real Postfix that wants STARTTLS and a password, signed, and read as it arrived.

The verifier is Perl's Mail::DKIM, which shares nothing with the library that signs; it gets the key that DNS would
give.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import DESK, PASSWORD, a_mail, send
from tests.certificates import Certificates
from tests.journeys.test_postfix import MARIA, OLGA, appoint_olga, read_mail
from tests.services import GatewayProcess, Postfix, missing, require, submission, until

pytestmark = pytest.mark.slow
LOGIN = "relay-secret"  # a test's
_VERIFIER = r"""
use Mail::DKIM::Verifier;
{ package Answer; sub type { 'TXT' } sub txtdata { $ENV{KEY} } sub char_str_list { ($ENV{KEY}) } }
no warnings 'redefine';
*Mail::DKIM::DNS::query = sub { $ENV{NAME} eq $_[0] ? bless({}, 'Answer') : () };
my $verifier = Mail::DKIM::Verifier->new();
local $/; my $mail = <STDIN>; $mail =~ s/\r?\n/\r\n/g;
$verifier->PRINT($mail); $verifier->CLOSE;
print $verifier->result_detail;
"""


@pytest.fixture(autouse=True)
def _programs() -> None:
    require("submission")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "authority").found()


@pytest.fixture
def relay(tmp_path: Path, certificates: Certificates) -> Iterator[Postfix]:
    cert, key = certificates.issue("relay")
    with submission(tmp_path / "relay", mailboxes=[MARIA, OLGA], password=LOGIN, cert=cert, key=key) as server:
        yield server


def the_desk(tmp_path: Path, certificates: Certificates, port: int, password: str = LOGIN) -> GatewayProcess:
    dkim = tmp_path / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-out", dkim, "2048"], check=True, capture_output=True)
    settings = {
        "HELPDESK_SUPPORT_ADDRESS": DESK,
        "HELPDESK_RELAY_URL": f"smtp://desk:{password}@localhost:{port}",
        "HELPDESK_RETRY_SECONDS": "1",
        "HELPDESK_DKIM_KEY": str(dkim),
        "HELPDESK_DKIM_SELECTOR": "s1",
        "SSL_CERT_FILE": str(certificates.root),
    }
    process = GatewayProcess(tmp_path / "gateway", settings)
    process.folder.mkdir()
    appoint_olga(process)
    return process


def verdict(mail: bytes, dkim: Path) -> str:
    """What Mail::DKIM says of a mail, under the key as it would stand in DNS."""
    command = f"openssl rsa -in {dkim} -pubout -outform DER 2>/dev/null | base64 -w0"
    public = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    environment = {"KEY": f"v=DKIM1; k=rsa; p={public}", "NAME": "s1._domainkey.desk.example"}
    perl = ["perl", "-e", _VERIFIER]
    return subprocess.run(perl, input=mail, check=True, capture_output=True, env=environment).stdout.decode()


def test_signed_mail_leaves_by_starttls_and_password(
    tmp_path: Path, relay: Postfix, certificates: Certificates
) -> None:
    gateway = the_desk(tmp_path, certificates, relay.port)
    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)
        words = "Печать\n.\n..горит  \n\nFrom here on: ünï — " + "x" * 2000
        assert send(gateway.smtp_port, a_mail(name="ant", subject="Feuer — печать", text=words), MARIA, DESK)[0] == 250
        receipt = read_mail(relay, MARIA, 1)
        assert receipt["Return-Path"] == "<>"
        assert "with ESMTPSA" in receipt["Received"]
        read_mail(relay, OLGA, 1)
        gateway.call("POST", "/api/ticket/1/answer", {"message": words}, status=201)
        read_mail(relay, MARIA, 2)
        rows = until(
            lambda: [row for row in gateway.call("GET", "/api/outbox") if row["state"] == "sent"][2:],
            "three mails sent",
        )
        assert len(rows) == 1
        for row in gateway.call("GET", "/api/outbox"):
            # What Postfix called it is what its log calls it.
            assert f"{row['relay_id']}: " in relay.log.read_text()
    mails = [*relay.mails_to(MARIA), *relay.mails_to(OLGA)]
    assert len(mails) == 3
    if reason := missing("mail-dkim"):
        require("mail-dkim")
        pytest.skip(reason)
    for mail in mails:
        # The Maildir keeps lines ended by a line feed, with the trace of the delivery on top.
        assert verdict(mail, tmp_path / "dkim.pem") == "pass"
        assert verdict(mail.replace(b"Subject: ", b"Subject: x", 1), tmp_path / "dkim.pem").startswith("fail")


def test_a_wrong_password_is_trouble_with_the_relay_and_no_mail_is_lost(
    tmp_path: Path, relay: Postfix, certificates: Certificates
) -> None:
    gateway = the_desk(tmp_path, certificates, relay.port, "wrong")
    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)
        send(gateway.smtp_port, a_mail(name="ant"), MARIA, DESK)
        rows = until(
            lambda: [row for row in gateway.call("GET", "/api/outbox") if row["attempts"] and row["state"] == "queued"],
            "a failed try",
        )
        assert "535" in rows[0]["last_reply"]
        assert "takes no mail" in gateway.call("GET", "/ready", status=503)["detail"]
    gateway.settings["HELPDESK_RELAY_URL"] = f"smtp://desk:{LOGIN}@localhost:{relay.port}"
    with gateway.serving():
        read_mail(relay, MARIA, 1)
        read_mail(relay, OLGA, 1)


def test_a_relay_of_another_authority_gets_neither_password_nor_mail(tmp_path: Path, relay: Postfix) -> None:
    gateway = the_desk(tmp_path, Certificates(tmp_path / "other").found(), relay.port)
    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)
        send(gateway.smtp_port, a_mail(name="ant"), MARIA, DESK)
        rows = until(
            lambda: [row for row in gateway.call("GET", "/api/outbox") if row["attempts"] and row["state"] == "queued"],
            "a failed try",
        )
        assert "certificate" in rows[0]["last_reply"]
    assert "sasl_username" not in relay.log.read_text()
    assert relay.mails_to(MARIA) == []
