# SPDX-License-Identifier: Apache-2.0
"""JSON without the standard library's leniency: what two parsers read differently is refused."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from decimal import Decimal

BYTES_LIMIT = 64 * 1024 * 1024
DEPTH_LIMIT = 64

_INT_LIMIT = 2**63
_DIGITS = 100
"""Characters of an exact number; a double takes 24."""

_MAGNITUDE = 400
"""Powers of ten of an exact number, either way; a double reaches 324."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SCALARS = (str, int, bool, type(None))
_CONTAINERS = frozenset({dict, list})
_FLESH = bytes(byte for byte in range(256) if byte not in b'[]{}"\\')


def parse(
    raw: bytes,
    *,
    what: str,
    limit: int = BYTES_LIMIT,
    depth: int = DEPTH_LIMIT,
    exact: bool = False,
) -> Any:
    """Parse one JSON document (RFC 8259) of at most ``limit`` bytes and ``depth`` levels.

    With ``exact``, a number with a point or an exponent is a Decimal of all its digits, not the
    float next to it; then more than 100 characters, and more than 1e400 or less than 1e-400, are
    malformed.

    Raises:
        MalformedError: not JSON, or JSON that parsers disagree about: duplicate keys, NaN and
            infinities, integers outside 64 bits, a byte order mark, lone surrogates, trailing
            data. ``what`` names the document in the message.

    """
    if len(raw) > limit:
        message = f"got {len(raw)} bytes, expected at most {limit}, in {what}"
        raise MalformedError(message)
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_exact if exact else _finite,
            parse_constant=_constant,
        )
    except RecursionError:
        raise _too_deep(depth, what) from None
    except ValueError as error:
        message = f"got {_reason(error)}, expected strict JSON in UTF-8, in {what}"
        raise MalformedError(message) from None
    _check_depth(raw, value, depth, what)
    if b"\\u" in raw and _SURROGATE.search(raw):
        _check_surrogates(value, what)
    return value


def canonical(value: object) -> bytes:
    """Compact JSON in UTF-8 with keys sorted by code point.

    Raises:
        TypeError: a float, a key that is no string, or any other type: a bug of the caller.
        MalformedError: a string that is not valid Unicode (lone surrogates).

    """
    _check_types(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"got {text[error.start : error.end]!r}, expected valid Unicode text"
        raise MalformedError(message) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = sorted(key for key, _ in pairs)
        twice = next(key for key, after in pairwise(keys) if key == after)
        message = f"the key {twice[:80]!r} twice in one object"
        raise ValueError(message)
    return found


def _integer(text: str) -> int:
    # The length first: int() takes quadratic time, and refuses long texts with a foreign message.
    value = int(text) if len(text) <= 20 else _INT_LIMIT
    if not -_INT_LIMIT <= value < _INT_LIMIT:
        message = f"the integer {text[:24]}, which does not fit 64 bits"
        raise ValueError(message)
    return value


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0.0:
        message = f"the number {text[:24]}, which is not finite"
        raise ValueError(message)
    return value


def _exact(text: str) -> Decimal:
    from decimal import Decimal, InvalidOperation  # the hook reads no such number

    try:
        value = Decimal(text) if len(text) <= _DIGITS else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or abs(value.adjusted()) > _MAGNITUDE:
        message = f"the number {text[:24]}, which has over {_DIGITS} characters or is out of bounds"
        raise ValueError(message)
    return value


def _constant(text: str) -> NoReturn:
    message = f"{text}, which is not JSON"
    raise ValueError(message)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg!r} at line {error.lineno} column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"a byte that is not UTF-8 at offset {error.start}"
    return str(error)


def _too_deep(depth: int, what: str) -> MalformedError:
    return MalformedError(f"got nesting beyond {depth} levels, expected less, in {what}")


def _check_depth(raw: bytes, value: object, depth: int, what: str) -> None:
    """Refuse more than ``depth`` levels of a document that is known to be JSON.

    Removing innermost pairs from the bare brackets is 5 x faster than walking the values. Quotes
    that remain mean a bracket within a string (an odd number of quotes stands before it), and a
    backslash may hide a quote: then the values are walked.
    """
    bones = raw.translate(None, delete=_FLESH).replace(b'""', b"")
    if b'"' in bones or b"\\" in bones:
        _check_depth_of(value, depth, what)
        return
    for _ in range(depth):
        if not bones:
            return
        bones = bones.replace(b"{}", b"\0").replace(b"[]", b"").replace(b"\0", b"")
    if bones:
        raise _too_deep(depth, what)


def _check_depth_of(value: object, depth: int, what: str) -> None:
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        if not level:
            return
        following: list[Any] = []
        for parent in level:
            children = parent.values() if type(parent) is dict else parent
            following += [child for child in children if type(child) in _CONTAINERS]
        level = following
    if level:
        raise _too_deep(depth, what)


def _check_surrogates(value: object, what: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        message = f"got a lone surrogate, expected valid Unicode text, in {what}"
        raise MalformedError(message) from None


def _check_types(value: object) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                message = f"got key {key!r}, expected a string, in canonical JSON"
                raise TypeError(message)
            _check_types(child)
    elif isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        for child in value:
            _check_types(child)
    elif not isinstance(value, _SCALARS):
        message = f"got {type(value).__name__}, expected no such type, in canonical JSON"
        raise TypeError(message)
