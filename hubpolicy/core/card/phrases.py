# SPDX-License-Identifier: Apache-2.0
"""Violations of a schema in words that a person understands, where the schema gives none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.card.text import clean, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KINDS = {
    "string": "a text",
    "array": "a list",
    "object": "a mapping",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "empty",
}


class Words(NamedTuple):
    """What is wrong, and what to do."""

    message: str
    fix: str


def describe(keyword: str, want: object, got: object, path: Sequence[str | int]) -> Words | None:
    """Words for a keyword of JSON Schema, or None for one that has none here."""
    phrase = _PHRASES.get(keyword)
    return phrase(name(path), want, got) if phrase else None


def name(path: Sequence[str | int]) -> str:
    """``metadata.model-index[0].name`` without the first step, between backticks."""
    steps = path[1:] if path and path[0] == "metadata" else path
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return quoted(text.lstrip(".")) if text else "the card"


def kind_of(value: object) -> str:
    """``a list``, ``a text``, ``empty`` … as a card's author would say it."""
    match value:
        case None:
            return "empty"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _type(where: str, want: object, got: object) -> Words:
    kinds = [want] if isinstance(want, str) else list(want) if isinstance(want, list) else []
    expected = " or ".join(_KINDS.get(str(kind), str(kind)) for kind in kinds)
    fix = f"write {expected} for {where}"
    if "string" in kinds and isinstance(got, bool | int | float):
        fix = f'quote it: "{str(got).lower() if isinstance(got, bool) else got}"'
    return Words(f"{where} is {kind_of(got)}, expected {expected}", fix)


def _required(where: str, want: object, _: object) -> Words:
    place = "the metadata" if where == "the card" else where
    return Words(f"{place} has no {quoted(str(want))}", f"add `{clean(str(want))}: …`")


def _enum(where: str, want: object, got: object) -> Words:
    allowed = [clean(str(each), 40) for each in want] if isinstance(want, list) else []
    shown = ", ".join(allowed[:12]) + (" …" if len(allowed) > 12 else "")
    return Words(f"{where} is {kind_of(got)}, expected one of: {shown}", f"write one of: {shown}")


def _const(where: str, want: object, got: object) -> Words:
    value = clean(json.dumps(want))
    return Words(f"{where} is {kind_of(got)}, expected {value}", f"write {value}")


def _bound(word: str) -> Callable[[str, object, object], Words]:
    def phrase(where: str, want: object, got: object) -> Words:
        return Words(f"{where} is {kind_of(got)}, expected {word} {want}", f"write {word} {want}")

    return phrase


def _size(word: str, unit: str) -> Callable[[str, object, object], Words]:
    def phrase(where: str, want: object, got: object) -> Words:
        size = len(got) if isinstance(got, str | list | dict) else 0
        expected = f"{word} {want} {unit}"
        return Words(f"{where} has {size} {unit}, expected {expected}", f"give it {expected}")

    return phrase


def _pattern(where: str, _: object, got: object) -> Words:
    message = f"{where} is {kind_of(got)}, which does not have the expected form"
    return Words(message, f"correct {where}")


def _format(where: str, want: object, got: object) -> Words:
    return Words(f"{where} is {kind_of(got)}, expected a {clean(str(want))}", f"correct {where}")


def _surplus(where: str, _: object, got: object) -> Words:
    keys = ", ".join(clean(str(key), 40) for key in got) if isinstance(got, dict) else ""
    return Words(
        f"{where} has keys that the profile does not know: {clean(keys, 200)}", "remove them"
    )


def _unique(where: str, _: object, __: object) -> Words:
    return Words(f"{where} holds the same value twice", "keep one of them")


def _refused(where: str, _: object, __: object) -> Words:
    return Words(f"{where} is not allowed by the profile", f"remove {where}")


_PHRASES: dict[str, Callable[[str, object, object], Words]] = {
    "type": _type,
    "required": _required,
    "enum": _enum,
    "const": _const,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("more than"),
    "exclusiveMaximum": _bound("less than"),
    "minLength": _size("at least", "characters"),
    "maxLength": _size("at most", "characters"),
    "minItems": _size("at least", "entries"),
    "maxItems": _size("at most", "entries"),
    "minProperties": _size("at least", "keys"),
    "maxProperties": _size("at most", "keys"),
    "pattern": _pattern,
    "format": _format,
    "additionalProperties": _surplus,
    "unevaluatedProperties": _surplus,
    "uniqueItems": _unique,
    "not": _refused,
}
