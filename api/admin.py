"""People over HTTP, for admins: who is there, and who is staff."""

from __future__ import annotations

from api.calls import Call, Page, Reply, paged
from api.payloads import StaffFlag, StaffUser
from gateway import people
from gateway.model import Person

_PAGE = 1000


def _person(person: Person) -> StaffUser:
    return StaffUser(
        id=person.id,
        username=person.username,
        email=person.email,
        is_active=person.is_active,
        is_staff=person.is_staff,
        is_admin=person.is_admin,
    )


async def list_users(call: Call[None]) -> Reply:
    page = Page(call.query_number("before", 1, 10**18 - 1), call.query_number("limit", 1, _PAGE) or _PAGE)
    found = await call.database.read(
        lambda connection: people.list_people(
            connection, call.actor, search=call.query("q") or "", before_id=page.before_id, count=page.count + 1
        )
    )
    rows, headers = paged(call, page, found)
    return Reply([_person(person) for person in rows], headers=headers)


async def set_staff(call: Call[StaffFlag]) -> Reply:
    person_id = call.path_id()
    return Reply(
        _person(
            await call.database.write(
                lambda connection: people.set_staff(connection, call.actor, person_id, is_staff=call.body.is_staff)
            )
        )
    )
