# SPDX-License-Identifier: Apache-2.0
"""Strict tables: what plans and prompt files are checked with before they become values."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from hubpolicy.core import strictjson
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_FILE = 16 * 1024 * 1024

T = TypeVar("T")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}")


def table(
    item: object, keys: Mapping[str, type], where: str, optional: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """A table with exactly these keys of exactly these types; ``optional`` ones may be absent.

    Raises:
        MalformedError: anything else, naming the keys.

    """
    known = {**keys, **(optional or {})}
    if not isinstance(item, dict):
        message = f"got {type(item).__name__}, expected a table, in {where}"
        raise MalformedError(message)
    missing = sorted(keys.keys() - item.keys())
    unknown = sorted(item.keys() - known.keys())
    if missing or unknown:
        message = (
            f"got missing keys {missing} and unknown keys {unknown}, expected none, in {where}"
        )
        raise MalformedError(message)
    for key, value in item.items():
        # type() and not isinstance(): True is no count.
        if type(value) is not known[key]:
            got, expected = type(value).__name__, known[key].__name__
            message = f"got {key} of type {got}, expected {expected}, in {where}"
            raise MalformedError(message)
    return item


def rows(
    content: bytes, keys: Mapping[str, type], optional: Mapping[str, type], where: str
) -> tuple[dict[str, Any], ...]:
    """JSON Lines of such tables, each with an ``id`` and a ``text`` that is not blank."""
    if not content.endswith(b"\n") or len(content) > MAX_FILE:
        message = f"got {len(content)} bytes, expected lines ending in LF, in {where}"
        raise MalformedError(message)
    found = []
    for number, line in enumerate(content[:-1].split(b"\n"), start=1):
        place = f"line {number} of {where}"
        row = table(strictjson.parse(line, what=place), keys, place, optional)
        identifier(row["id"], f"id in {place}")
        if not row["text"].strip():
            message = f"got an empty text, expected some, in {place}"
            raise MalformedError(message)
        found.append(row)
    return tuple(found)


def identifier(text: str, where: str) -> str:
    """Letters, digits and ``._/-``, at most 80."""
    if not _ID.fullmatch(text):
        message = f"got {text!r}, expected letters, digits and ._/- (at most 80), as {where}"
        raise MalformedError(message)
    return text


def refuse_disorder(ids: tuple[str, ...], where: str) -> None:
    """Ids are unique and sorted."""
    for before, after in pairwise(ids):
        if before >= after:
            message = f"got id {after!r} after {before!r}, expected unique sorted ids, in {where}"
            raise MalformedError(message)


def refuse_twins(names: Iterable[str], where: str) -> None:
    """Every name stands there once."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            message = f"got {name[:60]!r} twice, expected each once, as {where}"
            raise MalformedError(message)
        seen.add(name)


def some(items: tuple[T, ...], what: str) -> tuple[T, ...]:
    """What is empty would check nothing."""
    if not items:
        message = f"got no {what}, expected at least one"
        raise MalformedError(message)
    return items
