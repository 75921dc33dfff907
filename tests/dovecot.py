"""A Dovecot of the tests' own, and a mailbox on it as its owner's mail program sees it.

On free ports, with files in a temporary folder; every user exists and has the same password. It can be stopped and
started again, and ends with its `with` block. The system's own Dovecot and its configuration are left alone.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.authority import Authority
from tests.services import UNPRIVILEGED, Process, free_port, open_folder, until

PASSWORD = "p@ss/word"  # a test's
_SETTINGS = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {log}
instance_name = {name}
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{authority.cert}
ssl_key = <{authority.key}
disable_plaintext_auth = no
mail_location = maildir:{home}/mail/%u
mail_fsync = never
mailbox_idle_check_interval = 1 secs
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 100
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass
class Dovecot:
    """The server: where it listens, clear with STARTTLS and under TLS."""

    home: Path
    log: Path
    authority: Authority
    imap_port: int = field(default_factory=free_port)
    imaps_port: int = field(default_factory=free_port)
    _process: Process | None = None

    def start(self) -> None:
        """Start it, or start it again, with all its mailboxes."""
        command = ["dovecot", "-F", "-c", str(self.home / "dovecot.conf")]
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={"PATH": path}
            )
        until(self._answers, "Dovecot")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-2000:]
        with suppress(OSError, imaplib.IMAP4.error):
            imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=5).shutdown()
            return True
        return False

    def stop(self) -> None:
        """Stop it, whatever it is doing, and every connection with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    def url(self, user: str, query: str = "", *, folder: str = "INBOX", scheme: str = "imaps") -> str:
        port = self.imaps_port if scheme == "imaps" else self.imap_port
        return f"{scheme}://{user}:p%40ss%2Fword@localhost:{port}/{folder}{query and '?'}{query}"

    def box(self, user: str) -> Box:
        return Box(self, user)


@dataclass
class Box:
    """A mailbox, used as by its owner's mail program: each call connects anew."""

    server: Dovecot
    user: str

    @contextmanager
    def _client(self, folder: str | None = None) -> Iterator[imaplib.IMAP4]:
        context = ssl.create_default_context(cafile=str(self.server.authority.root))
        client = imaplib.IMAP4_SSL("localhost", self.server.imaps_port, ssl_context=context, timeout=20)
        try:
            client.login(self.user, PASSWORD)
            if folder is not None:
                assert client.select(folder)[0] == "OK"
            yield client
        finally:
            client.logout()

    def add(self, *mails: bytes, folder: str = "INBOX", flags: str = "", seconds_ago: float | None = None) -> None:
        """Mails arrive, or are put there."""
        date = "" if seconds_ago is None else imaplib.Time2Internaldate(time.time() - seconds_ago)
        with self._client() as client:
            for mail in mails:
                answer = client.append(folder, flags, date, mail)
                assert answer[0] == "OK", answer

    def make(self, folder: str) -> None:
        with self._client() as client:
            assert client.create(folder)[0] == "OK"

    def remove(self, folder: str) -> None:
        with self._client() as client:
            assert client.delete(folder)[0] == "OK"

    def move(self, uids: str, folder: str) -> None:
        with self._client("INBOX") as client:
            assert client.uid("MOVE", uids, folder)[0] == "OK"

    def mark(self, uids: str, flags: str) -> None:
        with self._client("INBOX") as client:
            assert client.uid("STORE", uids, "+FLAGS", flags)[0] == "OK"

    def flags(self, folder: str = "INBOX") -> list[set[str]]:
        """The flags of each mail in a folder, but the one that says that it is new to a program."""
        with self._client(folder) as client:
            _, lines = client.fetch("1:*", "(FLAGS)")
            found = [imaplib.ParseFlags(line) for line in lines if isinstance(line, bytes)]
            return [{flag.decode() for flag in flags} - {"\\Recent"} for flags in found]

    def count(self, folder: str = "INBOX") -> int:
        with self._client() as client:
            status, lines = client.select(folder, readonly=True)
            return int(lines[0] or 0) if status == "OK" else 0


@contextmanager
def dovecot(folder: Path, authority: Authority) -> Iterator[Dovecot]:
    """A Dovecot meanwhile; its log stays in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_folder() as home:
        (home / "mail").mkdir()
        uid, gid = _unprivileged()
        os.chown(home / "mail", uid, gid)
        server = Dovecot(home, folder / "dovecot.log", authority)
        settings = _SETTINGS.format(
            home=home,
            log=server.log,
            name=home.name,
            authority=authority,
            password=PASSWORD,
            uid=uid,
            gid=gid,
            imap_port=server.imap_port,
            imaps_port=server.imaps_port,
        )
        (home / "dovecot.conf").write_text(settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged() -> tuple[int, int]:

    entry = pwd.getpwnam(UNPRIVILEGED)
    return entry.pw_uid, entry.pw_gid
