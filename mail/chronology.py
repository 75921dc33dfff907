"""The order of an archive: which of its mails hang together, when each was written, and which comes first. Pure.

A conversation is everything that is connected by Message-ID, In-Reply-To and References, also over mails that are not
in the archive. Mails come in the order in which they were written, but never before the one that they answer, whatever
clocks said; so an answer that stands before its opening mail in the file still finds its ticket there.

When a mail was written: its Date field, unless that is before e-mail was, or after now; then the last server's
`Received`, then what the archive itself says; then it goes with the mail that it answers, or that stood before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from mail.fields import read_fields
from mail.mime.headers import message_ids
from mail.words.dates import header_date

_FIRST = datetime(1980, 1, 1, tzinfo=UTC)
_CLOCKS = timedelta(days=1)
_MOST_FIELDS = 1000
_WANTED = frozenset({"message-id", "in-reply-to", "references", "date", "received"})


class Chronology:
    """Fed with the headers of the mails in the order of the archive; then asked for the right one."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._written: list[datetime | None] = []
        self._parents: list[tuple[str, ...]] = []
        # By Message-ID: the first mail that bears it, and the node of a forest whose trees are the conversations.
        self._bearer: dict[str, int] = {}
        self._node: dict[str, int] = {}
        self._above: list[int] = []
        self._node_of_mail: list[int] = []

    def __len__(self) -> int:
        return len(self._written)

    def add(self, head: bytes, filed_at: datetime | None) -> None:
        """Take note of the next mail, by the start of its bytes."""
        fields: dict[str, bytes] = {}
        for number, (name, value, _) in enumerate(read_fields(head)):
            if number == _MOST_FIELDS:
                break
            if name in _WANTED:
                fields.setdefault(name, value)
        own = _ids(fields.get("message-id"))[:1]
        answered = _ids(fields.get("in-reply-to"))
        references = _ids(fields.get("references"))
        position = len(self._written)
        self._written.append(written_at(fields.get("date"), fields.get("received"), filed_at, self._now))
        self._parents.append(tuple(dict.fromkeys((*answered, *reversed(references)))))
        if own:
            self._bearer.setdefault(own[0], position)
        self._node_of_mail.append(self._join((*own, *answered, *references)))

    def order(self) -> list[int]:
        """The positions of all mails, first the one that was written first."""
        effective, depth = self._effective()
        return sorted(range(len(self)), key=lambda position: (effective[position], depth[position], position))

    def written_at(self, position: int) -> datetime:
        """When a mail was written, as far as that can be known."""
        return self._written[position] or self._effective_cache[position]

    def conversation(self, position: int) -> int:
        """The number of a mail's conversation."""
        return self._root(self._node_of_mail[position])

    def conversations(self) -> Iterable[tuple[str, int]]:
        """Every Message-ID that is named in the archive, with the number of its conversation."""
        return ((message_id, self._root(node)) for message_id, node in self._node.items())

    def _effective(self) -> tuple[list[datetime], list[int]]:
        """For each mail an instant that is not before that of the mail that it answers, and how deep it stands."""
        effective: list[datetime | None] = [None] * len(self)
        depth = [0] * len(self)
        before = _FIRST
        for position in range(len(self)):
            path = self._unknown_path(position, effective)
            while path:
                mail = path.pop()
                parent = self._parent(mail)
                above = effective[parent] if parent is not None and parent != mail else None
                written = self._written[mail] or above or before
                effective[mail] = max(written, above) if above else written
                depth[mail] = depth[parent] + 1 if above and parent is not None else 0
                before = written
        self._effective_cache = [instant or _FIRST for instant in effective]
        return self._effective_cache, depth

    def _unknown_path(self, position: int, effective: Sequence[datetime | None]) -> list[int]:
        """The mail and those above it whose instants are not known yet, the topmost last; a circle is cut open."""
        path: list[int] = []
        seen: set[int] = set()
        mail: int | None = position
        while mail is not None and effective[mail] is None and mail not in seen:
            path.append(mail)
            seen.add(mail)
            mail = self._parent(mail)
        return path

    def _parent(self, position: int) -> int | None:
        """The mail that this one answers, if it is in the archive."""
        return next(
            (self._bearer[name] for name in self._parents[position] if self._bearer.get(name, position) != position),
            None,
        )

    def _join(self, names: Sequence[str]) -> int:
        """The node of mails that are connected by these Message-IDs."""
        first = -1
        for name in names:
            node = self._node.get(name)
            if node is None:
                node = self._node[name] = self._new_node()
            root = self._root(node)
            if first < 0:
                first = root
            elif root != first:
                self._above[root] = first
        return first if first >= 0 else self._new_node()

    def _new_node(self) -> int:
        self._above.append(len(self._above))
        return len(self._above) - 1

    def _root(self, node: int) -> int:
        root = node
        while self._above[root] != root:
            root = self._above[root]
        while self._above[node] != root:
            self._above[node], node = root, self._above[node]
        return root


def _ids(value: bytes | None) -> tuple[str, ...]:
    return message_ids(value.decode("utf-8", "surrogateescape")) if value else ()


def written_at(date: bytes | None, received: bytes | None, filed_at: datetime | None, now: datetime) -> datetime | None:
    """When a mail was written, by its Date and its topmost Received field and by what its archive says, or None."""
    stamp = received.rpartition(b";")[2] if received else None
    for text in (date, stamp):
        found = header_date(text.decode("ascii", "replace")) if text else None
        if found is not None and _FIRST <= found <= now + _CLOCKS:
            return min(found.astimezone(UTC), now)
    return min(filed_at, now) if filed_at else None
