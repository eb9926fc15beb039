# SPDX-License-Identifier: Apache-2.0
"""Our NamedTuple is typing's, but for how its classes are made."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.domain.named import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Ours(NamedTuple):
    """Three fields, one of them with a default, and what a class may have besides."""

    a: int
    b: str
    c: tuple[int, ...] = ()

    @property
    def both(self) -> str:
        """Something of one's own."""
        return f"{self.a}{self.b}"


class Theirs(typing.NamedTuple):
    a: int
    b: str
    c: tuple[int, ...] = ()


BOTH: list[Any] = [Ours, Theirs]
SAME: dict[str, Callable[[Any], object]] = {
    "by place": lambda cls: tuple(cls(1, "2", (3,))),
    "by name": lambda cls: tuple(cls(b="2", a=1)),
    "default": lambda cls: cls(1, "2").c,
    "made": lambda cls: tuple(cls._make([1, "2", ()])),
    "replaced": lambda cls: tuple(cls(1, "2")._replace(b="3")),
    "a dict": lambda cls: cls(1, "2")._asdict(),
    "fields": lambda cls: (cls._fields, cls._field_defaults, cls.__match_args__),
    "equal to a tuple": lambda cls: cls(1, "2") == (1, "2", ()),
    "hash": lambda cls: hash(cls(1, "2")),
    "shown": lambda cls: repr(cls(1, "2")).replace(cls.__name__, "X"),
    "pickled": lambda cls: tuple(pickle.loads(pickle.dumps(cls(1, "2")))),
    "copied": lambda cls: tuple(copy.deepcopy(cls(1, "2"))),
    "class of the copy": lambda cls: type(copy.copy(cls(1, "2"))) is cls,
    "a tuple": lambda cls: (issubclass(cls, tuple), cls.__slots__ == ()),
}


def matched(value: object) -> str:
    match value:
        case Ours(a, b) | Theirs(a, b):
            return f"{a}{b}"
    return ""


@pytest.mark.parametrize("name", SAME)
def test_it_is_what_typing_makes(name: str) -> None:
    ours, theirs = map(SAME[name], BOTH)
    assert ours == theirs


def test_it_matches_and_has_properties() -> None:
    assert [matched(cls(1, "2")) for cls in BOTH] == ["12", "12"]
    assert Ours(1, "2").both == "12"


BAD: dict[str, tuple[Callable[[Any], object], type[Exception]]] = {
    "nothing": (lambda cls: cls(), TypeError),
    "too little": (lambda cls: cls(1), TypeError),
    "too much": (lambda cls: cls(1, "2", (), 4), TypeError),
    "an unknown name": (lambda cls: cls(1, "2", d=1), TypeError),
    "a field twice": (lambda cls: cls(1, "2", b="3"), TypeError),
    "made of too little": (lambda cls: cls._make([1]), TypeError),
    "an unknown field replaced": (lambda cls: cls(1, "2")._replace(d=1), ValueError),
    "set": (lambda cls: setattr(cls(1, "2"), "a", 2), AttributeError),
    "a new attribute": (lambda cls: setattr(cls(1, "2"), "z", 2), AttributeError),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("cls", BOTH)
def test_it_refuses_what_typing_refuses(name: str, cls: Any) -> None:
    what, error = BAD[name]
    with pytest.raises(error):
        what(cls)
