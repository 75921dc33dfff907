from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import DEFAULTS, load_settings, unknown_names
from gateway.errors import SettingsWrong
from gateway.values import Limit, contains


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)
    assert settings.data_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/data/helpdesk.db"
    assert settings.public_url == "http://localhost:8000"
    assert (settings.http_listen.host, settings.http_listen.port) == ("127.0.0.1", 8000)
    assert settings.smtp_listen
    assert settings.smtp_listen.port == 8025
    assert settings.lmtp_listen is None
    assert settings.relay.path == tmp_path / "data" / "outgoing"
    assert settings.login_limit == Limit(10, 900)
    assert settings.is_trusted_relay("127.0.0.1")
    assert settings.is_trusted_relay("::ffff:127.0.0.1")
    assert not settings.is_trusted_relay("192.0.2.1")


def test_the_data_folder_and_the_secret_are_private_and_stay(tmp_path: Path) -> None:
    first = load_settings({}, tmp_path)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert len(first.secret_key) >= 32
    assert load_settings({}, tmp_path).secret_key == first.secret_key
    assert first.secret_key.decode() not in repr(first)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HELPDESK_HTTP_LISTEN", "8000"),
        ("HELPDESK_HTTP_LISTEN", "localhost:99999"),
        ("HELPDESK_SMTP_LISTEN", ":25"),
        ("HELPDESK_LMTP_LISTEN", "nowhere"),
        ("HELPDESK_PUBLIC_URL", "localhost:8000"),
        ("HELPDESK_PUBLIC_URL", "https://x.example/?a=b"),
        ("HELPDESK_DATABASE_URL", "mysql://x/y"),
        ("HELPDESK_DATABASE_URL", "sqlite+aiosqlite:///:memory:"),
        ("HELPDESK_DATABASE_URL", "sqlite+aiosqlite:///"),
        ("HELPDESK_LMTP_LISTEN", "127.0.0.1:8025"),
        ("HELPDESK_DATABASE_URL", "postgresql+asyncpg://host"),
        ("HELPDESK_SUPPORT_ADDRESS", "support"),
        ("HELPDESK_SUPPORT_ADDRESS", "a@b.example, "),
        ("HELPDESK_SUPPORT_ADDRESS", "much-too-long-a-name-for-a-desk@b.example"),
        ("HELPDESK_SUPPORT_NAME", "a\nb"),
        ("HELPDESK_PLUS_ADDRESSING", "maybe"),
        ("HELPDESK_RELAY_URL", "ftp://x"),
        ("HELPDESK_RELAY_URL", "smtp://user@host"),
        ("HELPDESK_RELAY_URL", "maildir:"),
        ("HELPDESK_IMAP_URL", "imaps://u:p@host/INBOX?after=burn"),
        ("HELPDESK_SECRET_KEY", "too short"),
        ("HELPDESK_MAX_MESSAGE_BYTES", "-1"),
        ("HELPDESK_MAX_MESSAGE_BYTES", "²"),
        ("HELPDESK_TRUSTED_RELAYS", "relay.example"),
        ("HELPDESK_TRUSTED_PROXIES", "300.0.0.1"),
        ("HELPDESK_SMTP_PROXY_PROTOCOL", "on"),
        ("HELPDESK_SENDER_POLICY", "hard"),
        ("HELPDESK_STAFF_BY_MAIL", "on"),
        ("HELPDESK_ACKNOWLEDGE", "yes"),
        ("HELPDESK_NOTIFY_STAFF", "1"),
        ("HELPDESK_ACCESS_TOKEN_MINUTES", "0"),
        ("HELPDESK_REFRESH_TOKEN_DAYS", "x"),
        ("HELPDESK_LOGIN_LIMIT", "10"),
        ("HELPDESK_REGISTER_LIMIT", "0/h"),
        ("HELPDESK_API_LIMIT", "1/y"),
        ("HELPDESK_MAIL_LIMIT", "none"),
        ("HELPDESK_RECEIPT_LIMIT", "-1/h"),
        ("HELPDESK_RECEIPT_LIMIT_TOTAL", "h"),
        ("HELPDESK_STAFF_NOTICE_LIMIT", "60/60"),
        ("HELPDESK_RETRY_SECONDS", "0.5"),
        ("HELPDESK_SMTP_TLS_CERT", "/nowhere/cert.pem"),
        ("HELPDESK_TEMPLATE_DIR", "/nowhere"),
        ("HELPDESK_DATA_DIR", "/proc/nowhere/data"),
        ("HELPDESK_SECRET_KEY_FILE", "/nowhere/key"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_variable(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        load_settings({name: value}, tmp_path)
    assert len(wrong.value.mistakes) == 1
    assert wrong.value.mistakes[0].startswith(f"{name}: ")
    assert "\n" not in wrong.value.mistakes[0]
    assert list(tmp_path.iterdir()) == [], "nothing may be created"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        load_settings({"HELPDESK_API_LIMIT": "x", "HELPDESK_PUBLIC_URL": "y", "HELPDESK_RETRY_SECONDS": "z"}, tmp_path)
    assert len(wrong.value.mistakes) == 3


def test_a_secret_comes_from_a_file_and_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    (tmp_path / ".env").write_text("HELPDESK_SUPPORT_NAME=From the file\nHELPDESK_API_LIMIT='off'\n")
    settings = load_settings({"HELPDESK_SECRET_KEY_FILE": "key", "HELPDESK_SUPPORT_NAME": "Us"}, tmp_path)
    assert settings.secret_key == b"k" * 40
    assert settings.support_name == "Us"
    assert settings.api_limit is None


def test_an_empty_variable_hides_neither_its_file_nor_a_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40)
    (tmp_path / ".env").write_text("HELPDESK_SMTP_LISTEN=127.0.0.1:1025\nHELPDESK_SECRET_KEY_FILE=key\n")
    settings = load_settings({"HELPDESK_SECRET_KEY": "", "HELPDESK_SMTP_LISTEN": ""}, tmp_path)
    assert settings.secret_key == b"k" * 40
    assert settings.smtp_listen is None


def test_an_env_file_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"HELPDESK_SUPPORT_NAME=H\xe9lp\n")
    with pytest.raises(SettingsWrong, match="UTF-8"):
        load_settings({}, tmp_path)


