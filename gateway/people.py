"""People: accounts that sign in, and addresses that write by mail.

An account claims its address when it registers; the address is its own only when the link mailed to it was opened,
or an operator vouched for it. Until then mail from that address belongs to a person of its own, so that nobody
reads somebody's tickets by registering with his address (contract 4.6). The link is mailed once there is something
to join: at registration if the address has written before, else when it first writes. When it is opened, the
tickets and answers of the mail-made person become the account's.

Deliberately not here: passwords (`passwords`), logins (`logins`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import outbox
from gateway.config import Settings
from gateway.errors import Conflict, InvalidFields, NotAllowed, NotFound
from gateway.model import Actor, Audience, Mailbox, OutboxKind, Person, drop_controls, fold_key
from gateway.schema import answers, insert_or_skip, people, tickets
from gateway.schema import outbox as outbox_table

_CONFIRM_LIFE = timedelta(days=7)
_UNKNOWN_SENDER = "unknown sender"

COLUMNS = (
    people.c.id,
    people.c.username,
    people.c.email,
    people.c.is_active,
    people.c.is_staff,
    people.c.is_admin,
    people.c.is_account,
    people.c.owns_address,
)


def person_of(row: Any) -> Person:
    """The frozen value of a row of COLUMNS."""
    return Person(
        id=row.id,
        username=row.username,
        email=row.email,
        is_active=row.is_active,
        is_staff=row.is_staff,
        is_admin=row.is_admin,
        is_account=row.is_account,
        owns_address=row.owns_address,
    )


async def _one(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> Person | None:
    row = (await connection.execute(select(*COLUMNS).where(*conditions).limit(1))).first()
    return person_of(row) if row else None


async def get_person(connection: AsyncConnection, person_id: int, *, lock: bool = False) -> Person | None:
    """The person with this id; where it was joined with an account, that account. With `lock`, nobody joins him
    until this unit has ended."""
    query = select(*COLUMNS, people.c.merged_into).where(people.c.id == person_id)
    row = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).first()
    if row is None:
        return None
    return await get_person(connection, row.merged_into, lock=lock) if row.merged_into else person_of(row)


async def owner_of(connection: AsyncConnection, address: str) -> Person | None:
    """Who is known to own the address. Until this unit has ended, nobody joins him with an account, and no other unit
    counts what he is owed.

    The lock (PostgreSQL's FOR NO KEY UPDATE; SQLite has one lane anyway) is the strongest that goes well with rows
    of other units that refer to him, and it is taken first, so that no two units wait for each other.
    """
    owner = (
        select(*COLUMNS)
        .where(people.c.email_key == fold_key(address), people.c.owns_address)
        .with_for_update(key_share=True)
    )
    row = (await connection.execute(owner)).first()
    if row is None and connection.dialect.name == "postgresql":
        # Who was waited for may have been joined with an account meanwhile, which only a new statement sees.
        row = (await connection.execute(owner)).first()
    return person_of(row) if row else None


async def staff_at(connection: AsyncConnection, address: str) -> Person | None:
    """The active staff member who has the address, proven or claimed."""
    return await _one(
        connection,
        people.c.email_key == fold_key(address),
        people.c.is_active,
        people.c.merged_into.is_(None),
        or_(people.c.is_staff, people.c.is_admin),
    )


async def ensure_customer(connection: AsyncConnection, sender: Mailbox, now: datetime) -> Person:
    """The owner of the sender's address, made if there is none yet.

    A sender who cannot be named without doubt is one nobody in particular, who has no address and gets no mail.
    """
    if not sender.address:
        return await _ensure_unknown(connection, now)
    if known := await owner_of(connection, sender.address):
        return known
    await connection.execute(
        insert_or_skip(connection, people).values(**_mail_person(sender.address, sender.address, now))
    )
    made = await owner_of(connection, sender.address)
    assert made is not None
    return made


async def ensure_customers(connection: AsyncConnection, addresses: Iterable[str], now: datetime) -> dict[str, Person]:
    """The owners of many addresses, by the folded address, made where there are none yet."""
    wanted = {fold_key(address): address for address in addresses}
    if not wanted:
        return {}
    owners = (
        select(*COLUMNS)
        .where(people.c.email_key.in_(list(wanted)), people.c.owns_address)
        .order_by(people.c.id)
        .with_for_update(key_share=True)
    )
    found = {fold_key(row.email): person_of(row) for row in await connection.execute(owners)}
    if missing := [_mail_person(address, address, now) for key, address in wanted.items() if key not in found]:
        await connection.execute(insert_or_skip(connection, people), missing)
        found = {fold_key(row.email): person_of(row) for row in await connection.execute(owners)}
    return found


async def all_staff(connection: AsyncConnection) -> dict[str, Person]:
    """Every active staff member, by the folded address, proven or claimed."""
    return {fold_key(person.email): person for person in await staff_but(connection, None)}


async def _ensure_unknown(connection: AsyncConnection, now: datetime) -> Person:
    nobody = people.c.username_key == _UNKNOWN_SENDER, people.c.email == "", ~people.c.is_account
    if known := await _one(connection, *nobody):
        return known
    await connection.execute(insert_or_skip(connection, people).values(**_mail_person(_UNKNOWN_SENDER, "", now)))
    made = await _one(connection, *nobody)
    assert made is not None
    return made


def _mail_person(username: str, address: str, now: datetime) -> dict[str, Any]:
    return {
        "username": username,
        "username_key": fold_key(username),
        "email": address,
        "email_key": fold_key(address),
        "is_account": False,
        "owns_address": True,
        "is_active": True,
        "is_staff": False,
        "is_admin": False,
        "created_at": now,
    }


async def register(
    connection: AsyncConnection,
    settings: Settings,
    *,
    username: str,
    email: str,
    password_hash: str,
    now: datetime,
    new_name: outbox.NewName,
) -> Person:
    """Make an account. Raises InvalidFields where the name or the address belongs to an account already.

    Where the address has written by mail before, the link that joins the two is owed in the same commit. What the
    caller sees is the same either way.
    """
    account = await _insert_account(connection, username, email, password_hash, now)
    if await owner_of(connection, email):
        await owe_confirmation(connection, settings, account, now=now, new_name=new_name)
    return account


async def _insert_account(
    connection: AsyncConnection, username: str, email: str, password_hash: str, now: datetime
) -> Person:
    row = (
        await connection.execute(
            insert_or_skip(connection, people)
            .values(
                username=username,
                username_key=fold_key(username),
                email=email,
                email_key=fold_key(email),
                password_hash=password_hash,
                is_account=True,
                owns_address=False,
                is_active=True,
                is_staff=False,
                is_admin=False,
                created_at=now,
            )
            .returning(*COLUMNS)
        )
    ).first()
    if row:
        return person_of(row)
    mistakes: dict[str, list[str]] = {}
    if await _one(connection, people.c.username_key == fold_key(username), people.c.is_account):
        mistakes["username"] = ["A user with that username already exists."]
    if await _one(connection, people.c.email_key == fold_key(email), people.c.is_account):
        mistakes["email"] = ["A user with that email already exists."]
    raise InvalidFields(mistakes)


async def owe_confirmation(
    connection: AsyncConnection, settings: Settings, account: Person, *, now: datetime, new_name: outbox.NewName
) -> None:
    """Owe the link that proves the account's address, unless a valid one was mailed already."""
    recent = select(outbox_table.c.id).where(
        outbox_table.c.person_id == account.id,
        outbox_table.c.kind == OutboxKind.CONFIRM,
        outbox_table.c.created_at > now - _CONFIRM_LIFE,
    )
    if (await connection.execute(recent.limit(1))).first():
        return
    await outbox.enqueue(
        connection,
        settings,
        kind=OutboxKind.CONFIRM,
        person=account,
        audience=Audience.CUSTOMER,
        context={"username": account.username, "expires_at": int((now + _CONFIRM_LIFE).timestamp())},
        now=now,
        new_name=new_name,
    )


async def claiming_account(connection: AsyncConnection, address: str) -> Person | None:
    """The account that claims this address without having proven it."""
    return await _one(connection, people.c.email_key == fold_key(address), people.c.is_account, ~people.c.owns_address)


def confirmation_secret(key: bytes, *, person_id: int, email: str, expires_at: int) -> str:
    """The secret in a confirmation link: signed, bound to account and address, valid until `expires_at` (Unix time)."""
    bound = f"confirm|{person_id}|{fold_key(email)}|{expires_at}".encode()
    return f"{person_id}-{expires_at}-{hmac.new(key, bound, hashlib.sha256).hexdigest()}"


async def confirm_address(connection: AsyncConnection, settings: Settings, secret: str, *, now: datetime) -> Person:
    """Prove an account's address by the secret from its link, and join what that address wrote by mail.

    Doing it twice changes nothing. Raises NotFound for a secret that is wrong, foreign or too old.
    """
    person_id, _, rest = secret.partition("-")
    expires_at = rest.partition("-")[0]
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in (person_id, expires_at)):
        raise NotFound
    account = await _one(connection, people.c.id == int(person_id), people.c.is_account, people.c.is_active)
    made = confirmation_secret(
        settings.secret_key,
        person_id=int(person_id),
        email=account.email if account else "",
        expires_at=int(expires_at),
    )
    if not hmac.compare_digest(made.encode(), secret.encode()) or account is None:
        raise NotFound
    if datetime.fromtimestamp(int(expires_at), UTC) < now:
        raise NotFound
    await own_address(connection, account)
    return account


