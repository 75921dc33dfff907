"""Who may import whom, and who may touch what. The tables here are the documentation.

templates      config  model  errors                 (know nothing)
                    |
     schema, outbox, people, tickets, intake …       (core)
               |             |
              mail          api                      (doors; strangers to each other)
               |             |
                gateway/app.py                       (the only file that sees both)
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("gateway", "mail", "api")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# Whose business a library is; everyone else goes through that module.
SOLE_USERS = {
    "aiosmtpd": {"mail/smtp.py", "mail/smtp_data.py", "mail/smtp_dialogue.py", "mail/smtp_door.py"},
    "aiosmtplib": {"mail/relay.py"},
    "jwt": {"api/tokens.py"},
    "passlib": {"gateway/passwords.py"},
    "alembic": {
        "gateway/migrate.py",
        "gateway/migrations/env.py",
        "gateway/migrations/versions/0001_first_schema.py",
        "gateway/migrations/versions/0002_understanding.py",
    },
    "jinja2": {"mail/compose.py"},
    "dotenv": {"gateway/config.py"},
    "selectolax": {"mail/words/html.py"},
    "chardet": {"mail/mime/charsets.py"},
    "flufl": {"mail/bounces.py"},
    "smtplib": {"gateway/demo.py"},
}
# The modules whose functions decide or change tables: time and chance come to them as arguments.
SERVICES = {
    "gateway/model.py",
    "gateway/matching.py",
    "gateway/facts.py",
    "gateway/tickets.py",
    "gateway/notices.py",
    "gateway/people.py",
    "gateway/logins.py",
    "gateway/outbox.py",
    "gateway/intake.py",
    "gateway/deeds.py",
    "gateway/attachments.py",
    "gateway/ledger.py",
    "gateway/conversations.py",
    "gateway/reply_token.py",
    "gateway/limits.py",
    "mail/threads.py",
    "mail/trust.py",
    "mail/fingerprint.py",
    "mail/compose.py",
}
BANNED_IN_SERVICES = {
    "time.time",
    "time.monotonic",
    "datetime.now",
    "os.urandom",
    "secrets.token_bytes",
    "asyncio.sleep",
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "base", "manager", "misc", "core"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_name(path)} imports relatively"
            found.append(node.module or "")
    return tuple(found)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_go_one_way(path: Path) -> None:
    package = _name(path).split("/")[0]
    foreign = {"gateway": {"mail", "api"}, "mail": {"api", "aiohttp"}, "api": {"mail"}}[package]
    if _name(path) == "gateway/app.py":
        foreign = set()
    roots = {name.split(".")[0] for name in _imports(path)}
    assert not roots & foreign, f"{_name(path)} must not know {roots & foreign}"


@pytest.mark.parametrize("library", SOLE_USERS)
def test_each_library_has_its_module(library: str) -> None:
    users = {_name(path) for path in FILES if any(name.split(".")[0] == library for name in _imports(path))}
    assert users <= SOLE_USERS[library], f"{library} is used by {users - SOLE_USERS[library]}"
    assert users, f"{library} is used by nobody: strike it from the table"


def test_the_environment_has_one_reader() -> None:
    readers = {_name(path) for path in FILES if "os.environ" in path.read_text("utf-8")}
    # The command hands it over; only the settings look into it.
    assert readers == {"gateway/__main__.py"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_no_clock_and_no_chance(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    called = {_dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & BANNED_IN_SERVICES


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert path.stem not in FORBIDDEN_NAMES
    assert not text or ast.get_docstring(ast.parse(text)), f"{_name(path)} opens without a word"
