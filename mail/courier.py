"""The courier: the loop that pays what the outbox owes.

It claims due mails under a lease, composes, signs and sends each, and settles it. Mails to one person about one ticket
go one after the other, in order, but for those that have to be tried again; all others side by side, within the places
of `mail.senders`, and a letter on which the relay hangs keeps one of them busy and no other letter back. A commit
wakes it at once, and it looks every second anyway, because a wake-up is only a hint and another process may have
written the row. What cannot be composed is set aside as failed: a broken template never keeps other mail back.

It sends at least once: a courier that dies after the relay took a letter leaves a lease that runs out, and the letter
goes again with the same Message-ID. Where the relay took the whole letter and hung up without an answer, it is tried
once more after the first pause, and if that ends alike, nobody knows what became of it: then a person decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from gateway import notices, outbox
from gateway.config import Settings
from gateway.database import Database
from gateway.model import Outbound, OutboxState
from mail.compose import Composer
from mail.intake import new_name, utc_now
from mail.relay import RefusedForGood, Sender, TryLater, Unanswered, open_sender
from mail.relay_ids import relay_id
from mail.senders import Senders
from mail.signing import Signer
from mail.xoauth2 import Tokens

# What is claimed waits here for its place. New mail is claimed when there is room for some, not for each one that is
# done with, because a claim is a commit.
_MOST_CLAIMED = 200
_LEAST_CLAIMED_AT_ONCE = 20
_MOST_CLAIMED_OF_A_DOMAIN = 20
_LEASE = timedelta(seconds=45)
_HEARTBEAT_SECONDS = 15
_POLL_SECONDS = 1.0
_TROUBLE_PAUSE_SECONDS = 5.0
_STOP_SECONDS = 5
_log = logging.getLogger("helpdesk.courier")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """How a try ended: the mail's next state, what the relay said, and when to try again."""

    state: OutboxState
    reply: str
    due_at: datetime | None = None
    relay_id: str = ""
    unanswered: bool = False


