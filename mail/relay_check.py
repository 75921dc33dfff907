"""Whether the relay and the mailboxes can be used: connect, TLS, sign in, and go. For `helpdesk doctor`.

Nothing is sent, read or changed. The rules are those of the roads themselves: with a password TLS is required and its
certificate checked; a relay without one is greeted by STARTTLS where it offers it.
"""

from __future__ import annotations

import asyncio
import imaplib
import ssl

import aiosmtplib

from gateway.doctor import Finding, Level, is_local
from gateway.values import Relay

_SECONDS = 8.0


async def check_relay(relay: Relay, hostname: str, *, desk_is_local: bool) -> list[Finding]:
    """The finding about the relay."""
    if relay.scheme == "maildir":
        words = f"our mail becomes files in {relay.path} and reaches nobody"
        level = Level.WARN if desk_is_local else Level.FAIL
        return [Finding(level, "relay", words, "set HELPDESK_RELAY_URL to the mail server that sends your mail")]
    where = f"{relay.host}:{relay.port}"
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        local_hostname=hostname,
        use_tls=relay.scheme == "smtps",
        start_tls=False,
        validate_certs=bool(relay.password),
        timeout=_SECONDS,
    )
    try:
        return [await _use(client, relay, where)]
    except aiosmtplib.SMTPAuthenticationError as error:
        words = f"{where} refuses user {relay.username} ({error.code} {error.message})"
        return [Finding(Level.FAIL, "relay", words, "look at user and password in HELPDESK_RELAY_URL")]
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
        if isinstance(cause, ssl.SSLError):
            words = f"no TLS with {where}: {getattr(cause, 'verify_message', '') or cause.reason}"
            mend = "give the relay a certificate for this name, or use its right name"
            return [Finding(Level.FAIL, "relay", words, mend)]
        words = f"{where} cannot be used: {_first_line(error)}"
        return [Finding(Level.FAIL, "relay", words, "look at HELPDESK_RELAY_URL, at the relay, and at firewalls")]
    finally:
        client.close()


async def _use(client: aiosmtplib.SMTP, relay: Relay, where: str) -> Finding:
    await client.connect()
    await client.ehlo()
    has_tls = relay.scheme == "smtps"
    if not has_tls and client.supports_extension("starttls"):
        await client.starttls(validate_certs=bool(relay.password))
        await client.ehlo()
        has_tls = True
    if relay.password and not has_tls:
        words = f"{where} offers no STARTTLS, so it gets no password and no mail"
        return Finding(Level.FAIL, "relay", words, "use a port with TLS (587 or smtps:// on 465)")
    if relay.password:
        await client.login(relay.username, relay.password)
    await client.quit()
    words = f"{where} takes us{f' as {relay.username}' if relay.username else ''}{' with TLS' if has_tls else ''}"
    if not has_tls and not is_local(relay.host):
        return Finding(Level.WARN, "relay", f"{words}, in clear text", "have it offer STARTTLS")
    return Finding(Level.OK, "relay", words)


async def check_mailbox(
    *, host: str, port: int, is_tls: bool, username: str, password: str, folder: str
) -> list[Finding]:
    """The finding about one mailbox. It is opened to be read only, so nothing in it becomes seen."""
    where = f"{username}@{host}:{port}/{folder}"
    try:
        await asyncio.to_thread(_open_mailbox, host, port, is_tls, username, password, folder)
    except imaplib.IMAP4.error as error:
        mend = "look at user, password and folder in HELPDESK_IMAP_URL"
        return [Finding(Level.FAIL, "mailbox", f"{where} is refused: {_first_line(error)}", mend)]
    except (OSError, ValueError) as error:
        mend = "look at host and port in HELPDESK_IMAP_URL, at its certificate and at firewalls"
        return [Finding(Level.FAIL, "mailbox", f"{where} cannot be reached: {_first_line(error)}", mend)]
    return [Finding(Level.OK, "mailbox", f"{where} can be opened")]


def _open_mailbox(host: str, port: int, is_tls: bool, username: str, password: str, folder: str) -> None:
    context = ssl.create_default_context()
    client: imaplib.IMAP4
    if is_tls:
        client = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=_SECONDS)
    else:
        client = imaplib.IMAP4(host, port, timeout=_SECONDS)
    try:
        if not is_tls and not is_local(host):
            client.starttls(context)
        client.login(username, password)
        quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
        status, said = client.select(f'"{quoted}"', readonly=True)
        if status != "OK":
            raise imaplib.IMAP4.error(str((said or [b""])[0]))
    finally:
        client.shutdown()


def _first_line(error: Exception) -> str:
    words = " ".join(str(part) for part in error.args) or type(error).__name__
    return words.splitlines()[0][:300]
