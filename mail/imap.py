"""The IMAP door: watches folders of mailboxes and takes each mail that is or arrives there, once.

One watcher per folder, each with a connection of its own. It takes what is there, in the order of the numbers that
the folder gives (UIDs), then waits by IDLE, renewed before the nine minutes after which some servers hang up, or asks
every few seconds where there is no IDLE. How far it has read is committed together with the mail, never by a flag:
other programs may read, mark and move as they like. What the operator wants done with a mail that is taken (`after`)
is done behind the commit; if that fails it is tried again while the gateway runs, and neither loses nor repeats a mail.

Which mails: all that arrive, whoever has read them and even if somebody has marked them as deleted by then. Of what
lay there when the folder was first read: what `limit` and `since` allow, and nothing that was marked as deleted.
Among sent mails no drafts.

Which are passed over, each with a row in the ledger, and left alone in the mailbox: a mail above the size limit
(`refused`), and one that the server does not give, three times (`failed`); where the connection broke each time, the
tries must span five minutes, so that a bad hour of the network costs no mail. Trouble of ours is no reason: then
the watcher waits, longer and longer, up to five minutes, and tries the same mail again. The same goes for every trouble
with the server; it touches no other mailbox and no other door. `trouble` says what is wrong, for `/ready`.

Known weakness: a gateway that is killed between a commit and what is to be done after it leaves that mail where it
lay, untouched.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from gateway import mailboxes
from gateway.config import Settings
from gateway.database import Database
from gateway.errors import TokenTrouble
from gateway.mailbox_url import MailboxUrl
from gateway.mailboxes import FolderCursor
from gateway.model import Delivery, MailboxPlace, Outcome, Source
from mail.fields import read_fields
from mail.imap_client import Folder, ImapClient, LoginRefused, Refused, ServerFault, connecting
from mail.imap_responses import Listed
from mail.intake import Mailroom, utc_now
from mail.xoauth2 import Tokens, login_imap

Login = Callable[[ImapClient], Awaitable[None]]

RENEW_SECONDS = 8 * 60.0
POLL_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 300.0
LULL_SECONDS = 0.5
_LISTED_AT_ONCE = 50
_SEARCHED_AT_ONCE = 100_000
_MOST_TRIES = 3
PATIENCE_SECONDS = 300.0
_MOST_FIELDS = 200
_MOST_LEFT_OVER = 10_000
_log = logging.getLogger("helpdesk.imap")


@dataclass
class _Tries:
    """How often a mail could not be fetched, and when that began; `answered` is how often the server said so."""

    uid: int
    began: float
    count: int = 0
    answered: int = 0


class Watcher:
    """One folder of one mailbox. `trouble` says why it cannot be read at the moment; empty if it can."""

    def __init__(
        self,
        mailbox: MailboxUrl,
        settings: Settings,
        database: Database,
        mailroom: Mailroom,
        *,
        is_sent: bool = False,
        login: Login | None = None,
        clock: Callable[[], datetime] = utc_now,
        pulse: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trouble = ""
        self.folder = mailbox.sent if is_sent else mailbox.folder
        self.name = f"{mailbox.host}/{self.folder}"
        self._mailbox = mailbox
        self._settings = settings
        self._database = database
        self._mailroom = mailroom
        self._is_sent = is_sent
        self._login = login or self._login_by_password
        self._clock = clock
        self._pulse = pulse
        self._failures = 0
        self._tries: _Tries | None = None
        self._left_over: list[int] = []
        self._numbering = 0

    async def run(self) -> None:
        """Watch until cancelled. Whatever goes wrong is told once, and tried again after a pause."""
        while True:
            try:
                async with connecting(self._mailbox) as client:
                    await self._login(client)
                    await self._watch(client)
            except Exception as error:
                self._note(error)
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        longest: float = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures - 1, 20))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def _note(self, error: Exception) -> None:
        """Remember and tell what is wrong. A connection that breaks once is none of anybody's business."""
        self._failures += 1
        words = _in_words(error)
        if self._failures == 1 and not isinstance(error, LoginRefused):
            _log.info("mailbox %s: %s; connecting again", self.name, words)
        elif words != self.trouble:
            self.trouble = words
            story = None if isinstance(error, Refused | ServerFault | OSError) else error
            _log.warning("mailbox %s is not well: %s (%s)", self.name, words, error, exc_info=story)

    def _is_well(self) -> None:
        if self.trouble:
            _log.info("mailbox %s is well again", self.name)
        self._failures, self.trouble = 0, ""

    async def _login_by_password(self, client: ImapClient) -> None:
        await client.login(self._mailbox.username, self._mailbox.password)

    async def _watch(self, client: ImapClient) -> None:
        cursor, known_uid = await self._open(client)
        await self._finish(client, [])
        can_idle = await client.has("IDLE")
        is_woken = False
        while True:
            client.news.clear()
            last_uid = await self._catch_up(client, cursor, known_uid)
            self._is_well()
            if is_woken and last_uid == cursor.last_uid:
                # A server that says that there is more and has nothing does not keep us busy.
                await asyncio.sleep(LULL_SECONDS)
            cursor = replace(cursor, last_uid=last_uid)
            if not client.news.is_set():
                if can_idle:
                    await client.wait_for_news(RENEW_SECONDS)
                else:
                    await asyncio.sleep(POLL_SECONDS)
                    await client.ask()
            is_woken = client.news.is_set()

    async def _open(self, client: ImapClient) -> tuple[FolderCursor, int]:
        """Open the folder, and find out how far it was read; the second number is the last that is given out."""
        folder = await client.select(self.folder)
        limit, start_uid = self._mailbox.limit, 0
        if limit is not None and client.exists > limit:
            start_uid = max(0, await client.uid_of(client.exists - limit + 1) - 1)
        cursor = await self._find(folder, start_uid)
        if folder.uid_next <= cursor.last_uid:
            # Another gateway may have read what has come since we looked; if not, the numbers went back.
            folder = await client.select(self.folder)
            if folder.uid_next <= cursor.last_uid:
                cursor = await self._find(folder, start_uid, went_back=True)
        if self._numbering != cursor.uidvalidity:
            self._numbering, self._tries, self._left_over = cursor.uidvalidity, None, []
        return cursor, folder.uid_next - 1

    async def _find(self, folder: Folder, start_uid: int, *, went_back: bool = False) -> FolderCursor:
        return await self._database.write(
            lambda connection: mailboxes.open_folder(
                connection,
                mailbox=self._mailbox.key,
                folder=self.folder,
                uidvalidity=folder.uidvalidity,
                newest_uid=folder.uid_next - 1,
                start_uid=start_uid,
                since=self._mailbox.since,
                is_limited=self._mailbox.limit is not None,
                went_back=went_back,
                now=self._clock(),
            )
        )

    async def _catch_up(self, client: ImapClient, cursor: FolderCursor, known_uid: int) -> int:
        """Take all that the folder holds behind the cursor; returns the last number that is done with.

        A folder of more mails than a search should list at once is searched piece by piece, as far as its numbers are
        known to reach.
        """
        last_uid = cursor.last_uid
        while last_uid < max(cursor.backlog_uid, known_uid):
            is_backlog = last_uid < cursor.backlog_uid
            end = cursor.backlog_uid if is_backlog else known_uid
            if client.exists > _SEARCHED_AT_ONCE:
                end = min(end, last_uid + _SEARCHED_AT_ONCE)
            found = await client.search(last_uid + 1, end, cursor.since if is_backlog else None)
            await self._take_all(client, cursor, found)
            if end not in found:
                await self._pass(cursor, end)
            last_uid = end
        found = await client.search(last_uid + 1, None)
        await self._take_all(client, cursor, found)
        return max([last_uid, *found[-1:]])

    async def _take_all(self, client: ImapClient, cursor: FolderCursor, uids: list[int]) -> None:
        for start in range(0, len(uids), _LISTED_AT_ONCE):
            batch = uids[start : start + _LISTED_AT_ONCE]
            listed = await client.list_mails(batch)
            done: list[int] = []
            try:
                for uid in batch:
                    mail = listed.get(uid)
                    if mail and self._is_wanted(mail, cursor) and await self._take(client, cursor, mail):
                        done.append(uid)
                if done[-1:] != batch[-1:]:
                    await self._pass(cursor, batch[-1])
            finally:
                # Whatever happened, these are committed.
                self._left_over = [*self._left_over, *done][-_MOST_LEFT_OVER:]
            await self._finish(client, done)

    def _is_wanted(self, mail: Listed, cursor: FolderCursor) -> bool:
        if "\\deleted" in mail.flags and mail.uid <= cursor.backlog_uid:
            return False
        return not (self._is_sent and "\\draft" in mail.flags)

    async def _take(self, client: ImapClient, cursor: FolderCursor, mail: Listed) -> bool:
        """Take one mail; committed when this returns. Returns whether it is in the desk's hands."""
        place = MailboxPlace(folder_id=cursor.id, uidvalidity=cursor.uidvalidity, uid=mail.uid)
        most_bytes = self._settings.max_message_bytes
        if mail.size_bytes > most_bytes:
            return await self._refuse(client, place, mail.size_bytes)
        try:
            raw = await client.fetch(mail.uid, size_bytes=mail.size_bytes, most_bytes=most_bytes)
        except (Refused, ServerFault) as error:
            if not await self._give_up(place, mail, error):
                raise
            if isinstance(error, ServerFault):
                # Passed over; but this connection is gone.
                raise
            return False
        if raw is None:
            return await self._refuse(client, place, max(mail.size_bytes, most_bytes + 1))
        if not raw:
            # It was expunged while it was fetched: an empty mail has at least an empty line.
            return False
        self._tries = None
        await self._mailroom.take(self._delivery(raw, place))
        self._is_well()
        return True

    def _delivery(self, raw: bytes, place: MailboxPlace) -> Delivery:
        sender, recipients = _envelope(raw)
        return Delivery(
            raw=raw,
            source=Source.IMAP,
            envelope_from=sender or "",
            envelope_to=recipients,
            null_sender=sender == "",
            # Who may put mails into the mailbox is the mail server's business: it is the one whose word counts.
            trusted=True,
            place=place,
            from_sent=self._is_sent,
        )

    async def _refuse(self, client: ImapClient, place: MailboxPlace, size_bytes: int) -> bool:
        """List a mail that is too large. It stays where it lies, untouched: there it is whole."""
        if self._is_sent:
            await self._pass_mail(place)
            return False
        header = await client.fetch_header(place.uid)
        await self._list(
            place,
            header,
            Outcome.REFUSED,
            size_bytes,
            f"{size_bytes} bytes are more than the {self._settings.max_message_bytes} of a mail: "
            f"only its header was taken, the mail is still in {self.folder} of the mailbox",
        )
        return False

    async def _give_up(self, place: MailboxPlace, mail: Listed, error: Exception) -> bool:
        """Count a mail that could not be fetched; whether that was once too often, and it was passed over."""
        now = self._pulse()
        if self._tries is None or self._tries.uid != mail.uid:
            self._tries = _Tries(uid=mail.uid, began=now)
        tries = self._tries
        tries.count += 1
        tries.answered += isinstance(error, Refused)
        is_patient = tries.answered >= _MOST_TRIES or now - tries.began >= PATIENCE_SECONDS
        if tries.count < _MOST_TRIES or not is_patient:
            return False
        self._tries = None
        await self._list(
            place,
            b"",
            Outcome.FAILED,
            mail.size_bytes,
            f"the server has not given this mail ({_in_words(error)}): it is still in {self.folder} of the mailbox",
        )
        return True

    async def _list(self, place: MailboxPlace, header: bytes, outcome: Outcome, size_bytes: int, reason: str) -> None:
        name = header.decode("latin-1") or f"{place.uidvalidity} {place.uid}"
        key = (self._mailbox.key, self.folder, str(size_bytes), name)
        _log.warning("mailbox %s: a mail is passed over: %s", self.name, reason)
        await self._mailroom.list_refused(
            self._delivery(header, place), outcome=outcome, key=key, size_bytes=size_bytes, reason=reason
        )

    async def _pass(self, cursor: FolderCursor, uid: int) -> None:
        """Write down that everything up to this number is done with, also where there was nothing to take."""
        await self._pass_mail(MailboxPlace(folder_id=cursor.id, uidvalidity=cursor.uidvalidity, uid=uid))

    async def _pass_mail(self, place: MailboxPlace) -> None:
        now = self._clock()
        await self._database.write(lambda connection: mailboxes.pass_mail(connection, place, now))

    async def _finish(self, client: ImapClient, done: list[int]) -> None:
        """Do in the mailbox what is wanted of mails that are committed, and of those where that has failed before."""
        uids = sorted({*self._left_over, *done})
        if self._is_sent or self._mailbox.after == "leave" or not uids:
            self._left_over = []
            return
        for start in range(0, len(uids), _LISTED_AT_ONCE):
            batch = uids[start : start + _LISTED_AT_ONCE]
            try:
                if self._mailbox.after == "seen":
                    await client.mark_seen(batch)
                elif self._mailbox.after == "delete":
                    await client.delete(batch)
                else:
                    await client.move(batch, self._mailbox.move_to)
            except Refused as refusal:
                _log.warning("mailbox %s: mails that were taken stay as they are: %s", self.name, refusal)
            self._left_over = uids[start + _LISTED_AT_ONCE :]


