"""Certificates of the tests' own: an authority, and what servers show that it signed, made with OpenSSL's command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificates:
    """An authority in a folder. `root` is its certificate, which a client has to trust."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    def found(self) -> Certificates:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._openssl("req", "-x509", *_KEY, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Test authority")
        return self

    def issue(self, name: str, *, hosts: str = "DNS:localhost,IP:127.0.0.1", days: int = 2) -> tuple[Path, Path]:
        """A server's certificate for these hosts, and its key; with less than no days one that has run out."""
        self._openssl(
            *("req", "-new", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName={hosts}"),
        )
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"),
            *("-days", str(days), "-copy_extensions", "copyall", "-out", f"{name}.pem"),
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)
