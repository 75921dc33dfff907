"""A certificate authority of the tests' own, made by openssl, and a certificate that it signs for this machine."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """`root` is what a client has to trust (SSL_CERT_FILE), the others are the server's."""

    root: Path
    cert: Path
    key: Path


def make_authority(folder: Path) -> Authority:
    """A new authority, and a certificate for localhost and 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    root, root_key = folder / "root.pem", folder / "root.key"
    cert, key = folder / "server.pem", folder / "server.key"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    _openssl("req", "-x509", *new_key, "-subj", "/CN=Test authority", "-keyout", root_key, "-out", root)
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    signer = ["-CA", root, "-CAkey", root_key, "-addext", "basicConstraints=critical,CA:FALSE"]
    _openssl("req", "-x509", *new_key, *names, *signer, "-keyout", key, "-out", cert)
    return Authority(root, cert, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
