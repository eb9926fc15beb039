# SPDX-License-Identifier: Apache-2.0
"""The long array of a statement, read all at once where it is spelt as we spell it.

A release of 10,000 files names each of them, and the git hook counts milliseconds. What is between
the brackets is cut out, taken apart by one expression that has to account for every byte of it, and
the rest is parsed as strictly as ever. Any other spelling is left to ``strictjson`` as a whole. On
the hook's path.
"""

from __future__ import annotations

import re
from typing import Any

from hubpolicy.core import strictjson
from hubpolicy.errors import MalformedError

_LEAST = 8192
"""Bytes. A shorter document is parsed before one has looked whether it can be cut."""

_PAYLOAD = b'"payload":"'
_SUBJECTS, _SUBJECTS_END = b',"subject":[', b"]}"
_WHOLE = re.compile(r'\{"digest":\{"dirHash":"([0-9a-f]{64})"\},"name":"\."\},')
_SUBJECT = re.compile(
    r'\{"digest":\{(?:"gitBlob":"(.{40})",)?"sha256":"(.{64})"\},"name":"([^"\\]+)"\}(?:,(?=\{)|\Z)'
)
_BLOB = len('"gitBlob":"",') + 40


def parse(payload: bytes, *, what: str) -> Any:
    """As :func:`strictjson.parse`, but the items of ``subject`` may come as tuples.

    Each is (git blob id or "", sha256, name), after an object for the whole if that is first. The
    digests are not checked to be hexadecimal. Nothing else ever makes a tuple out of JSON.

    Raises:
        MalformedError: as there.

    """
    if len(payload) >= _LEAST and len(payload) <= strictjson.BYTES_LIMIT:
        found = _cut_subjects(payload, what)
        if found is not None:
            return found
    return strictjson.parse(payload, what=what)


def parse_envelope(raw: bytes, *, what: str) -> Any:
    """As :func:`strictjson.parse`, for a bundle: nearly all of it is one text without escapes.

    A control character in that text is left for the base64 decoder to refuse.

    Raises:
        MalformedError: as there.

    """
    before, name, after = raw.partition(_PAYLOAD)
    payload, quote, behind = after.partition(b'"')
    if quote and len(payload) >= _LEAST and len(raw) <= strictjson.BYTES_LIMIT:
        rest = before + name + quote + behind
        # The one place of this name, so that its empty text is the one that was cut.
        if rest.count(b'"payload"') == 1 and b"\\" not in raw:
            value = _rest(rest, what)
            envelope = value.get("dsseEnvelope") if isinstance(value, dict) else None
            if isinstance(envelope, dict) and "payload" in envelope and payload.isascii():
                envelope["payload"] = payload.decode("ascii")
                return value
    return strictjson.parse(raw, what=what)


def _cut_subjects(payload: bytes, what: str) -> Any:
    """The array is the last member of the document, so where it stands is beyond doubt."""
    start = payload.rfind(_SUBJECTS) + len(_SUBJECTS)
    if start < len(_SUBJECTS) or not payload.endswith(_SUBJECTS_END):
        return None
    text = _text(payload[start : -len(_SUBJECTS_END)])
    first = _WHOLE.match(text)
    at = first.end() if first is not None else 0
    items = _SUBJECT.findall(text, at)
    blobs, _, names = zip(*items, strict=True) if items else ((), (), ())
    constant = len('{"digest":{"sha256":""},"name":""},') + 64
    read = constant * len(items) + _BLOB * (len(items) - blobs.count("")) - 1
    if not items or not _accounts(text, at + read, names):
        return None
    value = _rest(payload[:start] + _SUBJECTS_END, what)
    if value is None:
        return None
    whole = [] if first is None else [{"digest": {"dirHash": first[1]}, "name": "."}]
    value["subject"] = whole + items
    return value


def _rest(document: bytes, what: str) -> Any:
    try:
        return strictjson.parse(document, what=what)
    except MalformedError:
        return None  # the whole is parsed then, and the message gives the place in that


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""  # strictjson says where


def _accounts(text: str, fixed: int, names: list[str] | tuple[str, ...]) -> bool:
    """Every character belongs to a match, and no name holds what JSON would have escaped."""
    joined = "".join(names)
    return fixed + len(joined) == len(text) and joined.isprintable()
