# SPDX-License-Identifier: Apache-2.0
"""From when to when the bytes of a commit were public: windows of its repository, cut by its time.

A commit's time is git's, which whoever makes the commit may write; only a commit that was uploaded
has the hub's own. An audit log has no pushes. So the source of each span says what it rests on, and
where a time is not known, or cannot be, the whole window counts. It does, too, where a commit says
that it came after the window: nobody proves that, and a span must not vanish by one's own word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.lives import Window

RED = frozenset({"UNATTESTED", "MODIFIED", "REVOKED"})
"""Verdicts on bytes that nobody should have seen."""


class Span(NamedTuple):
    """A time in which bytes were public (ISO 8601 UTC, ``until`` empty while it lasts), and why."""

    since: str
    until: str
    source: str


def spans(windows: Iterable[Window], committed: str, moment: str) -> tuple[Span, ...]:
    """The windows in which a commit of that time stood. An impossible time is not believed.

    ``committed`` is empty where it is not known; ``moment`` is that of the audit.
    """
    if committed > moment:
        committed = ""
    found = []
    for window in windows:
        after = bool(window.until) and committed >= window.until
        later = committed > window.since and not after
        since = committed if later else window.since
        said = [f"since: {_beginning(window, committed, later=later)}"]
        if after:
            said[0] += ", which is later than this: not believed"
        if window.until:
            said.append(f"until: {window.closed}")
        found.append(Span(since, window.until, "; ".join(said)))
    return tuple(found)


def _beginning(window: Window, committed: str, *, later: bool) -> str:
    if later:
        return f"the commit's own time ({window.opened} {window.since})"
    if not committed:
        return f"{window.opened}; when it came there is not known"
    return f"{window.opened}; committed {committed}, by its own word"


def earliest(dated: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Commit id to its time at the latest, of (id, time) as git lists them, the newest first.

    Nothing is younger than what stands on top of it: a time that claims so is not believed.
    """
    found: dict[str, str] = {}
    least = ""
    for oid, time in dated:
        least = min(least or time, time)
        found[oid] = least
    return found
