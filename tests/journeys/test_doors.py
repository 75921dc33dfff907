"""The doors as mail servers and attackers find them: Postfix in front, gateways that come and go, floods.

The gateway is a process of its own, and so is Postfix; what hands mail over by `helpdesk deliver` is set up as by an
operator, or calls what the command calls, to do it many times.
"""

from __future__ import annotations

import asyncio
import io
import random
import resource
import signal
import smtplib
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from gateway.config import load_settings
from mail.pipe import deliver
from tests.builders import DESK, PASSWORD, a_mail, send
from tests.journeys.test_postfix import MARIA, appoint_olga, outcomes, pipe_script
from tests.services import UNPRIVILEGED, GatewayProcess, free_port, haproxy, open_folder, postfix, require, until

pytestmark = pytest.mark.slow

SETTINGS = {"HELPDESK_SUPPORT_ADDRESS": DESK, "HELPDESK_NOTIFY_STAFF": "off", "HELPDESK_RELAY_URL": "maildir:outgoing"}


@pytest.fixture
def gateway(tmp_path: Path) -> GatewayProcess:
    """The desk, set up and with an administrator, but not serving yet."""
    process = GatewayProcess(tmp_path / "gateway", dict(SETTINGS))
    process.folder.mkdir()
    appoint_olga(process)
    return process


def hand_to(port: int, mail: bytes, *recipients: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        assert client.sendmail(MARIA, list(recipients), mail) == {}


def test_postfix_by_lmtp_hears_of_each_recipient(gateway: GatewayProcess, tmp_path: Path) -> None:
    require("postfix")
    port = free_port()
    gateway.settings["HELPDESK_LMTP_LISTEN"] = f"127.0.0.1:{port}"
    with postfix(tmp_path / "inbound", lmtp={"desk.example": port}) as inbound, gateway.serving():
        gateway.sign_in("olga", PASSWORD)
        hand_to(inbound.port, a_mail(name="ant"), DESK, "sales@desk.example")
        assert outcomes(gateway, 1) == ["ticket"]
        [row] = gateway.call("GET", "/api/intake")
        assert (row["source"], row["envelope_from"], row["envelope_to"]) == ("lmtp", MARIA, [DESK])
        said = until(lambda: _fates(inbound.log, 2), "both fates")
        assert "stored as" in said[DESK]
        assert "dsn=2.0.0" in said[DESK]
        assert "dsn=5.1.1" in said["sales@desk.example"]
        until(lambda: not inbound.waiting(), "an empty queue")


def _fates(log: Path, count: int) -> dict[str, str]:
    """What Postfix says of each recipient at the desk, once there are `count`."""
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if "status=" in line and "to=<" in line]
    fates = {line.partition("to=<")[2].partition(">")[0]: line for line in lines}
    fates = {address: line for address, line in fates.items() if address.endswith("desk.example")}
    return fates if len(fates) >= count else {}


def test_postfix_by_a_pipe_with_and_without_a_gateway(tmp_path: Path) -> None:
    require("postfix-pipe")
    with open_folder(UNPRIVILEGED) as home:
        settings = SETTINGS | {"HELPDESK_MAX_MESSAGE_BYTES": "20000"}
        gateway = GatewayProcess(home, settings, user=UNPRIVILEGED)
        appoint_olga(gateway)
        script = home / "deliver"
        script.write_text(pipe_script(gateway))
        script.chmod(0o755)
        with postfix(tmp_path / "inbound", pipes={"desk.example": script}) as inbound:
            # Nobody serves: the pipe writes the mail down itself.
            hand_to(inbound.port, a_mail(name="ant"), DESK)
            until(lambda: "status=sent" in inbound.log.read_text(), "the first mail")
            with gateway.serving():
                gateway.sign_in("olga", PASSWORD)
                assert outcomes(gateway, 1) == ["ticket"]
                # Now the gateway takes it, and says so.
                hand_to(inbound.port, a_mail(name="bee"), DESK)
                assert outcomes(gateway, 2) == ["ticket", "ticket"]
                assert gateway.log.read_text().count("from 'deliver' stored as") == 1
                # What is too large comes back at once, though the pipe has not read all of it.
                hand_to(inbound.port, a_mail(name="cow", text="x" * 70 * 20_000), DESK)
                until(lambda: "status=bounced" in inbound.log.read_text(), "the bounce")
                assert len(gateway.call("GET", "/api/intake")) == 2
            until(lambda: not inbound.waiting(), "an empty queue")
            assert "status=deferred" not in inbound.log.read_text()


