# SPDX-License-Identifier: Apache-2.0
"""Entries of an organisation's audit log, as far as they say who could see a repository.

The Hub's export (``GET /api/organizations/{name}/audit-log/export``) is one JSON array of at most
100,000 entries. Documented is their frame: ``_id``, ``type`` (``scope.action``), ``createdAt``,
``author``, ``message``, and ``data``, an object of which nothing is said. So a repository and its
visibility are looked for under each name that the Hub uses for them elsewhere (its API, webhooks);
what is found has to make sense, and an entry without is counted, never guessed at.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, NoReturn

from hubpolicy.errors import ConfigError

Kind = Literal["created", "deleted", "moved", "visibility", "renamed"]

KINDS: dict[str, Kind] = {
    "repo.create": "created",
    "repo.delete": "deleted",
    "repo.move": "moved",
    "repo.update_settings": "visibility",
    "org.rename": "renamed",
}
"""What says who could see a repository. Everything else is counted."""

_TEXT_LIMIT = 4096
_NAME = re.compile(
    r"(?:(models|datasets|spaces)/)?([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})"
)
_NAMESPACE = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
_REPOS = (
    "repo",
    "repository",
    "resource",
    "repoName",
    "repoId",
    "repo_id",
    "fullName",
    "name",
    "id",
)
_OLD = ("from", "old", "before", "oldName", "previousName", "fromRepo", "oldRepo")
_NEW = ("to", "new", "after", "newName", "toRepo", "newRepo", "movedTo")
_WITHIN = ("settings", "changes", "updated", "updatedConfig", "config", "after", "new", "to")
_MARKS = ".,;:!?'\"`()[]"
_OWNERS = ("namespace", "owner", "org", "organization")
_HINT = "export it anew: the organisation's settings, Audit Logs, or its export by the API"


class Logged(NamedTuple):
    """A repository as the log names it: ``model``, ``dataset`` or ``space``, and ``ns/name``."""

    repo_type: str
    name: str


class Event(NamedTuple):
    """One entry that was used. ``time`` is ISO 8601 UTC to the second, cut off.

    ``exact`` is the same to the microsecond, for the order of entries. ``repo`` is what it is
    about, ``to`` its name from then on (moves; of a renamed organisation both are namespaces).
    ``private`` is None where the entry does not say.
    """

    identity: str
    kind: Kind
    time: str
    repo: Logged
    to: Logged | None = None
    private: bool | None = None
    exact: str = ""


class Unused(NamedTuple):
    """An entry that says nothing of who could see what. ``unread``: it should have, by its type."""

    identity: str
    type: str
    time: str
    unread: bool


def read_entry(entry: Any, where: str) -> Event | Unused:
    """One entry of the export. ``where`` names it in messages: file, entry and line.

    Raises:
        ConfigError: it has not the documented frame, or contradicts itself.

    """
    if not isinstance(entry, dict):
        _refuse(f"got {type(entry).__name__}, expected an object", where)
    kind = _text(entry, "type", where)
    exact = _instant(_text(entry, "createdAt", where), where)
    time = f"{exact[:19]}Z"
    identity = _text(entry, "_id", where) if "_id" in entry else ""
    if kind not in KINDS:
        return Unused(identity, kind, time, unread=False)
    data = entry.get("data")
    if data is not None and not isinstance(data, dict):
        _refuse(f"got {type(data).__name__} in data, expected an object", where)
    found = _event(KINDS[kind], data or {}, _text(entry, "message", where), where)
    if found is None:
        private = _private(data or {}, where)
        silent = kind == "repo.update_settings" and private is None
        return Unused(identity, kind, time, unread=not silent)
    return found._replace(identity=identity, time=time, exact=exact)


def _event(kind: Kind, data: dict[str, Any], message: str, where: str) -> Event | None:
    if kind == "renamed":
        old, new = (_first(data, names, _NAMESPACE) for names in (_OLD, _NEW))
        return Event("", kind, "", Logged("", old), Logged("", new)) if old and new else None
    if kind == "moved":
        before, after = _side(data, _OLD), _side(data, _NEW)
        # Where one side alone is named, the entry itself is about the other.
        before, after = before or _repo(data, ""), after or _repo(data, "")
        if before is None or after is None or before == after:
            return None
        return Event("", kind, "", before, after)
    private = _private(data, where)
    repo = _repo(data, message)
    if repo is None or (kind == "visibility" and private is None):
        return None
    return Event("", kind, "", repo, None, private)


def _repo(data: dict[str, Any], message: str) -> Logged | None:
    """What an entry is about; by its message only if that names one repository and no other."""
    for key in _REPOS:
        found = _logged(data.get(key), data)
        if found is not None:
            return found
    named = {word for each in message.split() if _NAME.fullmatch(word := each.strip(_MARKS))}
    return _logged(named.pop(), data) if len(named) == 1 else None


def _side(data: dict[str, Any], names: tuple[str, ...]) -> Logged | None:
    return next((found for key in names if (found := _logged(data.get(key), data))), None)


def _logged(value: Any, data: dict[str, Any]) -> Logged | None:
    """A repository out of its name, or out of an object that has one."""
    if isinstance(value, dict):
        inner = {**data, **value}
        every = (_logged(value.get(key), inner) for key in _REPOS)
        return next((found for found in every if found), None)
    if not isinstance(value, str):
        return None
    match = _NAME.fullmatch(value)
    if match is None:
        owner = _first(data, _OWNERS, _NAMESPACE)
        match = _NAME.fullmatch(f"{owner}/{value}") if owner and "/" not in value else None
    if match is None:
        return None
    told = match[1] or _first(data, ("repoType", "repo_type", "type"), _NAMESPACE) or "model"
    return Logged(told.removesuffix("s"), match[2])


def _private(data: dict[str, Any], where: str) -> bool | None:
    """What an entry says of the visibility from then on.

    Raises:
        ConfigError: two things, or one that is neither public nor private.

    """
    inner = tuple(data[key] for key in _WITHIN if isinstance(data.get(key), dict))
    said = _said((data, *inner), where)
    if not said and isinstance(data.get("repo"), dict):
        said = _said((data["repo"],), where)
    if len(said) > 1:
        _refuse("got both public and private, expected one of them", where)
    return said.pop() if said else None


def _said(parts: tuple[dict[str, Any], ...], where: str) -> set[bool]:
    values = (part.get(key) for part in parts for key in ("private", "visibility"))
    return {_is_private(value, where) for value in map(_newest, values) if value is not None}


def _newest(value: Any) -> Any:
    """A change is told as old and new."""
    if isinstance(value, dict):
        return next((value[key] for key in _NEW if key in value), None)
    return value


def _is_private(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value not in {"public", "private", "protected"}:
        _refuse(f"got visibility {str(value)[:40]!r}, expected public or private", where)
    # A protected Space runs for all, but its files are for members.
    return bool(value != "public")


def _first(data: dict[str, Any], names: tuple[str, ...], form: re.Pattern[str]) -> str:
    found = (data[key] for key in names if isinstance(data.get(key), str))
    return next((text for text in found if form.fullmatch(text)), "")


def _text(entry: dict[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
        got = "nothing" if value is None else type(value).__name__
        _refuse(f"got {got} for {key}, expected text of at most {_TEXT_LIMIT} characters", where)
    return value


def _instant(text: str, where: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        found = "" if moment.tzinfo is None else _in_utc(moment)
    except (ValueError, OverflowError):
        found = ""
    if not found:
        expected = "a time like 2026-11-22T15:00:00.000Z"
        _refuse(f"got createdAt {text[:40]!r}, expected {expected}", where)
    return found


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _refuse(message: str, where: str) -> NoReturn:
    text = f"{message}, in {where}"
    raise ConfigError(text, hint=_HINT)
