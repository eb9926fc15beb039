# SPDX-License-Identifier: Apache-2.0
"""``NamedTuple`` without a compiler run per class: a push makes ninety classes and waits for them.

``typing.NamedTuple`` has ``eval`` compile a constructor for each class, 0.1 ms that no ``.pyc``
keeps; here one constructor serves all, and a class takes 0.01 ms. For type checkers it is
``typing.NamedTuple``, and so it behaves, but for the names in the signature of ``__new__``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - an explicit re-export

try:
    from _collections import _tuplegetter as _getter  # type: ignore[import-not-found]
except ImportError:  # CPython's own, as ``collections.namedtuple`` knows

    def _getter(at: int, doc: str) -> property:
        return property(lambda values: tuple.__getitem__(values, at), doc=doc)


_new: Callable[..., Any] = tuple.__new__


def _construct(cls: Any, *values: object, **named: object) -> Any:
    if named or len(values) != len(cls._fields):
        return _new(cls, _complete(cls, values, named))
    return _new(cls, values)


def _complete(cls: Any, values: tuple[object, ...], named: dict[str, object]) -> list[object]:
    """All values in their order, those that were left out from the defaults."""
    fields, found = cls._fields, list(values)
    for field in fields[len(values) :]:
        if field in named:
            found.append(named.pop(field))
        elif field in cls._field_defaults:
            found.append(cls._field_defaults[field])
        else:
            message = f"{cls.__name__}() lacks {field!r}, expected {', '.join(fields)}"
            raise TypeError(message)
    if named or len(found) > len(fields):
        message = f"{cls.__name__}() got too much, expected {', '.join(fields)}"
        raise TypeError(message)
    return found


def _make(cls: Any, values: Iterable[object]) -> Any:
    """A tuple from any iterable of as many values as there are fields."""
    made = _new(cls, values)
    if len(made) != len(cls._fields):
        message = f"got {len(made)} values, expected {len(cls._fields)}"
        raise TypeError(message)
    return made


def _replace(self: Any, /, **named: object) -> Any:
    """The same tuple with other values in these fields."""
    made = _new(self.__class__, map(named.pop, self._fields, self))
    if named:
        message = f"got unexpected field names: {list(named)!r}"
        raise ValueError(message)
    return made


def _asdict(self: Any) -> dict[str, object]:
    """The values by the names of their fields."""
    return dict(zip(self._fields, self, strict=True))


def _repr(self: Any) -> str:
    shown = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"{self.__class__.__name__}({', '.join(shown)})"


def _getnewargs(self: Any) -> tuple[object, ...]:
    return tuple(self)


class _Meta(type):
    """Makes a plain subclass of tuple out of a class with annotated fields."""

    def __new__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> Any:
        if not bases:
            return type.__new__(cls, name, bases, space)
        fields = tuple(space.get("__annotations__", ()))
        defaults = {field: space[field] for field in fields if field in space}
        own = {field: _getter(at, "") for at, field in enumerate(fields)}
        names = {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
        return type(name, (tuple,), {**_SHARED, **space, **own, **names})


_SHARED = {
    "__new__": _construct,
    "__repr__": _repr,
    "__getnewargs__": _getnewargs,
    "__slots__": (),
    "_make": classmethod(_make),
    "_replace": _replace,
    "_asdict": _asdict,
}

if not TYPE_CHECKING:

    class NamedTuple(metaclass=_Meta):
        """The base that a class names; none of its instances are instances of it."""
