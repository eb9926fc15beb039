# SPDX-License-Identifier: Apache-2.0
"""The long arrays of a statement, read all at once where they are spelt as we spell them.

A release of 10,000 files names each of them in three documents, and the git hook counts
milliseconds. What is between the brackets is cut out, taken apart by one expression that has to
account for every byte of it, and the rest is parsed as strictly as ever. Any other spelling is left
to ``strictjson`` as a whole. On the hook's path.
"""

from __future__ import annotations

import re
from typing import Any

from hubpolicy.core import strictjson
from hubpolicy.domain.statement import STATEMENT_TYPE
from hubpolicy.errors import MalformedError

_LEAST = 8192
"""Bytes. A shorter document is parsed before one has looked whether it can be cut."""

_SUBJECTS, _SUBJECTS_END = b',"subject":[', b"]}"
_WHOLE = re.compile(r'\{"digest":\{"dirHash":"([0-9a-f]{64})"\},"name":"\."\},')
_SUBJECT = re.compile(
    r'\{"digest":\{(?:"gitBlob":"(.{40})",)?"sha256":"(.{64})"\},"name":"([^"\\]+)"\}(?:,(?=\{)|\Z)'
)
_BLOB = len('"gitBlob":"",') + 40
_RESOURCES = b'{"_type":"%b","predicate":{"resources":[' % STATEMENT_TYPE.encode()
_RESOURCES_END = b'],"serialization":{'
_RESOURCE = re.compile(
    r'\{"algorithm":"sha256","digest":"(.{64})","name":"([^"\\]+)"\}(?:,(?=\{)|\Z)'
)


def parse(payload: bytes, *, what: str) -> Any:
    """As :func:`strictjson.parse`, but for two arrays whose items may come as tuples.

    ``subject``: (git blob id or "", sha256, name), after an object for the whole if that is first;
    ``resources`` of a Model Signing predicate: (sha256, name). The texts of digests are not checked
    to be hexadecimal. Nothing else ever makes a tuple out of JSON.

    Raises:
        MalformedError: as there.

    """
    if len(payload) >= _LEAST and len(payload) <= strictjson.BYTES_LIMIT:
        found = _cut_resources(payload, what) or _cut_subjects(payload, what)
        if found is not None:
            return found
    return strictjson.parse(payload, what=what)


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


def _cut_resources(payload: bytes, what: str) -> Any:
    """The array begins where the document does."""
    end = payload.rfind(_RESOURCES_END)
    if end < len(_RESOURCES) or not payload.startswith(_RESOURCES):
        return None
    text = _text(payload[len(_RESOURCES) : end])
    items = _RESOURCE.findall(text)
    constant = len('{"algorithm":"sha256","digest":"","name":""},') + 64
    if not items or not _accounts(text, constant * len(items) - 1, [name for _, name in items]):
        return None
    value = _rest(_RESOURCES + payload[end:], what)
    if value is None:
        return None
    value["predicate"]["resources"] = items
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