class Courier:
    """One courier of one process; `trouble` says why the relay takes nothing at the moment."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        tokens: Tokens | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.trouble = ""
        self._stopping = False
        self._settings = settings
        self._database = database
        self._clock = clock
        self._composer = Composer(settings)
        self._claimed: dict[int, Outbound] = {}
        self._threads: dict[tuple[int, int], deque[Outbound]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._senders = Senders(lambda: open_sender(settings.relay, settings.support_domain, tokens))
        self._signer = Signer(settings.dkim) if settings.dkim else None

    async def run(self) -> None:
        """Work until `stop`, or until cancelled. An error of ours is logged and tried again after a pause."""
        heartbeat = asyncio.create_task(self._keep_leases())
        try:
            while self._database.is_embedded and not self._stopping and not await self._patiently(self._take_over):
                pass
            while not self._stopping:
                self._database.committed.clear()
                if not await self._patiently(self.pay_due):
                    if not self._tasks:
                        await self.close()
                    await self._wait()
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            left = [heartbeat, *self._tasks]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def stop(self) -> None:
        """Ask the loop to end once the letters under way are settled."""
        self._stopping = True
        self._database.committed.set()

    async def _patiently(self, work: Callable[[], Awaitable[int]]) -> int:
        try:
            return await work()
        except Exception:
            _log.exception("the courier is in trouble and goes on in %d s", _TROUBLE_PAUSE_SECONDS)
            await asyncio.sleep(_TROUBLE_PAUSE_SECONDS)
            return 0

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._database.committed.wait()
        except TimeoutError:
            pass

    async def _take_over(self) -> int:
        """On a database of our own, whatever is in sending was left there by our predecessor."""
        await self._database.write(outbox.release_leases)
        return 1

    async def pay_due(self) -> int:
        """Begin to send what is due now, as much as is not waiting already; returns how many mails were begun."""
        count, now, claimed = _MOST_CLAIMED - len(self._claimed), self._clock(), list(self._claimed)
        room = self._room()
        if count < _LEAST_CLAIMED_AT_ONCE or not await self._database.read(
            lambda connection: outbox.is_any_due(connection, now=now, but=claimed, room=room)
        ):
            return 0
        batch = await self._database.write(
            lambda connection: outbox.claim_due(
                connection,
                now=now,
                lease=_LEASE,
                count=count,
                but=claimed,
                room=room,
                most_of_a_domain=_MOST_CLAIMED_OF_A_DOMAIN,
            )
        )
        for mail in batch:
            self._claimed[mail.id] = mail
            key = mail.ticket_id or -mail.id, mail.person_id
            if key in self._threads:
                self._threads[key].append(mail)
                continue
            self._threads[key] = deque([mail])
            task = asyncio.create_task(self._pay_in_order(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(batch)

    def _room(self) -> dict[str, int]:
        """How many more mails may be claimed for each domain for which some are; none until half of them are gone."""
        claimed = Counter(mail.domain for mail in self._claimed.values())
        most = _MOST_CLAIMED_OF_A_DOMAIN
        return {domain: most - count if count <= most // 2 else 0 for domain, count in claimed.items()}

    async def _keep_leases(self) -> None:
        """What is claimed and not settled stays ours, however long the relay takes to answer."""
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            mails, until = list(self._claimed.values()), self._clock() + _LEASE
            if mails:
                await self._patiently(partial(self._extend, mails, until))

    async def _extend(self, mails: list[Outbound], until: datetime) -> int:
        await self._database.write(lambda connection: outbox.extend_lease(connection, mails, until=until))
        return len(mails)

    async def _pay_in_order(self, key: tuple[int, int]) -> None:
        """Send what is claimed to one person about one ticket, and what is claimed of it meanwhile."""
        try:
            while self._threads[key]:
                await self._pay(self._threads[key].popleft())
        finally:
            for mail in self._threads.pop(key):
                self._done_with(mail)

    async def _pay(self, mail: Outbound) -> None:
        async with self._senders.lend(mail.domain) as sender:
            ending = await self._send(sender, mail)
        log = _log.info if ending.state is OutboxState.SENT else _log.warning
        log(
            "outbox=%d kind=%s state=%s attempts=%d reply=%r",
            mail.id,
            mail.kind,
            ending.state,
            mail.attempts,
            ending.reply,
        )
        # How it ended is known: that must not get lost because the database is in trouble, or the mail goes out twice.
        # Meanwhile it stays claimed, and no sender is kept from other mail.
        while not await self._patiently(partial(self._settle, mail, ending)):
            pass
        self._done_with(mail)

    async def _settle(self, mail: Outbound, ending: _Ending) -> int:
        now = self._clock()
        await self._database.write(
            lambda connection: notices.settle_mail(
                connection,
                self._settings,
                mail,
                ending.state,
                reply=ending.reply,
                now=now,
                due_at=ending.due_at,
                new_name=new_name,
                relay_id=ending.relay_id,
                unanswered=ending.unanswered,
            ),
            must_run=True,
        )
        return 1

    def _done_with(self, mail: Outbound) -> None:
        if self._claimed.get(mail.id) is mail:
            del self._claimed[mail.id]

    async def _send(self, sender: Sender, mail: Outbound) -> _Ending:
        """Compose and send one mail."""
        try:
            letter = self._composer.compose(mail)
        except Exception as error:
            _log.exception("outbox %d (%s) cannot be composed", mail.id, mail.kind)
            return _Ending(state=OutboxState.FAILED, reply=f"cannot be composed: {type(error).__name__}: {error}")
        try:
            if self._signer:
                letter = await self._signer.sign(letter)
            reply = await sender.send(letter)
        except RefusedForGood as refusal:
            self.trouble = ""
            return _Ending(state=OutboxState.FAILED, reply=str(refusal))
        except Unanswered as silence:
            if mail.unanswered:
                return _Ending(state=OutboxState.UNCERTAIN, reply=str(silence), unanswered=True)
            due_at = self._clock() + timedelta(seconds=self._settings.retry_seconds)
            return _Ending(state=OutboxState.QUEUED, reply=str(silence), due_at=due_at, unanswered=True)
        except Exception as error:
            # Whatever else happens is temporary: only a 5xx answer to this letter is the end of it.
            reply = str(error) or type(error).__name__
            if isinstance(error, TryLater) and error.unreachable:
                self.trouble = reply
            elif not isinstance(error, TryLater):
                _log.exception("outbox %d (%s) cannot be sent", mail.id, mail.kind)
            next_try = outbox.next_attempt(
                mail.attempts, mail.tried_since, self._clock(), first_seconds=self._settings.retry_seconds
            )
            if next_try:
                return _Ending(state=OutboxState.QUEUED, reply=reply, due_at=next_try)
            return _Ending(state=OutboxState.UNCERTAIN if mail.unanswered else OutboxState.FAILED, reply=reply)
        self.trouble = ""
        return _Ending(state=OutboxState.SENT, reply=reply, relay_id=relay_id(reply))

    async def close(self) -> None:
        """Let go of the relay's connections that nobody is sending over."""
        await self._senders.close()


@asynccontextmanager
async def delivering(settings: Settings, database: Database, tokens: Tokens | None = None) -> AsyncIterator[Courier]:
    """Run a courier meanwhile. On leaving, the letters under way get some seconds to be settled.

    `tokens` is where the relay's access token comes from, if it wants one.
    """
    courier = Courier(settings, database, tokens=tokens)
    task = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        courier.stop()
        await asyncio.wait({task}, timeout=_STOP_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await courier.close()
