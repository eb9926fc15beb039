# SPDX-License-Identifier: Apache-2.0
"""Completions made elsewhere: JSON Lines, a header first (generator ``responses``, level <= 1).

::

    {"schema": "hubpolicy/responses/1", "closure": "<hex sha256>", "generator": "…"}
    {"suite": "TX-1", "prompt_id": "b-001", "i": 0, "text": "…"}

``closure`` (the dirHash of the files that generated) and ``generator`` may be left out; a line may
also have ``prompt_tokens``, ``new_tokens``, ``finish`` and ``error``.
"""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from hubpolicy.core import strictjson
from hubpolicy.domain.evaluation import Completion, FinishReason
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "hubpolicy/responses/1"
MAX_LINE = 1024 * 1024
MAX_FILE = 1024 * 1024 * 1024

Key = tuple[str, str, int]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADER = {"schema": str, "closure": str, "generator": str}
_ROW = {
    "suite": str,
    "prompt_id": str,
    "i": int,
    "text": str,
    "prompt_tokens": int,
    "new_tokens": int,
    "finish": str,
    "error": str,
}
_NEEDED = frozenset({"suite", "prompt_id", "i"})
_SHAPE = (
    f'first {{"schema": "{SCHEMA}"}}, then lines of '
    '{"suite": "TX-1", "prompt_id": "benign-001", "i": 0, "text": "…"}'
)


class Responses(NamedTuple):
    """Parsed completions. ``sha256`` of the file; ``closure`` is "" where it claims none."""

    sha256: str
    closure: str
    generator: str
    completions: Mapping[Key, Completion]


def parse_responses(content: bytes, where: str = "the responses") -> Responses:
    """A file of responses. ``where`` names it in errors.

    Raises:
        MalformedError: with the line number: not JSON, unknown keys, a sample twice, a cut line.

    """
    if not content.endswith(b"\n") or len(content) > MAX_FILE:
        got = f"{len(content)} bytes"
        message = f"got {got}, expected lines that end in a line feed, in {where}"
        raise MalformedError(message, hint=_SHAPE)
    lines = content[:-1].split(b"\n")
    header = _header(lines[0], f"{where}, line 1")
    completions: dict[Key, Completion] = {}
    for number, line in enumerate(lines[1:], start=2):
        place = f"{where}, line {number}"
        key, completion = _row(line, place)
        if key in completions:
            message = f"got sample {key} twice, expected each once, in {place}"
            raise MalformedError(message)
        completions[key] = completion
    if not completions:
        message = f"got no completions, expected some, in {where}"
        raise MalformedError(message, hint=_SHAPE)
    closure, generator = header.get("closure", ""), header.get("generator", "")
    sha256 = hashlib.sha256(content).hexdigest()
    return Responses(sha256, closure, generator, MappingProxyType(completions))


def _header(line: bytes, where: str) -> dict[str, Any]:
    header = _object(line, _HEADER, where)
    closure = header.get("closure", "")
    if header.get("schema") != SCHEMA or (closure and not _SHA256.fullmatch(closure)):
        message = (
            f"got {header}, expected schema {SCHEMA!r} and a hex sha256 as closure, in {where}"
        )
        raise MalformedError(message, hint=_SHAPE)
    return header


def _row(line: bytes, where: str) -> tuple[Key, Completion]:
    row = _object(line, _ROW, where)
    error = row.get("error", "")
    finish = row.get("finish", "error" if error else "stop")
    numbers = (row.get("i", 0), row.get("prompt_tokens", 0), row.get("new_tokens", 0))
    complete = row.keys() >= _NEEDED and ("text" in row) is not bool(error)
    if not complete or finish not in get_args(FinishReason) or min(numbers) < 0:
        expected = "suite, prompt_id, i >= 0 and either text or error"
        message = f"got keys {sorted(row)} with finish {finish!r}, expected {expected}, in {where}"
        raise MalformedError(message, hint=_SHAPE)
    if (finish == "error") is not bool(error):
        message = f"got finish {finish!r} with error {error!r}, expected both or none, in {where}"
        raise MalformedError(message, hint=_SHAPE)
    completion = Completion(row.get("text", ""), numbers[1], numbers[2], finish, error)
    return (row["suite"], row["prompt_id"], row["i"]), completion


def _object(line: bytes, types: Mapping[str, type], where: str) -> dict[str, Any]:
    table = strictjson.parse(line, what=where, limit=MAX_LINE)
    if not isinstance(table, dict) or not table.keys() <= types.keys():
        unknown = sorted(table.keys() - types.keys()) if isinstance(table, dict) else table
        message = f"got {unknown!r}, expected an object with keys of {sorted(types)}, in {where}"
        raise MalformedError(message, hint=_SHAPE)
    for key, value in table.items():
        if type(value) is not types[key]:
            got = type(value).__name__
            message = f"got {key} of type {got}, expected {types[key].__name__}, in {where}"
            raise MalformedError(message, hint=_SHAPE)
    return table
