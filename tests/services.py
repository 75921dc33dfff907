"""Real programs for tests: private instances of PostgreSQL, Postfix and HAProxy, and the gateway as its own process.

Each runs on free ports, keeps its files in temporary folders and ends with its `with` block, however the test
ends. The system's own services and their configuration are left alone. PostgreSQL refuses to run as root and Postfix
cannot run as anybody else; what a machine cannot run is skipped, unless HELPDESK_TEST_REQUIRE names it.

Known weakness: a test run that is killed outright leaves its servers behind.
"""

from __future__ import annotations

import atexit
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
Process = subprocess.Popen[bytes]

CHECKOUT = Path(__file__).parents[1]
# Whom a test may run something as that is not to be root.
UNPRIVILEGED = "nobody"
_IS_ROOT = os.geteuid() == 0
_PACKAGES = [path for path in sys.path if path.endswith("-packages")]
_STOP_SECONDS = 30


def until(look: Callable[[], T], what: str, *, seconds: float = 30) -> T:
    """What `look` returns as soon as it is something; fails with `what` if it is nothing for too long."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)
    return seen


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses.

    Below the range from which systems take the ports of outgoing connections, so that it is still free when a
    server that was stopped comes back to it.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def missing(program: str) -> str:
    """Why a program cannot be used here; empty if it can. `postfix-pipe` is Postfix with `helpdesk deliver` behind,
    `submission` one that takes mail by password."""
    if program == "postgresql":
        if not all(_postgresql_program(name) for name in ("initdb", "postgres", "pg_isready", "createdb")):
            return "PostgreSQL is not installed"
        return "PostgreSQL's system user is missing" if _IS_ROOT and not _has_user("postgres") else ""
    if program == "dovecot":
        absent = [name for name in ("dovecot", "openssl") if not _program(name)]
        if absent:
            return f"not installed: {', '.join(absent)}"
        return "" if _IS_ROOT else "Dovecot runs only if root starts it"
    if program == "postfix":
        absent = [name for name in ("postconf", "postqueue", "swaks") if not _program(name)]
        if absent:
            return f"not installed: {', '.join(absent)}"
        return "" if _IS_ROOT else "Postfix runs only if root starts it"
    if program == "dovecot":
        if not _program("dovecot"):
            return "Dovecot is not installed"
        return "" if _IS_ROOT else "Dovecot runs only if root starts it"
    if program == "submission":
        absent = [name for name in ("dovecot", "openssl") if not _program(name)]
        return missing("postfix") or (f"not installed: {', '.join(absent)}" if absent else "")
    if program == "mail-dkim":
        found = subprocess.run(["perl", "-MMail::DKIM", "-e1"], check=False, capture_output=True).returncode == 0
        return "" if found else "Perl's Mail::DKIM is not installed"
    if program == "haproxy":
        return "" if _program("haproxy") else "HAProxy is not installed"
    if program == "postfix-pipe":
        reason = missing("postfix")
        return reason or (
            "" if python_for(UNPRIVILEGED)[0] else f"no Python that the user {UNPRIVILEGED} can run us with"
        )
    raise ValueError(program)


def require(program: str) -> None:
    """Skip the test where `program` cannot be used; fail it where the environment says that it must be there."""
    if reason := missing(program):
        required = os.environ.get("HELPDESK_TEST_REQUIRE", "").replace(" ", "").split(",")
        if program.partition("-")[0] in required:
            pytest.fail(f"{program} is required here: {reason}")
        pytest.skip(reason)


def _has_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _program(name: str) -> str:
    """Where a program is; system programs are found too if PATH leaves their folders out."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") or ""


def _postgresql_program(name: str) -> str:
    """Debian keeps the server's programs out of PATH, in a folder for each version; the newest counts."""
    if found := _program(name):
        return found
    versions = Path("/usr/lib/postgresql").glob(f"[0-9]*/bin/{name}")
    return str(max(versions, key=lambda path: int(path.parts[-3]), default=""))