def test_an_alias_gives_the_envelope_in_the_environment(gateway: GatewayProcess) -> None:
    told = {"RECIPIENT": "helpdesk@host.example", "ORIGINAL_RECIPIENT": DESK, "SENDER": MARIA}
    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)
        done = subprocess.run(
            [gateway.python, "-m", "gateway", "deliver"],
            input=a_mail(),
            cwd=gateway.folder,
            env=gateway.environment | told,
            check=False,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        [row] = gateway.call("GET", "/api/intake")
        assert (row["envelope_from"], row["envelope_to"]) == (MARIA, ["helpdesk@host.example", DESK])


def test_no_mail_is_lost_while_gateways_come_and_go(gateway: GatewayProcess) -> None:
    """Every mail is handed over until it is said to be stored; gateways are killed and stopped meanwhile."""
    settings = load_settings(gateway.environment, gateway.folder)
    dice = random.Random(7)
    codes: Counter[int] = Counter()
    ended = False

    async def hand_all_over() -> None:
        names = iter(range(400))

        async def hand_over() -> None:
            for number in names:
                mail = io.BytesIO(a_mail(name=f"ant{number}", text=f"This is number {number}."))
                while True:
                    mail.seek(0)
                    code = await deliver(settings, mail, recipient=DESK, sender=MARIA)
                    codes[code] += 1
                    if code == 0:
                        break
                    assert code == 75
                    await asyncio.sleep(0.02)

        nonlocal ended
        await asyncio.gather(*(hand_over() for _ in range(4)))
        ended = True

    async def story() -> None:
        handing = asyncio.create_task(hand_all_over())
        for signal_number in (signal.SIGKILL, signal.SIGTERM) * 4:
            await asyncio.to_thread(_serve_for, gateway, dice.uniform(0.05, 0.6), signal_number)
        await handing

    asyncio.run(story())
    assert ended
    assert codes[0] == 400
    with gateway.serving():
        gateway.sign_in("olga", PASSWORD)
        rows: list[dict[str, object]] = []
        while True:
            before = f"&before={rows[-1]['id']}" if rows else ""
            page = gateway.call("GET", f"/api/intake?limit=100{before}")
            if not page:
                break
            rows += page
        first = [row["message_id"] for row in rows if row["outcome"] == "ticket"]
        assert sorted(first) == sorted(f"ant{number}@customer.example" for number in range(400))
        assert {row["outcome"] for row in rows} <= {"ticket", "duplicate"}


def _serve_for(gateway: GatewayProcess, seconds: float, signal_number: signal.Signals) -> None:
    with gateway.log.open("ab") as log:
        process = subprocess.Popen(
            [gateway.python, "-m", "gateway", "serve"], cwd=gateway.folder, env=gateway.environment, stderr=log
        )
    try:
        socket_path = gateway.folder / "data" / "deliver.sock"
        until(lambda: process.poll() is None and _accepts(socket_path), "the gateway", seconds=30)
        time.sleep(seconds)
    finally:
        process.send_signal(signal_number)
        process.wait(30)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_haproxy_in_front_tells_whom_to_count(gateway: GatewayProcess, tmp_path: Path) -> None:
    require("haproxy")
    gateway.settings |= {"HELPDESK_SMTP_PROXY_PROTOCOL": "127.0.0.1", "HELPDESK_MAIL_LIMIT": "1/d"}
    with gateway.serving(), haproxy(tmp_path / "haproxy", gateway.smtp_port) as ports:
        gateway.sign_in("olga", PASSWORD)
        for number, port in enumerate(ports):
            for name, code in (("ant", 250), ("bee", 451)):
                assert _from(f"127.0.0.{7 + number}", port, a_mail(name=f"{name}{number}")) == code
        # The balancer's own address is a trusted relay's, and none of its clients is one by that.
        assert outcomes(gateway, 2) == ["ticket", "ticket"]
        # Who goes past the balancer has no header to show; the balancer's own questions are no trouble.
        with socket.create_connection(("127.0.0.1", gateway.smtp_port), timeout=20) as past:
            past.sendall(b"EHLO cat\r\n")
            with suppress(ConnectionError):
                assert past.recv(1000) == b""
        log = gateway.log.read_text()
        assert log.count("header is missing or malformed") == 1
        assert "'127.0.0.7' stored as 1" in log


def _from(host: str, port: int, mail: bytes) -> int:
    """Hand a mail over from this address; the code of the first refusal, or of the answer to it."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20, source_address=(host, 0)) as client:
        client.ehlo("customer.example")
        for answer in (client.mail(MARIA), client.rcpt(DESK)):
            if answer[0] != 250:
                return answer[0]
        return client.data(mail)[0]


@pytest.fixture
def flood() -> Iterator[ExitStack]:
    with ExitStack() as sockets:
        yield sockets


def test_a_flood_of_connections_is_refused_and_the_next_mail_is_taken(
    gateway: GatewayProcess, flood: ExitStack
) -> None:
    """Fault F19, a tenth of it: more connections than are let in, and than the process has descriptors for."""
    gateway.settings["HELPDESK_TRUSTED_RELAYS"] = ""
    with gateway.serving() as process:
        gateway.sign_in("olga", PASSWORD)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (64, 64))
        began, used = time.monotonic(), _processor_seconds(process.pid)
        peers = []
        for number in range(1000):
            peer = flood.enter_context(closing(socket.socket()))
            # Not too many of each address: the process shall run out of descriptors before it refuses anybody.
            peer.bind((f"127.0.0.{2 + number // 15}", 0))
            peer.setblocking(False)
            with suppress(BlockingIOError):
                peer.connect(("127.0.0.1", gateway.smtp_port))
            peers.append(peer)
        until(lambda: "no descriptor is left" in gateway.log.read_text(), "the last descriptor")
        time.sleep(3)
        assert process.poll() is None
        share = (_processor_seconds(process.pid) - used) / (time.monotonic() - began)
        assert share < 0.5, "it spins"
        words = Counter(_first_words(peer) for peer in peers)
        assert set(words) <= {b"220", b"421", b""}
        assert words[b"220"] > 20
        assert gateway.log.read_text().count("no descriptor is left") <= 2
        for peer in peers:
            peer.close()
        began = time.monotonic()
        until(lambda: _takes(gateway, a_mail()), "a mail that is taken", seconds=10)
        assert time.monotonic() - began < 10
        assert outcomes(gateway, 1) == ["ticket"]


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _first_words(peer: socket.socket) -> bytes:
    try:
        return peer.recv(1000)[:3]
    except OSError:
        return b""


def _takes(gateway: GatewayProcess, mail: bytes) -> bool:
    try:
        return send(gateway.smtp_port, mail, MARIA, DESK)[0] == 250
    except (OSError, smtplib.SMTPException):
        return False
