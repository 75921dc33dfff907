"""The outbox: leases, the schedule of tries, and gathering of notices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import outbox, people
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.model import Audience, Mailbox, Outbound, OutboxKind, OutboxState, Person
from gateway.outbox import next_attempt
from gateway.schema import outbox as table

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEASE = timedelta(seconds=45)


@pytest.fixture
def desk(tmp_path: Path) -> Settings:
    return load_settings({"HELPDESK_STAFF_NOTICE_LIMIT": "2/h"}, tmp_path)


@pytest.fixture
def names() -> Iterator[str]:
    return (f"{number:010}" for number in count())


async def _owe(database: Database, settings: Settings, names: Iterator[str], at: datetime = NOW) -> Person:
    async def work(connection: AsyncConnection) -> Person:
        person = await people.ensure_customer(connection, Mailbox(address="ant@x.example"), at)
        await outbox.enqueue(
            connection,
            settings,
            kind=OutboxKind.RECEIPT,
            person=person,
            audience=Audience.CUSTOMER,
            context={},
            now=at,
            new_name=lambda: next(names),
        )
        return person

    return await database.write(work)


async def _claim(database: Database, at: datetime, most: int = 10) -> list[Outbound]:
    return await database.write(lambda connection: outbox.claim_due(connection, now=at, lease=LEASE, count=most))


async def _settle(database: Database, mail: Outbound, state: OutboxState, due_at: datetime | None = None) -> None:
    await database.write(lambda connection: outbox.settle(connection, mail, state, reply="x", now=NOW, due_at=due_at))


async def test_a_claimed_mail_is_nobody_elses_until_its_lease_runs_out(
    database: Database, desk: Settings, names: Iterator[str]
) -> None:
    await _owe(database, desk, names)
    [first] = await _claim(database, NOW)
    assert await _claim(database, NOW) == []
    assert await _claim(database, NOW + LEASE - timedelta(seconds=1)) == []
    [again] = await _claim(database, NOW + LEASE)
    assert (again.message_id, again.attempts) == (first.message_id, 2)


async def test_a_lease_can_be_kept_and_released(database: Database, desk: Settings, names: Iterator[str]) -> None:
    await _owe(database, desk, names)
    [mail] = await _claim(database, NOW)
    await database.write(lambda connection: outbox.extend_lease(connection, [mail], until=NOW + 2 * LEASE))
    assert await _claim(database, NOW + LEASE) == []
    assert await database.write(outbox.release_leases) == 1
    assert len(await _claim(database, NOW)) == 1


async def test_what_is_settled_is_not_claimed_again(database: Database, desk: Settings, names: Iterator[str]) -> None:
    for _ in range(3):
        await _owe(database, desk, names)
    sent, refused, later = await _claim(database, NOW)
    await _settle(database, sent, OutboxState.SENT)
    await _settle(database, refused, OutboxState.FAILED)
    await _settle(database, later, OutboxState.QUEUED, NOW + timedelta(minutes=5))
    assert await _claim(database, NOW + timedelta(minutes=4)) == []
    assert [mail.id for mail in await _claim(database, NOW + timedelta(minutes=5))] == [later.id]
    assert [mail.id for mail in await _claim(database, NOW + timedelta(days=1))] == [later.id]


async def test_who_lost_his_lease_settles_nothing(database: Database, desk: Settings, names: Iterator[str]) -> None:
    await _owe(database, desk, names)
    [lost] = await _claim(database, NOW)
    [taken] = await _claim(database, NOW + LEASE)
    await _settle(database, lost, OutboxState.QUEUED, NOW)
    await database.write(lambda connection: outbox.extend_lease(connection, [lost], until=NOW + timedelta(days=1)))
    assert await _claim(database, NOW + LEASE) == [], "the second courier still has it"
    await _settle(database, taken, OutboxState.SENT)
    assert await _claim(database, NOW + timedelta(days=1)) == []


async def test_mails_are_claimed_oldest_first_in_batches(
    database: Database, desk: Settings, names: Iterator[str]
) -> None:
    for _ in range(5):
        await _owe(database, desk, names)
    ids = [mail.id for _ in range(3) for mail in await _claim(database, NOW, most=2)]
    assert ids == sorted(ids)
    assert len(ids) == 5


async def test_above_the_limit_notices_are_gathered_into_one_mail(
    database: Database, desk: Settings, names: Iterator[str]
) -> None:
    person = await _owe(database, desk, names)

    async def notice(number: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            await outbox.owe_notice(
                connection,
                desk,
                person=person,
                ticket_id=ticket_id,
                answer_id=None,
                context={"subject": f"mail {number}", "author": "x"},
                references=(),
                now=NOW,
                new_name=lambda: next(names),
            )

        await database.write(work)

    from gateway import tickets
    from gateway.model import Via

    ticket_id = await database.write(
        lambda connection: tickets.open_ticket(
            connection,
            desk,
            customer=person,
            message="x",
            via=Via.API,
            now=NOW,
            new_name=lambda: next(names),
        )
    )
    for number in range(250):
        await notice(number)

    async def look(connection: AsyncConnection) -> list[tuple[str, int, datetime]]:
        rows = await connection.execute(select(table).where(table.c.kind != OutboxKind.RECEIPT).order_by(table.c.id))
        return [(row.kind, len(row.context.get("items", ())) + row.context.get("more", 0), row.due_at) for row in rows]

    rows = await database.read(look)
    assert [kind for kind, _, _ in rows] == ["notice", "notice", "digest"]
    assert rows[2] == ("digest", 248, NOW + timedelta(minutes=10))


def test_tries_come_after_growing_pauses_for_five_days() -> None:
    pauses, now, attempts = [], NOW, 1
    while (due := next_attempt(attempts, NOW, now, first_seconds=300)) is not None:
        pauses.append((due - now).total_seconds())
        now, attempts = due, attempts + 1
    assert pauses[:6] == [300, 600, 1200, 2400, 4000, 4000]
    assert timedelta(days=5) <= now - NOW < timedelta(days=5, hours=2)


@pytest.mark.parametrize(("first", "pauses"), [(1, [1, 2, 4]), (86400, [86400, 86400, 86400])])
def test_the_first_pause_is_a_setting(first: int, pauses: list[int]) -> None:
    for attempts, pause in enumerate(pauses, 1):
        assert next_attempt(attempts, NOW, NOW, first_seconds=first) == NOW + timedelta(seconds=pause)
    assert next_attempt(10_000, NOW, NOW, first_seconds=first) is not None
