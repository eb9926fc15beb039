# SPDX-License-Identifier: Apache-2.0
"""Every field of a JSON document, spoilt in every way that a strict parser refuses."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = tuple[str | int, ...]

HUGE = 10**13
"""More than any count may be (``fields.COUNT_LIMIT``), and still 64 bits."""

EXTRA = "surprise"


class Spoilt(NamedTuple):
    """One changed document: where, how, and the field that a good message names."""

    place: str
    how: str
    field: str
    document: Any

    @property
    def raw(self) -> bytes:
        """The document as compact JSON with sorted keys, floats and all."""
        return dump(self.document)


def dump(document: Any) -> bytes:
    """Compact JSON with sorted keys, as it is signed; nothing is refused."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def spoil(document: Any) -> Iterator[Spoilt]:
    """Every member of every object in turn: missing, of another type, out of range, one too many.

    Of an array the first item stands for all.
    """
    for path in paths(document):
        value = at(document, path)
        field = next(str(part) for part in reversed(path) if isinstance(part, str))
        place = ".".join(map(str, path))
        if isinstance(path[-1], str):
            yield Spoilt(place, "missing", field, _removed(document, path))
        for how, wrong in spoilt_values(value):
            yield Spoilt(place, how, field, _replaced(document, path, wrong))
        if isinstance(value, dict):
            more = {**value, EXTRA: 1}
            yield Spoilt(place, "one field more", EXTRA, _replaced(document, path, more))
    yield Spoilt("", "one field more", EXTRA, {**document, EXTRA: 1})


def spoilt_values(value: Any) -> Iterator[tuple[str, Any]]:
    """What cannot stand where this value stands."""
    yield "null", None
    if isinstance(value, bool):
        yield from (("a number", int(value)), ("a text", str(value).lower()))
    elif isinstance(value, int):
        yield from (("negative", -1 - value), ("huge", HUGE), ("a fraction", value + 0.5))
        yield from (("a float", float(value)), ("a text", str(value)), ("a flag", True))
    elif isinstance(value, str):
        yield from (("a number", 7), ("an array", [value]), ("too long", value + "x" * 5000))
    elif isinstance(value, list):
        yield from (("an object", {}), ("a text", "none"), ("an array of null", [None]))
    else:
        yield from (("an array", []), ("a text", "none"), ("empty", {}))


def paths(document: Any, above: Path = ()) -> Iterator[Path]:
    """The path of every member, outermost first."""
    if isinstance(document, dict):
        members: list[tuple[str | int, Any]] = sorted(document.items())
    else:
        members = list(enumerate(document[:1])) if isinstance(document, list) else []
    for name, value in members:
        yield (*above, name)
        yield from paths(value, (*above, name))


def at(document: Any, path: Path) -> Any:
    """The value at a path."""
    for part in path:
        document = document[part]
    return document


def _replaced(document: Any, path: Path, value: Any) -> Any:
    made = copy.deepcopy(document)
    at(made, path[:-1])[path[-1]] = value
    return made


def _removed(document: Any, path: Path) -> Any:
    made = copy.deepcopy(document)
    del at(made, path[:-1])[path[-1]]
    return made
