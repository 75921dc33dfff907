"""A DKIM verifier of the tests' own (RFC 6376, RFC 8463), for relaxed signatures; OpenSSL's command does the sums.

It shares nothing with the library that signs. The key is not looked up in DNS but given. Raises AssertionError with
what is wrong with the signature.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory


def verify(raw: bytes, public_key: Path) -> dict[str, str]:
    """Check the topmost signature of a mail; returns its tags."""
    header, _, body = raw.partition(b"\r\n\r\n")
    fields = [_field(text) for text in re.split(rb"\r\n(?![ \t])", header)]
    place = next(number for number, (name, _) in enumerate(fields) if name == b"dkim-signature")
    signature = fields.pop(place)[1]
    tags = {
        name.strip(): "".join(value.split())
        for name, _, value in (tag.partition("=") for tag in signature.decode("ascii").split(";"))
    }
    assert (tags["v"], tags["c"]) == ("1", "relaxed/relaxed")
    assert "l" not in tags
    assert base64.b64decode(tags["bh"]) == hashlib.sha256(_body(body)).digest(), "the body was changed"
    signed = b""
    for name in tags["h"].encode().lower().split(b":"):
        # The last one that is left of this name; one that is not there counts as nothing.
        found = next((number for number in reversed(range(len(fields))) if fields[number][0] == name), None)
        if found is not None:
            signed += b"%s:%s\r\n" % (name, fields.pop(found)[1])
    signed += b"dkim-signature:" + re.sub(rb"(?<![a-z])b=[^;]*", b"b=", signature)
    with TemporaryDirectory() as name:
        data, proof = Path(name, "data"), Path(name, "proof")
        proof.write_bytes(base64.b64decode(tags["b"]))
        if tags["a"] == "rsa-sha256":
            data.write_bytes(signed)
            command = ["dgst", "-sha256", "-verify", public_key, "-signature", proof, data]
        else:
            assert tags["a"] == "ed25519-sha256"
            data.write_bytes(hashlib.sha256(signed).digest())
            command = ["pkeyutl", "-verify", "-pubin", "-inkey", public_key, "-rawin", "-in", data, "-sigfile", proof]
        done = subprocess.run(["openssl", *command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"the signature is wrong: {done.stdout}{done.stderr}"
    return tags


def _field(text: bytes) -> tuple[bytes, bytes]:
    name, _, value = text.partition(b":")
    return name.strip().lower(), b" ".join(re.split(rb"[ \t]+", value.replace(b"\r\n", b"").strip(b" \t")))


def _body(body: bytes) -> bytes:
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)
