"""Access tokens of mailboxes, always fresh: the one place that knows when to ask the provider.

A source gives its account's token from memory and has it renewed five minutes before it expires; whoever asks
meanwhile waits for the same renewal. The refresh token is never kept in memory: it is read, unsealed, spent under a
lease (another gateway on the same database may want it at the same moment), and its successor is stored before
anybody gets the new access token, however long the database takes. While the provider is down the old token serves
to its end, and the provider is asked at growing, jittered intervals. What is dead stays dead, without asking, until
a login puts another grant there, which is seen by itself.

Trouble is told once in the log when it begins and once when it ends, and by `troubles` as long as it lasts. Waiting
and life are measured by a clock that nobody sets; the wall clock only goes into rows.

Known weakness: a process that is killed in the moment between a provider's answer and its commit loses the successor
of a token that the provider takes only once; then the grant is dead, and told.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from gateway import mailbox_tokens
from gateway.config import Settings
from gateway.database import Database
from gateway.errors import ClientRefused, TokenDead, TokenServerDown, TokenTrouble
from gateway.mailbox_tokens import MailboxToken
from gateway.model import fold_key
from gateway.oauth import CALL_SECONDS, Grant, Provider, speaking
from gateway.seal import NONCE_BYTES, SealBroken, seal, unseal

_AHEAD_SECONDS = 300
_LEASE = timedelta(seconds=CALL_SECONDS * 2 + 15)
_PATIENCE_SECONDS = CALL_SECONDS * 2 + 15
_FIRST_PAUSE_SECONDS = 1
_LONGEST_PAUSE_SECONDS = 300
_STORE_PAUSE_SECONDS = 1
_CLAIM_PAUSE_SECONDS = 0.2
_LOOK_SECONDS = 10
_STOP_SECONDS = 4
_log = logging.getLogger("helpdesk.tokens")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TokenSource:
    """The access token of one account. `trouble` says why there is none at the moment; empty if there is."""

    def __init__(
        self,
        account: str,
        *,
        provider: Provider,
        database: Database,
        key: bytes,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = fold_key(account)
        self.trouble = ""
        self._provider = provider
        self._database = database
        self._key = key
        self._ticks = ticks
        self._token = ""
        self._granted_at: datetime | None = None
        self._renew_at = self._expires_at = self._ask_at = 0.0
        self._failures = 0
        self._last: TokenTrouble | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._told: type[TokenTrouble] | None = None

    async def access_token(self) -> str:
        """A token that holds for minutes yet. Raises TokenDead, ClientRefused or TokenServerDown."""
        try:
            if not await self._is_fresh():
                await self._renew()
        except TokenTrouble as trouble:
            is_passing = not isinstance(trouble, TokenDead)
            if is_passing and self._token and self._ticks() < self._expires_at:
                self._tell(trouble, "")
                return self._token
            self._tell(trouble, f"{self.account}: {_advice(trouble, self.account)}")
            raise
        self._tell(None, "")
        return self._token

    def refused(self, token: str) -> None:
        """The mail server did not take this token: the next one has to be another."""
        if token == self._token:
            self._token = ""

    async def stop(self) -> None:
        """Let a renewal end, for what the provider gave must be stored; not for ever, though."""
        if self._renewal and not self._renewal.done():
            await asyncio.wait({self._renewal}, timeout=_STOP_SECONDS)
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    async def _look(self) -> MailboxToken:
        """The grant as it stands. Raises TokenDead where there is none that lives."""
        try:
            row = await self._database.read(lambda connection: mailbox_tokens.find_token(connection, self.account))
        except Exception as error:
            raise TokenServerDown("The database does not answer.") from error
        if row is None or row.state == mailbox_tokens.DEAD:
            self._token = ""
            raise TokenDead(row.reason if row else "nobody has logged in")
        return row

    async def _is_fresh(self) -> bool:
        row = await self._look()
        if row.granted_at != self._granted_at:
            # A login: what was true of the grant before is not true of this one.
            self._token, self._granted_at, self._ask_at, self._failures = "", row.granted_at, 0.0, 0
        return bool(self._token) and self._ticks() < self._renew_at

    async def _renew(self) -> None:
        if self._ticks() < self._ask_at and self._last is not None:
            raise type(self._last)(str(self._last))
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._ask_provider())
            # Its outcome is looked at, even if all who waited for it have gone.
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.shield(self._renewal)
        except TimeoutError as error:
            raise TokenServerDown("The token is not renewed yet.") from error

    async def _ask_provider(self) -> None:
        row = await self._claim()
        try:
            refresh_token = unseal(self._key, row.sealed, owner=row.account)
        except SealBroken as error:
            # Not the provider's word, and mended by the right key: the row stays as it is.
            dead = TokenDead("it is sealed with another HELPDESK_SECRET_KEY")
            self._put_off(dead)
            await self._write(row, None)
            raise dead from error
        began = self._ticks()
        try:
            grant = await self._provider.refresh(refresh_token)
        except TokenDead as dead:
            if not await self._write(row, dead):
                raise TokenServerDown("The token was replaced meanwhile.") from dead
            raise
        except TokenTrouble as trouble:
            self._put_off(trouble)
            await self._write(row, None)
            raise
        if not await self._write(row, grant):
            raise TokenServerDown("The token was replaced meanwhile.")
        self._failures, self._ask_at = 0, 0.0
        self._token, self._granted_at = grant.access_token, row.granted_at
        self._expires_at = began + grant.life_seconds
        # A provider whose tokens live shorter than that is not asked for each mail.
        self._renew_at = self._expires_at - min(_AHEAD_SECONDS, grant.life_seconds / 2)

    async def _claim(self) -> MailboxToken:
        """The grant, ours alone; another gateway that has it is done soon, or its lease ends."""
        while True:
            claim = partial(
                mailbox_tokens.claim_token,
                account=self.account,
                now=_utc_now(),
                lease=_LEASE,
                alone=self._database.is_embedded,
            )
            try:
                row = await self._database.write(claim)
            except Exception as error:
                raise TokenServerDown("The database does not answer.") from error
            if row is not None:
                return row
            await asyncio.sleep(_CLAIM_PAUSE_SECONDS)
            await self._look()

    async def _write(self, row: MailboxToken, outcome: Grant | TokenDead | None) -> bool:
        """Store what came of it, as often as it takes: a spent token in the table would be the end of the grant."""
        told = False
        now, successor = _utc_now(), row.sealed
        if isinstance(outcome, Grant) and outcome.refresh_token:
            successor = seal(self._key, outcome.refresh_token, owner=row.account, nonce=os.urandom(NONCE_BYTES))
        while True:
            try:
                return await self._database.write(
                    lambda connection: (
                        mailbox_tokens.settle_token(connection, row, sealed=successor, now=now)
                        if isinstance(outcome, Grant)
                        else mailbox_tokens.mark_dead(connection, row, reason=str(outcome), now=now)
                        if outcome
                        else mailbox_tokens.release_token(connection, row)
                    ),
                    must_run=True,
                )
            except Exception:
                if not told:
                    _log.exception("the token of %s cannot be stored and is held until it can", self.account)
                    told = True
            await asyncio.sleep(_STORE_PAUSE_SECONDS)

    def _put_off(self, trouble: TokenTrouble) -> None:
        self._failures += 1
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 20), _LONGEST_PAUSE_SECONDS)
        # Those whom one outage has brought into step must not come back in step.
        self._ask_at = self._ticks() + pause * random.uniform(0.5, 1)  # noqa: S311 - no secret
        self._last = trouble

    def _tell(self, trouble: TokenTrouble | None, words: str) -> None:
        before, self._told = self._told, type(trouble) if trouble else None
        self.trouble = words
        if self._told is before:
            return
        if trouble is None:
            _log.info("account=%s has a token again", self.account)
        elif isinstance(trouble, TokenServerDown):
            _log.warning("account=%s token cannot be renewed now: %s", self.account, trouble)
        else:
            _log.error("account=%s %s (%s)", self.account, _advice(trouble, self.account), trouble)


def _advice(trouble: TokenTrouble, account: str) -> str:
    """What is the matter, for everybody's eyes: what the provider said is in the log."""
    if isinstance(trouble, TokenDead):
        return f"the token is dead, run `helpdesk mailbox login {account}`"
    if isinstance(trouble, ClientRefused):
        return "the provider refuses our client, see HELPDESK_OAUTH_CLIENT_ID and HELPDESK_OAUTH_CLIENT_SECRET"
    return "the token server is down"