def _in_words(error: Exception) -> str:
    """What is wrong, for everybody to read: nothing here is in the server's words, or holds a name."""
    if isinstance(error, LoginRefused):
        return "the login is refused"
    if isinstance(error, TokenTrouble):
        return "there is no token for its login"
    if isinstance(error, Refused):
        return "the server refuses what is asked of it"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, ssl.SSLError):
        return "TLS fails"
    if isinstance(error, OSError):
        return "it cannot be reached"
    if isinstance(error, ServerFault):
        return str(error) or "the connection was lost"
    return "its mails cannot be taken at the moment"


def _envelope(raw: bytes) -> tuple[str | None, tuple[str, ...]]:
    """Sender and recipients as the mail server wrote them on top; the sender is None where it did not, "" for none."""
    sender: str | None = None
    recipients: list[str] = []
    for number, (name, value, _) in enumerate(read_fields(raw)):
        if number == _MOST_FIELDS:
            break
        address = value.decode("utf-8", "replace").strip().removeprefix("<").removesuffix(">")
        if name == "return-path" and sender is None:
            sender = address
        elif name in {"delivered-to", "x-original-to", "envelope-to", "x-envelope-to"} and address:
            recipients.append(address)
    return sender, tuple(dict.fromkeys(recipients))


@asynccontextmanager
async def watching(
    settings: Settings, database: Database, mailroom: Mailroom, tokens_of: Callable[[str], Tokens]
) -> AsyncIterator[Sequence[Watcher]]:
    """Watch all mailboxes of the settings meanwhile. On leaving, what is being committed is committed.

    `tokens_of` gives the tokens of an account; it is asked for mailboxes with `auth=oauth2`.
    """

    def login_of(mailbox: MailboxUrl) -> Login | None:
        if not mailbox.oauth2:
            return None
        return partial(login_imap, user=mailbox.username, tokens=tokens_of(mailbox.username))

    watchers = [
        Watcher(mailbox, settings, database, mailroom, is_sent=is_sent, login=login_of(mailbox))
        for mailbox in settings.mailboxes
        for is_sent in (False, True)
        if mailbox.sent or not is_sent
    ]
    tasks = [asyncio.create_task(watcher.run()) for watcher in watchers]
    try:
        yield watchers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
