# SPDX-License-Identifier: Apache-2.0
"""Plain scalars as readers of YAML 1.1 (PyYAML, the Hub's Python client) and YAML 1.2 take them.

One card is read by both: ``language: no`` is Norwegian for one and ``False`` for the other. The
expressions are those of PyYAML's resolver and of the core schema (YAML 1.2.2, §10.3.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hubpolicy.domain.card import Primitive

SAFE_INTEGER = 2**53 - 1
"""Beyond this a JavaScript reader, such as the Hub's pages, sees another number (ECMA-262)."""

_LONGEST = 200
"""No number or date is longer; longer text is text, whatever its letters."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_TRUE_11 = _TRUE | {"yes", "Yes", "YES", "on", "On", "ON"}
_FALSE_11 = _FALSE | {"no", "No", "NO", "off", "Off", "OFF"}
_LETTER_11 = {"y": True, "Y": True, "n": False, "N": False}

_INT_11 = re.compile(
    r"[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)"
)
_FLOAT_11 = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
)
_DATE_11 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
)
_INT_12 = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT_12 = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NAN = re.compile(r"\.(?:nan|NaN|NAN)")


class Reading(NamedTuple):
    """What one kind of reader makes of a scalar: a kind, and the value where it is a primitive."""

    kind: str
    value: Primitive

    @property
    def phrase(self) -> str:
        """``the boolean false``, ``the integer 10``, ``a date``."""
        match self.kind:
            case "boolean" | "null":
                return f"the {self.kind} {str(self.value).lower()}".replace("null none", "null")
            case "integer" | "number":
                return f"the {self.kind} {self.value}"
            case _:
                return f"a {self.kind}"


def read_12(text: str) -> Reading:
    """Core schema of YAML 1.2. Not-a-number and infinity are kinds of their own, without value."""
    if (simple := _read_words(text, _TRUE, _FALSE)) is not None:
        return simple
    if len(text) <= _LONGEST:
        if _INT_12.fullmatch(text):
            return _integer(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _FLOAT_12.fullmatch(text):
            return _number(float(text))
    return Reading("text", text)


def read_11(text: str) -> Reading:
    """PyYAML's resolver, with the single letters that the YAML 1.1 types page adds."""
    if text in _LETTER_11:
        return Reading("boolean", _LETTER_11[text])
    if (simple := _read_words(text, _TRUE_11, _FALSE_11)) is not None:
        return simple
    if len(text) <= _LONGEST:
        if _INT_11.fullmatch(text):
            return _integer_11(text)
        if _FLOAT_11.fullmatch(text):
            return _number(_sexagesimal(text, float) if ":" in text else _float(text))
        if _DATE_11.fullmatch(text):
            return Reading("date", None)
    return Reading("special value", None) if text in {"=", "<<"} else Reading("text", text)


def ambiguity(text: str) -> str | None:
    """Why a plain scalar does not mean the same to every reader, or None. Completes "it is …"."""
    old, new = read_11(text), read_12(text)
    if old.kind != new.kind or old.value != new.value:
        return f"{old.phrase} for the Hub's Python client and {new.phrase} for readers of YAML 1.2"
    if text.endswith(":"):
        return "a text for some readers and a key for others"
    if new.kind in {"not-a-number", "infinity"}:
        return f"{new.kind}, which no JSON reader can hold"
    if isinstance(new.value, int) and abs(new.value) > SAFE_INTEGER:
        return "a number that the Hub's pages round, beyond 2^53"
    return None


def _read_words(text: str, true: frozenset[str], false: frozenset[str]) -> Reading | None:
    if text in _NULL:
        return Reading("null", None)
    if text in true or text in false:
        return Reading("boolean", text in true)
    if _NAN.fullmatch(text):
        return Reading("not-a-number", None)
    return Reading("infinity", None) if _INFINITY.fullmatch(text) else None


def _number(value: float) -> Reading:
    # 1e999 is well-formed in both versions and infinite in both.
    return Reading("number", value) if abs(value) != float("inf") else Reading("infinity", None)


def _float(text: str) -> float:
    return float(text.replace("_", ""))


def _integer(text: str, base: int) -> Reading:
    return Reading("integer", int(text, base))


def _integer_11(text: str) -> Reading:
    digits = text.replace("_", "").lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if ":" in digits:
        return Reading("integer", sign * int(_sexagesimal(digits, int)))
    if digits.startswith("0b"):
        base, digits = 2, digits[2:]
    elif digits.startswith("0x"):
        base, digits = 16, digits[2:]
    else:
        base = 8 if digits.startswith("0") else 10
    return Reading("integer", sign * int(digits or "0", base))


def _sexagesimal(text: str, kind: type[int | float]) -> float:
    total: float = 0
    for part in text.replace("_", "").lstrip("+-").split(":"):
        total = total * 60 + kind(part)
    return -total if text.startswith("-") else total
