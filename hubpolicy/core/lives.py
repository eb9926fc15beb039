# SPDX-License-Identifier: Apache-2.0
"""From an audit log's events to who could see which repository when.

A repository is followed through its names. One that was deleted and made anew is two. What the log
does not tell is never taken for private: see :func:`windows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.audit_log import Event, Logged, Unused

if TYPE_CHECKING:
    from collections.abc import Iterable


class Window(NamedTuple):
    """A time in which everybody could read a repository, and what says so at both ends.

    ISO 8601 UTC. ``until`` is empty while it lasts.
    """

    since: str
    opened: str
    until: str = ""
    closed: str = ""


class Life(NamedTuple):
    """One repository as the log tells of it.

    ``created`` is empty where the log begins later, ``ended`` where the repository still stands.
    ``private``: what was told last, None for nothing; ``told``: when that was.
    """

    repo: Logged
    names: tuple[str, ...]
    created: str
    windows: tuple[Window, ...]
    private: bool | None
    told: str
    ended: str = ""


class Log(NamedTuple):
    """Everything that was imported. ``unread``: entries that should have told something, by type.

    ``entries`` counts all that were read, each once; ``first`` and ``last`` are their times.
    """

    lives: tuple[Life, ...]
    entries: int
    first: str
    last: str
    other: int
    unread: tuple[tuple[str, int], ...]

    def standing(self, repo: Logged) -> Life | None:
        """The life of the repository that has this name now."""
        mine = (life for life in self.lives if life.repo == repo and not life.ended)
        return next(mine, None)


class Visible(NamedTuple):
    """What the hub says of a repository now; None and empty where it does not say.

    ``created`` is ISO 8601 UTC.
    """

    private: bool | None
    created: str = ""


def read_log(entries: Iterable[Event | Unused]) -> Log:
    """Put the entries of several exports together; each counts once, by its id if it has any."""
    events: list[Event] = []
    seen: set[Event | Unused | str] = set()
    unread: dict[str, int] = {}
    first = last = ""
    for entry in entries:
        key = entry.identity or entry
        if key in seen:
            continue
        seen.add(key)
        first = min(first or entry.time, entry.time)
        last = max(last, entry.time)
        if isinstance(entry, Event):
            events.append(entry)
        elif entry.unread:
            unread[entry.type] = unread.get(entry.type, 0) + 1
    told = _Chronicle()
    for event in sorted(events, key=lambda event: event.exact):
        told.add(event)
    other = len(seen) - len(events) - sum(unread.values())
    return Log(told.lives(), len(seen), first, last, other, tuple(sorted(unread.items())))


def windows(life: Life | None, now: Visible, log: Log, moment: str) -> tuple[Window, ...]:
    """When everybody could read a repository that stands there, by the log and by the hub today.

    Where they differ the hub is right about now, and the log about before. A beginning that nobody
    tells is the earliest one that there can be: the last event that says otherwise, else the day on
    which the hub says that it was made. An end that nobody tells is ``moment``.
    """
    begin = _begin(life, now, log)
    spans = () if life is None else tuple(_since(span, begin) for span in life.windows)
    if now.private:
        return tuple(_shut(span, moment, "private now, not logged since when") for span in spans)
    if now.private is None or (spans and not spans[-1].until):
        return spans
    if life is not None and life.private:
        return (*spans, Window(life.told, "public now, logged as private since then"))
    return (*spans, Window(begin, "it was created; public now, and no change is logged"))


def past_windows(life: Life, log: Log, moment: str) -> tuple[Window, ...]:
    """The same of a repository that the audit did not meet: deleted, hidden, or elsewhere."""
    begin = life.created or log.first
    spans = (_since(span, begin) for span in life.windows)
    return tuple(_shut(span, moment, "not met by this audit") for span in spans)


def _shut(span: Window, moment: str, says: str) -> Window:
    return span if span.until else span._replace(until=moment, closed=says)


def _begin(life: Life | None, now: Visible, log: Log) -> str:
    if life is not None and life.created:
        return life.created
    before = life.told if life is not None else log.first
    return min(filter(None, (now.created, before, log.first)), default="")


def _since(span: Window, begin: str) -> Window:
    """A window that was open when the log begins goes back to when the repository was made."""
    return span if span.since else span._replace(since=begin)


class _Chronicle:
    """Lives in the making. A life is held under the name that its repository has at that time."""

    def __init__(self) -> None:
        self._standing: dict[Logged, Life] = {}
        self._over: list[Life] = []

    def lives(self) -> tuple[Life, ...]:
        """Those that ended first."""
        return (*self._over, *self._standing.values())

    def add(self, event: Event) -> None:
        """The next event in time."""
        if event.kind == "renamed":
            self._rename(event)
        elif event.kind == "moved":
            self._move(event.repo, event.to or event.repo, event.time)
        elif event.kind == "deleted":
            self._end(event)
        elif event.kind == "created":
            self._create(event)
        else:
            self._flip(event)

    def _create(self, event: Event) -> None:
        # Nobody can make what stands there: whatever had that name is gone, unlogged.
        if event.repo in self._standing:
            self._end(event)
        says = "logged as created public"
        opened = () if event.private is not False else (Window(event.time, says),)
        self._standing[event.repo] = Life(
            event.repo, (event.repo.name,), event.time, opened, event.private, event.time
        )

    def _end(self, event: Event) -> None:
        life = _closed(self._of(event), event.time, "logged as deleted")
        self._over.append(life._replace(ended=event.time, told=event.time))
        self._standing.pop(event.repo, None)

    def _flip(self, event: Event) -> None:
        life = self._of(event)
        if event.private:
            # Made private: it was public before, unless something said that it was private.
            if life.private is None:
                life = life._replace(
                    windows=(Window(life.created, "public before it was logged as made private"),)
                )
            life = _closed(life, event.time, "logged as made private")
        elif life.private is not False:
            opened = Window(event.time, "logged as made public")
            life = life._replace(windows=(*life.windows, opened))
        self._standing[event.repo] = life._replace(private=event.private, told=event.time)

    def _rename(self, event: Event) -> None:
        if event.to is None:
            return
        old = f"{event.repo.name}/"
        for repo in [repo for repo in self._standing if repo.name.startswith(old)]:
            name = f"{event.to.name}/{repo.name.removeprefix(old)}"
            self._move(repo, repo._replace(name=name), event.time)

    def _move(self, before: Logged, after: Logged, time: str) -> None:
        if before == after:
            return
        life = self._standing.pop(before, None) or _unborn(before)
        if after in self._standing:
            gone = _closed(self._standing.pop(after), time, "logged as taken over by another")
            self._over.append(gone._replace(ended=time))
        self._standing[after] = life._replace(repo=after, names=(*life.names, after.name))

    def _of(self, event: Event) -> Life:
        return self._standing.get(event.repo) or _unborn(event.repo)


def _unborn(repo: Logged) -> Life:
    """One that was there before the log begins, or that came from elsewhere."""
    return Life(repo, (repo.name,), "", (), None, "")


def _closed(life: Life, time: str, says: str) -> Life:
    if not life.windows or life.windows[-1].until:
        return life
    last = life.windows[-1]._replace(until=time, closed=says)
    return life._replace(windows=(*life.windows[:-1], last))