async def own_address(connection: AsyncConnection, account: Person) -> None:
    """Make the account the owner of its address; what a mail-made owner wrote becomes the account's."""
    former = await owner_of(connection, account.email)
    if former and former.id != account.id:
        await connection.execute(
            update(people).where(people.c.id == former.id).values(owns_address=False, merged_into=account.id)
        )
        await connection.execute(
            update(tickets).where(tickets.c.customer_id == former.id).values(customer_id=account.id)
        )
        await connection.execute(update(answers).where(answers.c.author_id == former.id).values(author_id=account.id))
    await connection.execute(update(people).where(people.c.id == account.id).values(owns_address=True))


async def make_admin(
    connection: AsyncConnection, *, username: str, email: str, password_hash: str | None, now: datetime
) -> tuple[Person, bool]:
    """Create an administrator, or promote the account of that name. The operator vouches for the address.

    `password_hash` is set if given; a new account must have one. Returns the person, and whether it is new.
    Raises InvalidFields where the address belongs to another account.
    """
    known = await _one(connection, people.c.username_key == fold_key(username), people.c.is_account)
    if known and fold_key(known.email) != fold_key(email):
        raise InvalidFields({"email": [f"The user {known.username} has another address, {known.email}."]})
    if known is None:
        assert password_hash is not None
        account = await _insert_account(connection, username, email, password_hash, now)
    else:
        account = known
    values: dict[str, Any] = {"is_staff": True, "is_admin": True, "is_active": True}
    if password_hash:
        values["password_hash"] = password_hash
    await connection.execute(update(people).where(people.c.id == account.id).values(**values))
    await own_address(connection, account)
    return account, known is None