def test_relays_are_understood(tmp_path: Path) -> None:
    relay = load_settings({"HELPDESK_RELAY_URL": "smtps://u%40x:p%2Fw@mail.example"}, tmp_path).relay
    assert (relay.scheme, relay.host, relay.port, relay.username, relay.password) == (
        "smtps",
        "mail.example",
        465,
        "u@x",
        "p/w",
    )
    assert "p/w" not in repr(relay)


def test_a_relay_by_oauth2_names_its_user_and_needs_a_client(tmp_path: Path) -> None:
    url = "smtp://support%40desk.example@smtp.office365.com?auth=oauth2"
    with pytest.raises(SettingsWrong) as wrong:
        load_settings({"HELPDESK_RELAY_URL": url}, tmp_path)
    assert wrong.value.mistakes == ["HELPDESK_OAUTH_CLIENT_ID: is needed, because HELPDESK_RELAY_URL says auth=oauth2"]
    (tmp_path / "secret").write_text("s3cret\n")
    environ = {
        "HELPDESK_RELAY_URL": url,
        "HELPDESK_OAUTH_CLIENT_ID": "us",
        "HELPDESK_OAUTH_CLIENT_SECRET_FILE": "secret",
    }
    settings = load_settings(environ, tmp_path)
    assert (settings.relay.oauth2, settings.relay.username, settings.relay.port) == (True, "support@desk.example", 587)
    assert settings.oauth
    assert (settings.oauth.name, settings.oauth.client_secret) == ("microsoft", "s3cret")
    assert settings.oauth.base_url == "https://login.microsoftonline.com/common/v2.0"
    assert "offline_access" in settings.oauth.scope
    assert "s3cret" not in repr(settings)
    tenant = "https://login.microsoftonline.com/us/v2.0"
    settings = load_settings({**environ, "HELPDESK_OAUTH_ENDPOINT": f"{tenant}/"}, tmp_path)
    assert settings.oauth
    assert (settings.oauth.name, settings.oauth.base_url) == ("microsoft", tenant)


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("HELPDESK_RELAY_URL", {"HELPDESK_RELAY_URL": "smtp://u:p@host?auth=oauth2"}),
        ("HELPDESK_RELAY_URL", {"HELPDESK_RELAY_URL": "smtp://host?auth=oauth2"}),
        ("HELPDESK_RELAY_URL", {"HELPDESK_RELAY_URL": "smtp://u:p@host?auth=cram"}),
        ("HELPDESK_RELAY_URL", {"HELPDESK_RELAY_URL": "smtp://u:p@host?other=x"}),
        ("HELPDESK_OAUTH_PROVIDER", {"HELPDESK_RELAY_URL": "smtp://u@mail.example?auth=oauth2"}),
        ("HELPDESK_OAUTH_PROVIDER", {"HELPDESK_OAUTH_PROVIDER": "yahoo"}),
        ("HELPDESK_OAUTH_ENDPOINT", {"HELPDESK_OAUTH_PROVIDER": "other"}),
        ("HELPDESK_OAUTH_ENDPOINT", {"HELPDESK_OAUTH_ENDPOINT": "http://login.example"}),
        ("HELPDESK_OAUTH_ENDPOINT", {"HELPDESK_OAUTH_ENDPOINT": "login.example"}),
    ],
)
def test_slips_about_oauth2_are_told(tmp_path: Path, name: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        load_settings({"HELPDESK_OAUTH_CLIENT_ID": "us", **environ}, tmp_path)
    assert name in {mistake.partition(":")[0] for mistake in wrong.value.mistakes}


def test_networks_hold_addresses_of_their_kind(tmp_path: Path) -> None:
    networks = load_settings({"HELPDESK_TRUSTED_RELAYS": "10.0.0.0/8, fd00::/8"}, tmp_path).trusted_relays
    assert contains(networks, "10.1.2.3")
    assert contains(networks, "fd00::1%eth0")
    assert not contains(networks, "11.1.2.3")
    assert not contains(networks, "no address")


def test_slips_of_the_pen_are_found() -> None:
    environ = {"HELPDESK_SMPT_LISTEN": "x", "HELPDESK_API_LIMIT": "x", "HELPDESK_TEST_REQUIRE": "x", "HOME": "x"}
    assert unknown_names(environ) == ["HELPDESK_SMPT_LISTEN"]


def test_the_readme_names_every_setting() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    missing = [name for name in DEFAULTS if f"`{name}`" not in readme]
    assert missing == []
