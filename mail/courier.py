"""The courier: the loop that pays what the outbox owes.

It claims due mails under a lease, composes and sends each, and settles it. Mails about one ticket go one after the
other, in order; different tickets side by side. A commit wakes it at once, and it looks every second anyway, because
a wake-up is only a hint and another process may have written the row. What cannot be composed is set aside as failed:
a broken template never keeps other mail back. It sends at least once: a courier that dies after the relay took a
letter leaves a lease that runs out, and the letter goes again with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from gateway import outbox
from gateway.config import Settings
from gateway.database import Database
from gateway.model import Outbound, OutboxState
from mail.compose import Composer
from mail.intake import utc_now
from mail.relay import RefusedForGood, Sender, TryLater, open_sender

_BATCH = 40
_SENDERS = 4
_LEASE = timedelta(seconds=45)
_HEARTBEAT_SECONDS = 15
_POLL_SECONDS = 1.0
_TROUBLE_PAUSE_SECONDS = 5.0
_STOP_SECONDS = 8
_log = logging.getLogger("helpdesk.courier")


class Courier:
    """One courier of one process; `trouble` says why the relay takes nothing at the moment."""

    def __init__(self, settings: Settings, database: Database, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.trouble = ""
        self._stopping = False
        self._settings = settings
        self._database = database
        self._clock = clock
        self._composer = Composer(settings)
        self._senders: asyncio.Queue[Sender] = asyncio.Queue()
        for _ in range(_SENDERS):
            self._senders.put_nowait(open_sender(settings.relay, settings.support_domain))

    async def run(self) -> None:
        """Work until `stop`, or until cancelled. An error of ours is logged and tried again after a pause."""
        if self._database.is_embedded:
            await self._patiently(self._take_over)
        while not self._stopping:
            self._database.committed.clear()
            if not await self._patiently(self.pay_due):
                await self.close()
                await self._wait()

    def stop(self) -> None:
        """Ask the loop to end once the batch under way is settled."""
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
        return await self._database.write(outbox.release_leases)

    async def pay_due(self) -> int:
        """Send what is due now, up to a batch; returns how many were claimed. All are settled when it returns."""
        now = self._clock()
        if not await self._database.read(lambda connection: outbox.is_any_due(connection, now=now)):
            return 0
        batch = await self._database.write(
            lambda connection: outbox.claim_due(connection, now=now, lease=_LEASE, count=_BATCH)
        )
        by_ticket: dict[int, list[Outbound]] = defaultdict(list)
        for mail in batch:
            by_ticket[mail.ticket_id or -mail.id].append(mail)
        heartbeat = asyncio.create_task(self._keep_leases([mail.id for mail in batch]))
        try:
            async with asyncio.TaskGroup() as group:
                for mails in by_ticket.values():
                    group.create_task(self._pay_in_order(mails))
        finally:
            heartbeat.cancel()
        return len(batch)

    async def _keep_leases(self, ids: list[int]) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            until = self._clock() + _LEASE
            try:
                await self._database.write(lambda connection: outbox.extend_lease(connection, ids, until=until))  # noqa: B023
            except Exception:
                _log.exception("leases could not be extended")

    async def _pay_in_order(self, mails: Iterable[Outbound]) -> None:
        sender = await self._senders.get()
        try:
            for mail in mails:
                await self._pay(sender, mail)
        finally:
            self._senders.put_nowait(sender)

    async def _pay(self, sender: Sender, mail: Outbound) -> None:
        due_at = None
        try:
            letter = self._composer.compose(mail)
        except Exception as error:
            _log.exception("outbox %d (%s) cannot be composed", mail.id, mail.kind)
            state, reply = OutboxState.FAILED, f"cannot be composed: {type(error).__name__}: {error}"
        else:
            try:
                reply = await sender.send(letter)
                state, self.trouble = OutboxState.SENT, ""
            except RefusedForGood as refusal:
                state, reply, self.trouble = OutboxState.FAILED, str(refusal), ""
            except Exception as error:
                # Whatever else happens is temporary: only a 5xx answer to this letter is the end of it.
                reply = str(error) or type(error).__name__
                if isinstance(error, TryLater) and error.unreachable:
                    self.trouble = reply
                due_at = outbox.next_attempt(
                    mail.attempts,
                    mail.created_at,
                    self._clock(),
                    first_seconds=self._settings.retry_seconds,
                )
                state = OutboxState.QUEUED if due_at else OutboxState.FAILED
        log = _log.info if state is OutboxState.SENT else _log.warning
        log("outbox=%d kind=%s state=%s attempts=%d reply=%r", mail.id, mail.kind, state, mail.attempts, reply)
        now = self._clock()
        await self._database.write(
            lambda connection: outbox.settle(connection, mail.id, state, reply=reply, now=now, due_at=due_at)
        )

    async def close(self) -> None:
        """Let go of the relay's connections that nobody is sending over."""
        for _ in range(self._senders.qsize()):
            sender = self._senders.get_nowait()
            await sender.close()
            self._senders.put_nowait(sender)


@asynccontextmanager
async def delivering(settings: Settings, database: Database) -> AsyncIterator[Courier]:
    """Run a courier meanwhile. On leaving, the letters under way get some seconds to be settled."""
    courier = Courier(settings, database)
    task = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        courier.stop()
        await asyncio.wait({task}, timeout=_STOP_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await courier.close()