class TokenSources:
    """The sources of all accounts that somebody asked for."""

    def __init__(self, provider: Provider | None, database: Database, key: bytes) -> None:
        self._provider, self._database, self._key = provider, database, key
        self._sources: dict[str, TokenSource] = {}

    def of(self, account: str) -> TokenSource:
        """The source of an account, the same for every road that uses it."""
        if self._provider is None:
            raise RuntimeError("no OAuth2 client is set")
        folded = fold_key(account)
        if folded not in self._sources:
            self._sources[folded] = TokenSource(folded, provider=self._provider, database=self._database, key=self._key)
        return self._sources[folded]

    def troubles(self) -> list[str]:
        """Which accounts have no token, and why, in words for everybody."""
        return [f"{source.trouble}." for source in self._sources.values() if source.trouble]

    async def run(self) -> None:
        """Renew what is about to expire, used or not: a grant that has ended is told before a mail needs it."""
        while True:
            await asyncio.gather(*(self._look_after(source) for source in list(self._sources.values())))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look_after(self, source: TokenSource) -> None:
        try:
            await source.access_token()
        except TokenTrouble:
            pass  # It has told by itself.
        except Exception:
            _log.exception("account=%s cannot be looked after", source.account)

    async def stop(self) -> None:
        await asyncio.gather(*(source.stop() for source in self._sources.values()))


@asynccontextmanager
async def keeping_tokens(settings: Settings, database: Database) -> AsyncIterator[TokenSources]:
    """The sources meanwhile, kept fresh; nobody may ask for one where no OAuth2 client is set."""
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(speaking(settings.oauth)) if settings.oauth else None
        sources = TokenSources(provider, database, settings.secret_key)
        task = asyncio.create_task(sources.run())
        try:
            yield sources
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await sources.stop()
