"""Letters are signed so that a verifier of another make believes them, and any change is seen."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.config import Settings, load_settings
from gateway.errors import SettingsWrong
from gateway.model import OutboxKind
from mail.compose import Composer, Letter
from mail.signing import Signer
from tests.dkim_verifier import verify
from tests.mail.test_compose import ANSWER, CONFIRM, DIGEST, NOTICE, RECEIPT

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
KEYS = {
    "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    "ed25519": ("-algorithm", "ed25519"),
}


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key of each kind, and its other half."""
    folder = tmp_path_factory.mktemp("dkim")
    for name, options in KEYS.items():
        _openssl("genpkey", *options, "-out", folder / f"{name}.pem")
        _openssl("pkey", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.public")
    _openssl("pkey", "-in", folder / "rsa.pem", "-traditional", "-out", folder / "traditional.pem")
    shutil.copy(folder / "rsa.public", folder / "traditional.public")
    _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512", "-out", folder / "short.pem")
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder / "curve.pem")
    _openssl("pkey", "-in", folder / "rsa.pem", "-aes128", "-passout", "pass:x", "-out", folder / "locked.pem")
    (folder / "torn.pem").write_text("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
    return folder


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _settings(folder: Path, key: str | Path, **more: str) -> Settings:
    names = {"HELPDESK_SUPPORT_ADDRESS": "support@desk.example", "HELPDESK_DKIM_SELECTOR": "s1"}
    return load_settings({**names, "HELPDESK_DKIM_KEY": str(key), **more}, folder)


async def _signed(settings: Settings, letter: Letter | None = None) -> Letter:
    assert settings.dkim
    return await Signer(settings.dkim).sign(letter or Composer(settings).compose(ANSWER))


@pytest.mark.parametrize("mail", [ANSWER, NOTICE, RECEIPT, CONFIRM, DIGEST], ids=lambda mail: mail.kind)
@pytest.mark.parametrize("kind", ["rsa", "traditional", "ed25519"])
async def test_every_letter_is_signed(keys: Path, tmp_path: Path, kind: str, mail: object) -> None:
    settings = _settings(tmp_path, keys / f"{kind}.pem")
    letter = Composer(settings).compose(mail)  # type: ignore[arg-type]
    signed = await _signed(settings, letter)
    assert signed.content.endswith(letter.content)
    tags = verify(signed.content, keys / f"{kind}.public")
    assert (tags["d"], tags["s"]) == ("desk.example", "s1")
    names = tags["h"].split(":")
    assert {"from", "to", "subject", "date", "message-id", "mime-version", "content-type"} <= set(names)
    # One more than there is: a second one added on the way would be seen.
    assert (names.count("from"), names.count("subject")) == (2, 2)
    if mail is ANSWER:
        assert {"in-reply-to", "references", "reply-to"} <= set(names)
    if mail.kind in {OutboxKind.NOTICE, OutboxKind.DIGEST}:  # type: ignore[attr-defined]
        assert {"list-unsubscribe", "list-unsubscribe-post", "auto-submitted"} <= set(names)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"answer message", b"another message"),
        (b"Subject: Re:", b"Subject: Fw:"),
        (b"From: ", b"From: evil@x.example\r\nFrom: "),
        (b"\r\nSubject:", b"\r\nSubject: other\r\nSubject:"),
        (b"References: ", b"References: <x@x.example> "),
    ],
)
async def test_any_change_is_seen(keys: Path, tmp_path: Path, old: bytes, new: bytes) -> None:
    content = (await _signed(_settings(tmp_path, keys / "rsa.pem"))).content
    verify(content, keys / "rsa.public")
    assert old in content
    with pytest.raises(AssertionError, match=r"was changed|is wrong"):
        verify(content.replace(old, new, 1), keys / "rsa.public")


async def test_lines_are_signed_as_they_leave(keys: Path, tmp_path: Path) -> None:
    letter = Letter("a@desk.example", "b@x.example", b"From: a@desk.example\nSubject: x\n\nhello\n.dot\rend")
    signed = await _signed(_settings(tmp_path, keys / "ed25519.pem"), letter)
    assert b"\n" not in signed.content.replace(b"\r\n", b"")
    verify(signed.content, keys / "ed25519.public")


def test_the_key_may_be_given_as_text_or_file_and_the_domain_too(keys: Path, tmp_path: Path) -> None:
    for given in (
        {"HELPDESK_DKIM_KEY": (keys / "rsa.pem").read_text()},
        {"HELPDESK_DKIM_KEY": "", "HELPDESK_DKIM_KEY_FILE": str(keys / "rsa.pem")},
    ):
        settings = _settings(tmp_path, "", HELPDESK_DKIM_DOMAIN="Mail.Desk.Example", **given)
        assert settings.dkim
        assert (settings.dkim.algorithm, settings.dkim.domain) == ("rsa", "mail.desk.example")
        assert "PRIVATE" not in repr(settings)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("short.pem", "is an RSA key of 512 bits, at least 1024 are needed"),
        ("curve.pem", "is neither an RSA nor an Ed25519 key"),
        ("rsa.public", "holds a PUBLIC KEY, not a private key"),
        ("locked.pem", "holds a ENCRYPTED PRIVATE KEY, not a private key without passphrase"),
        ("torn.pem", "is neither an RSA nor an Ed25519 key"),
        ("missing.pem", "is neither a PEM key nor a file that can be read"),
        (".", "is neither a PEM key nor a file that can be read"),
    ],
)
def test_a_key_that_cannot_sign_is_a_mistake(keys: Path, tmp_path: Path, key: str, words: str) -> None:
    with pytest.raises(SettingsWrong) as caught:
        _settings(tmp_path, keys / key)
    assert str(caught.value).startswith(f"HELPDESK_DKIM_KEY: {words}")


def test_a_key_needs_a_selector_and_names_are_those_of_dns(keys: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong) as caught:
        _settings(tmp_path, keys / "rsa.pem", HELPDESK_DKIM_SELECTOR="", HELPDESK_DKIM_DOMAIN="desk example")
    assert str(caught.value).splitlines() == [
        "HELPDESK_DKIM_DOMAIN: 'desk example' is no name in DNS",
        "HELPDESK_DKIM_SELECTOR: is needed too, the key is published under it",
    ]
