# SPDX-License-Identifier: Apache-2.0
"""What the hub knows about a repo beside its git objects, as values and as JSON."""

from __future__ import annotations

from typing import Any, NamedTuple


class Event(NamedTuple):
    """One entry of a discussion; `content` is in the Hub's form for its kind."""

    id: str
    kind: str
    created: str
    author: str
    content: dict[str, Any]


class Discussion(NamedTuple):
    """A discussion or, with `pull_request`, a pull request against `base`."""

    num: int
    title: str
    author: str
    pull_request: bool
    status: str
    created: str
    base: str
    merge_commit: str | None
    events: tuple[Event, ...]

    @property
    def ref(self) -> str:
        """The git ref of the pull request."""
        return f"refs/pr/{self.num}"


class Record(NamedTuple):
    """One repo's metadata; `lfs` holds the sha256 of the large files that were uploaded to it."""

    id: str
    author: str
    created: str
    private: bool
    gated: str | bool
    lfs: frozenset[str]
    discussions: tuple[Discussion, ...]

    def discussion(self, num: int) -> Discussion | None:
        """Return the discussion of that number."""
        return next((item for item in self.discussions if item.num == num), None)

    def with_discussion(self, changed: Discussion) -> Record:
        """Return the record with that discussion added or replaced."""
        others = tuple(item for item in self.discussions if item.num != changed.num)
        ordered = sorted((*others, changed), key=lambda item: item.num)
        return self._replace(discussions=tuple(ordered))


def to_json(record: Record) -> dict[str, Any]:
    """Return the record as it is written to disk."""
    document = record._asdict()
    document["lfs"] = sorted(record.lfs)
    document["discussions"] = [
        item._asdict() | {"events": [event._asdict() for event in item.events]}
        for item in record.discussions
    ]
    return document


def from_json(document: dict[str, Any]) -> Record:
    """Return the record that was written to disk.

    Raises:
        TypeError, KeyError: if the file was not written by this program.
    """
    discussions = tuple(
        Discussion(**item | {"events": tuple(Event(**event) for event in item["events"])})
        for item in document["discussions"]
    )
    return Record(**document | {"lfs": frozenset(document["lfs"]), "discussions": discussions})