@cache
def python_for(user: str) -> tuple[str, Path]:
    """A Python of this version that `user` can run our code with, and where that code lies; ("", …) if there is none.

    That is the one which runs the tests, unless it lies where only we can go: then the system's. And the code is the
    checkout's, unless that lies where only we can go: then a copy.
    """
    system = shutil.which(f"python3.{sys.version_info.minor}", path=os.defpath) or ""
    for place in (_here, _copy):
        code = place()
        for python in filter(None, (sys.executable, system)):
            with suppress(OSError):
                command = [python, "-c", "import gateway.app"]
                options: dict[str, Any] = {"cwd": "/", "env": _python_settings(code), **_identity(user)}
                if subprocess.run(command, check=False, capture_output=True, **options).returncode == 0:
                    return python, code
    return "", CHECKOUT


def _here() -> Path:
    return CHECKOUT


@cache
def _copy() -> Path:
    """Our code and the packages that it needs, copied to where everybody can go, until the tests end."""
    folder = TemporaryDirectory(prefix="helpdesk-test-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    home = Path(folder.name)
    home.chmod(0o755)
    for name in ("gateway", "mail", "api", "templates"):
        shutil.copytree(CHECKOUT / name, home / name)
    for path in _PACKAGES:
        shutil.copytree(path, home / "packages", dirs_exist_ok=True, symlinks=True)
    return home


def _python_settings(code: Path) -> dict[str, str]:
    packages = _PACKAGES if code == CHECKOUT else [str(code / "packages")]
    return {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join([str(code), *packages]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _identity(user: str) -> dict[str, Any]:
    """The arguments that make a subprocess run as `user`; none if it is nobody else."""
    if not user:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def open_folder(owner: str = "") -> Iterator[Path]:
    """A temporary folder that every user can reach, which pytest's own are not when root runs it."""
    with TemporaryDirectory(prefix="helpdesk-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if owner:
            shutil.chown(folder, owner)
        yield folder


@contextmanager
def _running(
    command: list[str], log: Path, *, stop: signal.Signals, user: str = "", **options: Any
) -> Iterator[Process]:
    """The program meanwhile, in a session of its own; what is left of it at the end is killed."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **_identity(user),
            **options,
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_listening(process: Process, port: int, log: Path) -> bool:
    """Whether the port takes connections; fails with the log's end if the process is gone."""
    if process.poll() is not None:
        pytest.fail(f"it ended with status {process.returncode}:\n{_end_of(log)}")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-4000:]


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server of our own, as durable as the defaults make it; its log stays in `folder`.

    Gives the URL without a database: `postgresql+asyncpg://USER@127.0.0.1:PORT`. Takes seconds: share it.
    """
    user = "postgres" if _IS_ROOT else ""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "postgresql.log"
    with open_folder(user) as home:
        data = home / "data"
        subprocess.run(
            [
                _postgresql_program("initdb"),
                "--username=helpdesk",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                data,
            ],
            check=True,
            capture_output=True,
            cwd=home,
            **_identity(user),
        )
        port = free_port()
        command = [_postgresql_program("postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", ""]
        ready = [_postgresql_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "helpdesk"]
        # SIGQUIT is what PostgreSQL calls an immediate shutdown: nobody needs its files in order any more.
        with _running(command, log, stop=signal.SIGQUIT, user=user, cwd=home) as process:
            until(
                lambda: _is_listening(process, port, log) and subprocess.run(ready, check=False).returncode == 0,
                "PostgreSQL",
            )
            yield f"postgresql+asyncpg://helpdesk@127.0.0.1:{port}"


def new_database(server_url: str) -> str:
    """Make an empty database on the server; returns its URL."""
    name = f"helpdesk_{random.getrandbits(48):x}"
    _, _, place = server_url.partition("://")
    command = [
        _postgresql_program("createdb"),
        f"--maintenance-db=postgresql://{place}/postgres",
        "--template=template0",
    ]
    subprocess.run([*command, name], check=True, capture_output=True)
    return f"{server_url}/{name}"


# No service is chrooted, or has more than one job: what a mail server needs that relays, delivers and keeps a queue.
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
_PIPE = "{name} unix - n n - - pipe\n  flags=DRhu user={user} argv={program} ${{sender}} ${{recipient}}\n"
_QUEUES = "active bounce corrupt defer deferred flush hold incoming private saved trace"


@dataclass(frozen=True)
class Postfix:
    """A running Postfix: where it takes mail, what waits in it and what it has delivered."""

    port: int
    log: Path
    _home: Path

    def waiting(self) -> list[dict[str, Any]]:
        """The mails in its queue, as `postqueue -j` shows them."""
        return [json.loads(line) for line in self._postqueue("-j").splitlines()]

    def flush(self) -> None:
        """Try everything in the queue again now."""
        self._postqueue("-f")

    def mails_to(self, address: str) -> list[bytes]:
        """What lies in this address's Maildir, oldest first."""
        files = self._home.joinpath("mailboxes", address, "new").glob("*")
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]

    def _postqueue(self, option: str) -> str:
        command = [_program("postqueue"), "-c", str(self._home / "etc"), option]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def postfix(
    folder: Path,
    *,
    relays: Mapping[str, int] | None = None,
    mailboxes: Collection[str] = (),
    pipes: Mapping[str, Path] | None = None,
    lmtp: Mapping[str, int] | None = None,
    more: Mapping[str, object] | None = None,
) -> Iterator[Postfix]:
    """A Postfix of our own, which asks no DNS; its log stays in `folder`.

    Takes mail for the domains in `relays` and sends it by SMTP to that port of this machine, or by LMTP for those in
    `lmtp`; for the addresses in
    `mailboxes` and puts it into a Maildir each; for the domains in `pipes` and hands it to that program as an
    unprivileged user, with sender and recipient as arguments. Refuses all else. What cannot go now is tried again
    every other second. `more` are settings of main.cf that are laid over ours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "postfix.log"
    port = free_port()
    routes = {domain: f"smtp:[127.0.0.1]:{target}" for domain, target in (relays or {}).items()}
    routes |= {domain: f"lmtp:inet:[127.0.0.1]:{target}" for domain, target in (lmtp or {}).items()}
    routes |= {domain: f"pipe{number}:" for number, domain in enumerate(pipes or {})}
    with open_folder() as home:
        _lay_out_postfix(home)
        unprivileged = pwd.getpwnam(UNPRIVILEGED)
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": home / "queue",
            "data_directory": home / "data",
            "maillog_file": "/dev/stdout",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "myhostname": "mx.postfix.example",
            "mydestination": "",
            "mynetworks": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "smtp_dns_support_level": "disabled",
            "smtp_host_lookup": "native",
            "smtpd_peername_lookup": "no",
            # Mail from outside is passed on as it is, though it comes from this machine.
            "local_header_rewrite_clients": "",
            "smtpd_relay_restrictions": "reject_unauth_destination",
            "alias_maps": "",
            "local_recipient_maps": "",
            "biff": "no",
            "relay_domains": " ".join(routes),
            "transport_maps": _inline(routes),
            "default_transport": "error:there is nowhere else to go",
            "virtual_mailbox_domains": " ".join({address.rpartition("@")[2] for address in mailboxes}),
            "virtual_mailbox_maps": _inline({address: f"{address}/" for address in mailboxes}),
            "virtual_mailbox_base": home / "mailboxes",
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{unprivileged.pw_uid}",
            "virtual_gid_maps": f"static:{unprivileged.pw_gid}",
            "queue_run_delay": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "2s",
            **(more or {}),
        }
        services = _MASTER.format(port=port)
        for number, program in enumerate((pipes or {}).values()):
            services += _PIPE.format(name=f"pipe{number}", user=UNPRIVILEGED, program=program)
            settings[f"pipe{number}_destination_recipient_limit"] = "1"
        home.joinpath("etc/main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        home.joinpath("etc/master.cf").write_text(services)
        # While main.cf looks as if it were being edited, each of Postfix's programs waits before it reads it.
        os.utime(home / "etc/main.cf", (0, time.time() - 60))
        # Its own start script would look after the system's folders; the server itself needs only what we laid out.
        where = [_program("postconf"), "-h", "daemon_directory"]
        daemons = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
        command = [str(daemons / "master"), "-c", str(home / "etc"), "-s"]
        with _running(command, log, stop=signal.SIGTERM) as process:
            until(lambda: _is_listening(process, port, log), "Postfix")
            yield Postfix(port, log, home)


def _inline(table: Mapping[str, str]) -> str:
    """A lookup table that stands in main.cf itself."""
    return "inline:{" + " ".join(f"{{{key} = {value}}}" for key, value in table.items()) + "}" if table else ""


def _lay_out_postfix(home: Path) -> None:
    """The folders that Postfix expects, with the owners that its parts insist on."""
    for name, owner, group, mode in (
        ("etc", None, None, 0o755),
        ("data", "postfix", None, 0o700),
        ("mailboxes", UNPRIVILEGED, None, 0o700),
        ("queue", None, None, 0o755),
        ("queue/pid", None, None, 0o755),
        ("queue/public", "postfix", "postdrop", 0o2710),
        ("queue/maildrop", "postfix", "postdrop", 0o1730),
        *((f"queue/{queue}", "postfix", None, 0o700) for queue in _QUEUES.split()),
    ):
        home.joinpath(name).mkdir()
        if owner:
            shutil.chown(home / name, owner, group)
        home.joinpath(name).chmod(mode)


_DOVECOT = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
# Who came with a wrong token before is not kept waiting for it.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
auth_failure_delay = 0
auth_mechanisms = xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {home}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}/mail/%u
}}
first_valid_uid = 1
mail_location = maildir:~/Maildir
"""
_DOVECOT_OAUTH2 = """\
introspection_mode = post
introspection_url = http://127.0.0.1:{port}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""


@contextmanager
def dovecot_by_token(folder: Path, provider_port: int, certificate: tuple[bytes, bytes]) -> Iterator[tuple[int, Path]]:
    """A Dovecot of our own that asks the provider about each token; gives its IMAPS port and its mails' folder.

    `certificate`: the certificate and its key. Its log stays in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log, port = folder / "dovecot.log", free_port()
    entry = pwd.getpwnam(UNPRIVILEGED)
    with open_folder() as home:
        (home / "mail").mkdir()
        shutil.chown(home / "mail", entry.pw_uid, entry.pw_gid)
        (home / "cert.pem").write_bytes(certificate[0])
        (home / "key.pem").write_bytes(certificate[1])
        (home / "oauth2.conf").write_text(_DOVECOT_OAUTH2.format(port=provider_port))
        settings = _DOVECOT.format(home=home, port=port, user=entry.pw_uid, group=entry.pw_gid)
        (home / "dovecot.conf").write_text(settings)
        with _running(
            [_program("dovecot"), "-F", "-c", str(home / "dovecot.conf")], log, stop=signal.SIGTERM
        ) as process:
            until(lambda: _is_listening(process, port, log), "Dovecot")
            yield port, home / "mail"


_AUTHENTICATOR = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = /dev/stderr
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


@contextmanager
def submission(folder: Path, *, mailboxes: Collection[str], password: str, cert: Path, key: Path) -> Iterator[Postfix]:
    """A Postfix that takes mail only under TLS and by password, which a Dovecot behind it knows; its user may have any
    name."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with open_folder() as home:
        for name in ("run", "state"):
            home.joinpath(name).mkdir()
        config = home / "dovecot.conf"
        config.write_text(_AUTHENTICATOR.format(home=home, password=password, port=port))
        log = folder / "dovecot.log"
        command = [_program("dovecot"), "-F", "-c", str(config)]
        with _running(command, log, stop=signal.SIGTERM) as process:
            until(lambda: _is_listening(process, port, log), "Dovecot's authenticator")
            more = {
                "smtpd_tls_security_level": "encrypt",
                "smtpd_tls_cert_file": cert,
                "smtpd_tls_key_file": key,
                "smtpd_sasl_auth_enable": "yes",
                "smtpd_sasl_type": "dovecot",
                "smtpd_sasl_path": f"inet:127.0.0.1:{port}",
                "smtpd_client_restrictions": "permit_sasl_authenticated reject",
            }
            with postfix(folder, mailboxes=mailboxes, more=more) as server:
                yield server


_HAPROXY = """defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen version1
  bind 127.0.0.1:{ports[0]}
  server gateway 127.0.0.1:{target} send-proxy
listen version2
  bind 127.0.0.1:{ports[1]}
  server gateway 127.0.0.1:{target} send-proxy-v2 check inter 200ms
"""


@contextmanager
def haproxy(folder: Path, target: int) -> Iterator[tuple[int, int]]:
    """A HAProxy of our own in front of the port `target`; its log stays in `folder`.

    Gives two ports: behind the first it writes version 1 of its header, behind the second version 2, where it also asks
    now and then whether somebody is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ports, log = (free_port(), free_port()), folder / "haproxy.log"
    configuration = folder / "haproxy.cfg"
    configuration.write_text(_HAPROXY.format(ports=ports, target=target))
    command = [_program("haproxy"), "-db", "-f", str(configuration)]
    with _running(command, log, stop=signal.SIGTERM) as process:
        until(lambda: all(_is_listening(process, port, log) for port in ports), "HAProxy")
        yield ports


@dataclass
class GatewayProcess:
    """The gateway as its users run it: a working folder, settings in the environment, commands.

    `user` is whom it runs as, if not the one who runs the tests; `folder` has to be his then.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    user: str = ""
    http_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    token: str = ""

    def __post_init__(self) -> None:
        self.python, self.code = python_for(self.user) if self.user else (sys.executable, CHECKOUT)

    @property
    def environment(self) -> dict[str, str]:
        own = {"HELPDESK_HTTP_LISTEN": self.http_port, "HELPDESK_SMTP_LISTEN": self.smtp_port}
        return {
            **_python_settings(self.code),
            **{name: f"127.0.0.1:{port}" for name, port in own.items()},
            **self.settings,
        }

    @property
    def log(self) -> Path:
        return self.folder / "gateway.log"

    def command(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run one `helpdesk` command to its end, whatever that is; `typed` is its standard input."""
        return subprocess.run(
            [self.python, "-m", "gateway", *arguments],
            input=typed,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
            cwd=self.folder,
            env=self.environment,
            **_identity(self.user),
        )

    @contextmanager
    def serving(self) -> Iterator[Process]:
        """`helpdesk serve` meanwhile. SIGTERM ends it, and then it must end with status 0 and without a traceback."""
        command = [self.python, "-m", "gateway", "serve"]
        options = {"cwd": self.folder, "env": self.environment}
        with _running(command, self.log, stop=signal.SIGTERM, user=self.user, **options) as process:
            until(lambda: _is_listening(process, self.http_port, self.log), "the gateway", seconds=10)
            self.call("GET", "/health")
            yield process
        assert process.returncode == 0, _end_of(self.log)
        assert "Traceback" not in self.log.read_text(), _end_of(self.log)

    def sign_in(self, username: str, password: str) -> None:
        """Make all further calls as this user."""
        pair = self.call("POST", "/auth/jwt/create/", {"username": username, "password": password})
        self.token = pair["access"]

    def call(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """Make a call to the API, which must answer with `status`; returns what its JSON says."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = HTTPConnection("127.0.0.1", self.http_port, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            with connection.getresponse() as response:
                text = response.read().decode()
        finally:
            connection.close()
        assert response.status == status, f"{method} {path}: {response.status} {text}\n{_end_of(self.log)}"
        return json.loads(text)
