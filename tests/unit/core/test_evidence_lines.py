# SPDX-License-Identifier: Apache-2.0
"""One file of bundles: everything goes back to its place, and nothing else is taken for evidence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.evidence_lines import join_evidence, split_evidence
from hubpolicy.core.line_files import LINES_LIMIT, RELEASE_FILE, approval_path
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.statements import payload_sha256
from hubpolicy.domain.manifest import MODEL_SIGNATURE, EvidenceFile
from hubpolicy.errors import MalformedError
from tests.golden.samples import MANIFEST, SIGNERS, payloads, signer

KINDS = tuple(sorted(payloads()))
BUNDLES = {kind: make_bundle(payloads()[kind], signer(SIGNERS[kind])) for kind in KINDS}
SIGNATURE = make_bundle(oms_statement(MANIFEST, "wizard"), signer("rita"))
APPROVAL = approval_path(payload_sha256(payloads()["approval"]))
LINES = (*BUNDLES.values(), SIGNATURE)


def place(kind: str) -> str:
    return APPROVAL if kind == "approval" else RELEASE_FILE


def test_every_kind_goes_to_its_place() -> None:
    found = dict(split_evidence(b"\n".join(LINES), where="kept.jsonl"))
    assert found.keys() == {MODEL_SIGNATURE, RELEASE_FILE, APPROVAL}
    assert found[MODEL_SIGNATURE] == SIGNATURE + b"\n"
    for kind in KINDS:
        assert BUNDLES[kind] in found[place(kind)].splitlines()


@given(st.permutations(LINES))
def test_there_and_back(lines: list[bytes]) -> None:
    files = split_evidence(b"\n".join(lines), where="kept.jsonl")
    again = join_evidence(files)
    assert sorted(again.splitlines()) == sorted(lines)
    assert split_evidence(again, where="kept.jsonl") == files


def test_an_indented_signature_becomes_one_line_that_says_the_same() -> None:
    indented = json.dumps(json.loads(SIGNATURE), indent=2).encode()
    joined = join_evidence((EvidenceFile(MODEL_SIGNATURE, indented),))
    assert joined.count(b"\n") == 1
    assert json.loads(joined) == json.loads(SIGNATURE)
    assert dict(split_evidence(joined, where="x")).keys() == {MODEL_SIGNATURE}


def test_only_what_is_judged_is_kept() -> None:
    files = (
        EvidenceFile(".hubpolicy/evidence/" + "a" * 64 + ".jsonl.gz", b"\x1f\x8b"),
        EvidenceFile(".hubpolicy/policy/" + "a" * 64 + ".json", b"{}"),
        EvidenceFile(".hubpolicy/model.safetensors", b"hidden"),
    )
    assert join_evidence(files) == b""


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no bundle"),
        (b"\n \n\t\n", "no bundle"),
        (b"{}", "line 1"),
        (BUNDLES["card"] + b"\n{}", "line 2"),
        (BUNDLES["card"][:-1], "line 1"),
        (BUNDLES["card"] + BUNDLES["release"], "line 1"),
        (SIGNATURE + b"\n" + SIGNATURE, "second model signature"),
        (b"\n" * (LINES_LIMIT + 1), "lines"),
        (b"\xff\xfe", "line 1"),
        (json.dumps(json.loads(SIGNATURE), indent=2).encode(), "line 1"),
    ],
)
def test_what_is_no_file_of_bundles_is_refused(content: bytes, word: str) -> None:
    with pytest.raises(MalformedError, match=word):
        split_evidence(content, where="kept.jsonl")


def test_two_people_who_say_the_same_share_a_place() -> None:
    other = make_bundle(payloads()["approval"], signer("sue"))
    ((path, content),) = split_evidence(BUNDLES["approval"] + b"\n" + other, where="x")
    assert (path, content.count(b"\n")) == (APPROVAL, 2)