async def find_account(connection: AsyncConnection, username: str) -> tuple[Person, str] | None:
    """The account of that name, with its password hash."""
    row = (
        await connection.execute(
            select(*COLUMNS, people.c.password_hash).where(
                people.c.username_key == fold_key(username), people.c.is_account
            )
        )
    ).first()
    return (person_of(row), row.password_hash or "") if row else None


async def list_people(
    connection: AsyncConnection, actor: Actor, *, search: str, before_id: int | None, count: int
) -> list[Person]:
    """People whose name or address holds `search` (its letters as they are, no wildcards), newest first."""
    if not actor.is_admin:
        raise NotAllowed
    query = select(*COLUMNS).where(people.c.merged_into.is_(None)).order_by(people.c.id.desc()).limit(count)
    if before_id is not None:
        query = query.where(people.c.id < before_id)
    if search:
        key = drop_controls(fold_key(search))
        query = query.where(
            or_(people.c.username_key.contains(key, autoescape=True), people.c.email_key.contains(key, autoescape=True))
        )
    return [person_of(row) for row in await connection.execute(query)]


async def set_staff(connection: AsyncConnection, actor: Actor, person_id: int, *, is_staff: bool) -> Person:
    """Promote or demote; effective at the person's next request."""
    if not actor.is_admin:
        raise NotAllowed
    known = await _one(connection, people.c.id == person_id, people.c.merged_into.is_(None))
    if known is None:
        raise NotFound
    if not known.email:
        raise Conflict("Mail whose sender is unknown cannot be made staff.")
    row = (
        await connection.execute(
            update(people).where(people.c.id == person_id).values(is_staff=is_staff).returning(*COLUMNS)
        )
    ).one()
    return person_of(row)


def notices_secret(key: bytes, person_id: int) -> str:
    """The secret in the link by which a staff member switches his notices off and on; it never runs out, as a mail that
    names it may be opened years later, and grants nothing else."""
    return f"{person_id}-{hmac.new(key, f'notices|{person_id}'.encode(), hashlib.sha256).hexdigest()}"


async def holder_of_notices(connection: AsyncConnection, settings: Settings, secret: str) -> Person:
    """Whose notices a link is about. Raises NotFound for a secret that is wrong."""
    digits = secret.partition("-")[0]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise NotFound
    if not hmac.compare_digest(notices_secret(settings.secret_key, int(digits)).encode(), secret.encode()):
        raise NotFound
    person = await get_person(connection, int(digits))
    if person is None:
        raise NotFound
    return person


async def switch_notices(connection: AsyncConnection, settings: Settings, secret: str, *, on: bool) -> None:
    """Send a staff member notices or not, by the link from one of them. Doing it twice changes nothing."""
    person = await holder_of_notices(connection, settings, secret)
    await connection.execute(update(people).where(people.c.id == person.id).values(notify=on))


async def staff_but(connection: AsyncConnection, author: Person | None) -> list[Person]:
    """Every active staff member who wants notices, except the author, under whichever of his accounts he wrote."""
    rows = await connection.execute(
        select(*COLUMNS)
        .where(
            or_(people.c.is_staff, people.c.is_admin),
            people.c.is_active,
            people.c.notify,
            people.c.merged_into.is_(None),
            people.c.id != (author.id if author else 0),
            people.c.email_key != (fold_key(author.email) if author else ""),
        )
        .order_by(people.c.id)
    )
    return [person_of(row) for row in rows]
