"""An archive on its way into a real database: what becomes of its mails, and that nothing is owed to anybody."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from gateway import importing as service
from gateway import people
from gateway.config import Settings
from gateway.conversations import list_messages
from gateway.database import Database
from gateway.model import Actor, Delivery, Mailbox, Outcome, Source
from gateway.schema import answers, intake, outbox, raw_mails, tickets
from mail import importing
from mail.importing import Tally, import_archive
from mail.intake import Mailroom
from mail.worker import reading
from tests.builders import DESK, a_mail

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAFF = Actor(person_id=1, username="olga", is_staff=True, is_admin=True)
MARIA, OLGA, SUPPLIER = "maria@customer.example", "olga@desk.example", "sam@supplier.example"

Import = Callable[..., Awaitable[Tally]]


def at(day: int) -> str:
    return f"{day} May 2020 12:00:00 +0000"


OPENER = a_mail(name="ant", date=at(1))
ANSWER = a_mail(name="bee", date=at(2), sender=DESK, to=MARIA, text="Off.", in_reply_to="<ant@customer.example>")
REPLY = a_mail(
    name="cat", date=at(3), text="Still on fire.", references="<ant@customer.example> <bee@customer.example>"
)
THANKS = a_mail(name="dog", date=at(4), text="Out.", references="<lost@desk.example> <cat@customer.example>")


@pytest.fixture
def take(settings: Settings, database: Database, tmp_path: Path) -> Import:
    """Import mails from a folder of `.eml` files, in this order."""

    async def run(*mails: bytes) -> Tally:
        folder = tmp_path / f"archive{random.getrandbits(32)}"
        folder.mkdir()
        for number, mail in enumerate(mails):
            (folder / f"{number:04}.eml").write_bytes(mail)
        tally = Tally()
        await import_archive(settings, folder, progress=lambda *_: None, clock=lambda: NOW, tally=tally)
        return tally

    return run


async def rows(database: Database, query: Any) -> list[Any]:
    async def read(connection: Any) -> list[Any]:
        return list(await connection.execute(query))

    return await database.read(read)


async def story(database: Database, ticket_id: int = 1) -> list[tuple[str, str, str]]:
    messages = await database.read(lambda connection: list_messages(connection, actor=STAFF, ticket_id=ticket_id))
    return [(message.kind, message.author.address, message.message) for message in messages]


async def outcomes(database: Database) -> list[str]:
    return [row.outcome for row in await rows(database, select(intake.c.outcome).order_by(intake.c.id))]


async def hire(database: Database, email: str = OLGA) -> None:
    await database.write(
        lambda connection: people.make_admin(
            connection, username=email.partition("@")[0], email=email, password_hash="x", now=NOW
        )
    )


@pytest.mark.parametrize("mails", list(permutations([OPENER, ANSWER, REPLY, THANKS]))[::5])
async def test_a_conversation_is_one_ticket_whatever_the_order(
    mails: tuple[bytes, ...], take: Import, database: Database
) -> None:
    tally = await take(*mails)
    assert tally.words() == "4 mails: 1 ticket, 3 answers"
    assert await story(database) == [
        ("ticket", MARIA, "It says PC LOAD LETTER."),
        ("answer", DESK, "Off."),
        ("answer", MARIA, "Still on fire."),
        ("answer", MARIA, "Out."),
    ]
    (ticket,) = await rows(database, select(tickets))
    assert (ticket.created_at, ticket.status, ticket.trust) == (datetime(2020, 5, 1, 12, tzinfo=UTC), "u", "imported")
    dates = await rows(database, select(answers.c.created_at).order_by(answers.c.id))
    assert [row.created_at.day for row in dates] == [2, 3, 4]
    ledger = await rows(database, select(intake))
    assert {(row.source, row.trust, row.received_at) for row in ledger} == {("import", "imported", NOW)}
    assert await rows(database, select(outbox)) == []


async def test_importing_again_changes_nothing_and_goes_on_where_it_was_broken_off(
    take: Import, database: Database
) -> None:
    await take(ANSWER, OPENER)
    tally = await take(THANKS, REPLY, ANSWER, OPENER.replace(b"\r\n", b"\n"))
    assert tally.words() == "4 mails: 0 tickets, 2 answers, 2 known already"
    assert [kind for kind, _, _ in await story(database)] == ["ticket", "answer", "answer", "answer"]
    assert (await take(OPENER, OPENER, REPLY)).known == 3
    assert len(await outcomes(database)) == 4


async def test_an_archive_joins_what_has_arrived_by_mail(take: Import, settings: Settings, database: Database) -> None:
    async with reading() as reader:
        await Mailroom(settings, database, reader).take(Delivery(raw=REPLY, source=Source.SMTP))
    before = len(await rows(database, select(outbox)))
    tally = await take(OPENER, ANSWER, REPLY)
    assert tally.words() == "3 mails: 0 tickets, 2 answers, 1 known already"
    assert len(await rows(database, select(tickets))) == 1
    assert len(await rows(database, select(outbox))) == before


async def test_staff_are_the_desk_and_third_parties_have_tickets_of_their_own(take: Import, database: Database) -> None:
    await hire(database)
    thread = {"references": "<ant@customer.example>"}
    await take(
        OPENER,
        a_mail(name="bee", date=at(2), sender=f"Olga <{OLGA}>", to=f"{MARIA}, {DESK}", text="Off.", **thread),
        a_mail(name="cat", date=at(3), sender=OLGA, to=DESK, text="She is angry.", **thread),
        a_mail(name="dog", date=at(4), sender=OLGA, to=SUPPLIER, subject="Fire", text="Your printer burns.", **thread),
        a_mail(name="eel", date=at(5), sender=SUPPLIER, text="Never heard.", references="<dog@customer.example>"),
        a_mail(
            name="fox",
            date=at(6),
            sender=DESK,
            to=MARIA,
            text="Got it.",
            auto_submitted="auto-replied",
            **thread,
        ),
        a_mail(name="gnu", date=at(7), sender="eve@customer.example", text="I read along.", **thread),
    )
    assert await story(database, 1) == [
        ("ticket", MARIA, "It says PC LOAD LETTER."),
        ("answer", OLGA, "Off."),
        ("note", OLGA, "She is angry."),
        ("note", DESK, "Got it."),
    ]
    assert await story(database, 2) == [
        ("ticket", SUPPLIER, "Fire"),
        ("answer", OLGA, "Your printer burns."),
        ("answer", SUPPLIER, "Never heard."),
    ]
    assert await story(database, 3) == [("ticket", "eve@customer.example", "I read along.")]
    assert await outcomes(database) == ["ticket", "answer", "answer", "ticket", "answer", "automatic", "ticket"]
    assert await rows(database, select(outbox)) == []


async def test_thousands_of_old_answers_of_the_desk_are_never_held(take: Import, database: Database) -> None:
    await take(
        *(a_mail(name=f"a{n}", date=at(1), sender=f"c{n}@customer.example") for n in range(110)),
        *(a_mail(name=f"b{n}", date=at(2), sender=f"Us <{DESK}>", to=f"c{n}@customer.example",
                 in_reply_to=f"<a{n}@customer.example>") for n in range(110)),
        *(a_mail(name=f"n{n}", date=at(3), sender=DESK, to=f"c{n}@customer.example",
                 auto_submitted="auto-generated") for n in range(5)),
        a_mail(name="self", date=at(4), sender=DESK, to=DESK),
    )  # fmt: skip
    found = await outcomes(database)
    assert {outcome: found.count(outcome) for outcome in set(found)} == {"ticket": 111, "answer": 110, "automatic": 5}
    counts = select(answers.c.ticket_id, func.count()).group_by(answers.c.ticket_id)
    assert {count for _, count in await rows(database, counts)} == {1}


async def test_an_id_in_the_subject_counts_in_the_archive_and_for_tickets_that_were_there(
    take: Import, settings: Settings, database: Database
) -> None:
    async with reading() as reader:
        await Mailroom(settings, database, reader).take(Delivery(raw=a_mail(name="now"), source=Source.SMTP))
    await database.write(
        lambda connection: connection.execute(update(tickets).values(created_at=datetime(2020, 5, 10, tzinfo=UTC)))
    )
    await take(
        # Another system's number 1, from before our number 1 was given; then our own.
        a_mail(name="ant", date=at(1), subject="Old [#1]", text="old"),
        a_mail(name="bee", date=at(2), subject="Re: Old [#1]", text="still old"),
        a_mail(name="cat", date=at(3), subject="Re: Old [#1]", sender="eve@customer.example", text="hers"),
        a_mail(name="dog", date=at(20), subject="[#7]", text="no such"),
    )
    assert [message for _, _, message in await story(database, 2)] == ["old", "still old"]
    assert [message for _, _, message in await story(database, 3)] == ["hers"]
    assert [message for _, _, message in await story(database, 1)] == ["It says PC LOAD LETTER."]
    await take(a_mail(name="elk", date=at(21), subject="[Desk #1]", text="ours", sender=MARIA.upper()))
    assert [message for _, _, message in await story(database, 1)] == ["It says PC LOAD LETTER.", "ours"]


async def test_a_mail_that_staff_passed_on_is_its_first_writers(take: Import, database: Database) -> None:
    await hire(database)
    text = "Please look.\n\n---------- Forwarded message ---------\nFrom: Maria <maria@customer.example>\n"
    text += "Date: Fri, May 1, 2020 at 12:00 PM\nSubject: Fire\nTo: <olga@desk.example>\n\nIt burns.\n"
    await take(a_mail(name="fwd", date=at(5), sender=OLGA, subject="Fwd: Fire", text=text))
    assert await story(database) == [("ticket", MARIA, "It burns."), ("note", OLGA, "Please look.")]


async def test_reports_unreadable_and_unknown_senders_are_kept(take: Import, database: Database) -> None:
    from tests.builders import a_delivery_report

    tally = await take(
        a_delivery_report(action="failed", status="5.1.1"),
        a_mail(name="two", sender="a@x.example, b@x.example"),
        b"   \r\n\r\n ",
    )
    assert tally.outcomes == {Outcome.BOUNCE: 1, Outcome.TICKET: 1}
    (ticket,) = await rows(database, select(tickets))
    owner = await database.read(lambda connection: people.get_person(connection, ticket.customer_id))
    assert owner
    assert (owner.username, owner.email) == ("unknown sender", "")


@pytest.mark.settings(HELPDESK_MAX_MESSAGE_BYTES="2000")
async def test_a_mail_above_the_limit_is_listed_as_refused(take: Import, database: Database) -> None:
    large = a_mail(name="whale", text="x" * 5000)
    assert (await take(large, OPENER)).words() == "2 mails: 1 ticket, 0 answers, 1 too large"
    assert (await take(large, OPENER)).known == 2
    row = (await rows(database, select(intake).where(intake.c.outcome == "refused")))[0]
    assert (row.message_id, row.size_bytes, row.ticket_id) == ("whale@customer.example", len(large), None)
    assert len(await rows(database, select(raw_mails))) == 1


async def test_the_one_bad_mail_of_a_batch_is_kept_as_failed(
    take: Import, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = service.import_mails

    async def trip(connection: Any, settings: Any, *, mails: Any, **rest: Any) -> Any:
        done = await real(connection, settings, mails=mails, **rest)
        if any(mail.reading.message and mail.reading.message.subject == "bad" for mail in mails):
            raise ValueError("too odd")
        return done

    monkeypatch.setattr(importing.importing, "import_mails", trip)
    tally = await take(OPENER, a_mail(name="bad", subject="bad", date=at(2)), ANSWER, REPLY, THANKS)
    assert tally.words() == "5 mails: 1 ticket, 3 answers, 1 failed"
    (row,) = await rows(database, select(intake).where(intake.c.outcome == "failed"))
    assert row.reason == "cannot be stored as a message: ValueError"
    assert len(await rows(database, select(raw_mails))) == 5


async def test_trouble_of_the_database_comes_out_and_what_is_committed_stays(
    take: Import, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = service.import_mails
    monkeypatch.setattr(importing, "BATCH_MAILS", 2)

    async def break_down(connection: Any, settings: Any, *, mails: Any, **rest: Any) -> Any:
        if any(mail.reading.message.message_id == "cat@customer.example" for mail in mails):
            raise OperationalError("disk I/O error", {}, Exception())
        return await real(connection, settings, mails=mails, **rest)

    monkeypatch.setattr(importing.importing, "import_mails", break_down)
    with pytest.raises(OperationalError):
        await take(OPENER, ANSWER, REPLY, THANKS)
    assert await outcomes(database) == ["ticket", "answer"]
    monkeypatch.undo()
    assert (await take(OPENER, ANSWER, REPLY, THANKS)).words() == "4 mails: 0 tickets, 2 answers, 2 known already"
    assert len(await rows(database, select(tickets))) == 1


async def test_many_people_are_found_or_made_at_once(database: Database) -> None:
    addresses = ["Eve@customer.example", MARIA]
    made = await database.write(lambda connection: people.ensure_customers(connection, addresses, NOW))
    assert made["eve@customer.example"].email == "Eve@customer.example"
    again = await database.write(lambda connection: people.ensure_customers(connection, [*addresses, OLGA], NOW))
    assert {key: again[key] for key in made} == made
    one = Mailbox(address="eve@customer.example")
    assert await database.write(lambda connection: people.ensure_customer(connection, one, NOW)) == made[one.address]
