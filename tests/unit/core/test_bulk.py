# SPDX-License-Identifier: Apache-2.0
"""Long arrays read at once give what reading them one by one gives, and refuse what that refuses."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.core import bulk, strictjson
from hubpolicy.core.oms import (
    oms_statement,
    parse_model_signature,
    read_expected,
)
from hubpolicy.core.statements import parse_statement
from hubpolicy.domain.manifest import Entry, Manifest, make_manifest
from hubpolicy.domain.statement import OMS, Statement
from hubpolicy.errors import HubpolicyError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 100


def entries(count: int = MANY) -> list[Entry]:
    return [
        Entry(f"docs/page-{n:04d}.md", n, f"{n:064x}", f"{n:040x}" if n % 5 else None)
        for n in range(count)
    ]


def payload(files: list[Entry], *, whole: bool = True) -> bytes:
    """A statement as we write them."""
    subjects = [{"digest": {"dirHash": "a" * 64}, "name": "."}] if whole else []
    for path, _, sha256, blob in files:
        ids = {"sha256": sha256} if blob is None else {"gitBlob": blob, "sha256": sha256}
        subjects.append({"digest": ids, "name": path})
    kind = "https://slsa.dev/verification_summary/v1"
    top = {"_type": "https://in-toto.io/Statement/v1", "predicateType": kind, "predicate": {}}
    return strictjson.canonical({**top, "subject": subjects})


def one_by_one(document: bytes) -> Statement:
    """The same statement with a blank in it, so that nothing is read at once."""
    spaced = document.replace(b'{"_type":', b'{ "_type":', 1).replace(
        b',"subject":', b', "subject":'
    )
    assert type(bulk.parse(spaced, what="x")["subject"][-1]) is dict
    return parse_statement(spaced, where="x")


@pytest.mark.parametrize("whole", [True, False])
def test_it_reads_what_is_read_one_by_one(whole: bool) -> None:
    document = payload(entries(), whole=whole)
    assert type(bulk.parse(document, what="x")["subject"][-1]) is tuple
    assert parse_statement(document, where="x") == one_by_one(document)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=9)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_with_any_names(names: list[str]) -> None:
    document = payload([*entries(), *(Entry(name, 1, "b" * 64) for name in names if name != ".")])
    assert parse_statement(document, where="x") == one_by_one(document)


LAST = b'"name":"docs/page-0099.md"}'
SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "a digest in upper case": lambda raw: raw.replace(b"0" * 63 + b"a", b"0" * 63 + b"A"),
    "a digest too short": lambda raw: raw.replace(b"0" * 63 + b"b", b"0" * 62 + b"b"),
    "an id with a quote": lambda raw: raw.replace(b"0" * 38 + b"63", b'"' + b"0" * 37 + b"63"),
    "an id of another algorithm": lambda raw: raw.replace(b'"gitBlob"', b'"gitblob"', 1),
    "a field more": lambda raw: raw.replace(LAST, LAST[:-1] + b',"uri":"x"}'),
    "a name twice": lambda raw: raw.replace(b"page-0098", b"page-0097"),
    "a key twice": lambda raw: raw.replace(LAST, LAST[:-1] + b',"name":"x"}'),
    "two arrays": lambda raw: raw.replace(b',"subject":[', b',"subject":[],"subject":['),
    "a comma at the end": lambda raw: raw[:-2] + b",]}",
    "no comma": lambda raw: raw.replace(b'},{"digest":{"sha256"', b'}{"digest":{"sha256"', 1),
    "a line break in a name": lambda raw: raw.replace(b"page-0007", b"page\n0007"),
    "a broken escape": lambda raw: raw.replace(b"page-0007", b"page\\x0007"),
    "bytes that are no text": lambda raw: raw.replace(b"page-0007", b"page\xff0007"),
    "another array behind": lambda raw: raw[:-1] + b',"more":[]}',
    "nested one deeper": lambda raw: raw[:-1].replace(b',"subject":[', b',"x":{"subject":[') + b"}}",
    "cut off": lambda raw: raw[:-3],
    "an empty name": lambda raw: raw.replace(b"docs/page-0007.md", b""),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_whatever_is_refused_one_by_one_is_refused(name: str) -> None:
    spoilt = SPOILT[name](payload(entries()))
    assert spoilt != payload(entries())
    with pytest.raises(MalformedError) as caught:
        parse_statement(spoilt, where="x")
    with pytest.raises(MalformedError) as slow:
        parse_statement(spoilt.replace(b'{"_type":', b'{ "_type":', 1) + b" ", where="x")
    assert "got" in caught.value.message
    assert "in " in slow.value.message


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_byte_changed_gives_the_same_either_way(data: st.DataObject) -> None:
    raw = bytearray(payload(entries()))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(
            st.sampled_from(b'{}[],:"\\ax09 \n.') | st.integers(0, 255)
        )
    changed = bytes(raw)

    def read(document: bytes) -> object:
        try:
            return parse_statement(document, where="x")
        except HubpolicyError:
            return None

    # A blank at the end is JSON's, too, and nothing is read at once then.
    assert read(changed) == read(changed + b" ")


def bundle(text: str, name: str = "payload", *, before: str = "") -> bytes:
    return json.dumps(
        {**({before: text} if before else {}), "dsseEnvelope": {name: text, "payloadType": "t"}},
        separators=(",", ":"),
    ).encode()


LONG = base64.b64encode(bytes(range(256)) * 64).decode()


@pytest.mark.parametrize(
    "raw",
    [
        bundle(LONG),
        bundle(LONG + "\\"),
        bundle(LONG + "é"),
        bundle(LONG, "other"),
        bundle(LONG, before="payload"),
        bundle("", before="payload"),
        bundle(LONG).replace(b'"payload":', b'"payload" :'),
        bundle(LONG).replace(b'"payload":', b'"pa\\u0079load":'),
        b'{"x":' + bundle(LONG) + b"}",
        json.dumps({LONG: "payload"}).encode(),
    ],
)
def test_a_bundle_is_read_as_by_the_strict_parser(raw: bytes) -> None:
    assert bulk.parse_envelope(raw, what="x") == strictjson.parse(raw, what="x")


@pytest.mark.parametrize("raw", [bundle(LONG)[:-1], bundle(LONG) + b"x", bundle(LONG)[:9000]])
def test_a_bundle_that_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError, match="strict JSON"):
        bulk.parse_envelope(raw, what="x")


def signature(document: bytes) -> object:
    return parse_model_signature(parse_statement(document, where="x"), where="x")


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), NAMES)
def test_a_model_signature_that_we_would_write_is_what_it_says(names: list[str], own: str) -> None:
    manifest = make_manifest([*entries(5), *(Entry(name, 1, "b" * 64) for name in names)])
    document = oms_statement(manifest, own)
    found = read_expected(document, manifest)
    assert found is None or found == signature(document)
    if all(name.isprintable() and not set('"\\') & set(name) for name in names):
        assert found is not None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw.replace(b"page-0001", b"page-0009"),
        lambda raw: raw.replace(b"0" * 63 + b"1", b"0" * 63 + b"9"),
        lambda raw: raw.replace(b'"ignore_paths":[', b'"ignore_paths":["README.md",'),
        lambda raw: raw.replace(b'"wizard"', b"7"),
        lambda raw: raw.replace(b'"wizard"', b'""'),  # the parser takes no subject without a name
        lambda raw: raw.replace(b'"wizard"', b'"wiz\\u0061rd"'),
        lambda raw: raw + b" ",
        lambda raw: raw.replace(OMS.encode(), b"https://example.org"),
        lambda _: b"",
    ],
)
def test_any_other_is_left_to_the_parser(spoil: Callable[[bytes], bytes]) -> None:
    manifest = Manifest(tuple(entries(5)))
    document = oms_statement(manifest, "wizard")
    assert read_expected(document, manifest) is not None
    assert read_expected(spoil(document), manifest) is None
