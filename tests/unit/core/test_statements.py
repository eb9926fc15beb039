# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from hubpolicy.core import statements
from hubpolicy.core.bundle import make_bundle, parse_bundle
from hubpolicy.core.predicates import parse_predicate
from hubpolicy.domain.manifest import Manifest, make_manifest
from hubpolicy.domain.statement import Statement, Subject
from hubpolicy.errors import MalformedError
from tests.golden import samples

PAYLOADS = samples.payloads()


def read(name: str) -> Statement:
    return statements.parse_statement(PAYLOADS[name], where=name)


def test_release_names_every_file_and_the_whole() -> None:
    files, whole = statements.subject_manifest(read("release"))
    assert files == {entry.path: entry.sha256 for entry in samples.MANIFEST.entries}
    assert whole == samples.MANIFEST.dir_hash


def test_small_files_also_by_git_blob() -> None:
    subjects = {subject.name: subject for subject in read("release").subjects}
    assert subjects["config.json"].get("gitBlob") == "9e26dfeeb6e641a33dae4961196235bdb965b21b"
    assert subjects["model.safetensors"].get("gitBlob") is None


def test_closure_evidence_binds_its_files_alone() -> None:
    for name in ("toxicity", "applicability", "approval"):
        files, whole = statements.subject_manifest(read(name))
        assert files == {entry.path: entry.sha256 for entry in samples.CLOSURE}
        assert whole is None


def test_closure_digest_is_its_dir_hash_in_any_order() -> None:
    expected = make_manifest(list(samples.CLOSURE)).dir_hash
    assert statements.closure_digest(samples.CLOSURE) == expected
    assert statements.closure_digest(reversed(samples.CLOSURE)) == expected


def test_payload_digest_of_a_bundle_is_its_payloads() -> None:
    payload = PAYLOADS["card"]
    bundle = parse_bundle(make_bundle(payload, samples.signer("ci")), where="x")
    assert statements.payload_sha256(bundle) == statements.payload_sha256(payload)
    assert statements.payload_sha256(payload) == hashlib.sha256(payload).hexdigest()


def test_release_inputs_are_the_summarys() -> None:
    with pytest.raises(ValueError, match="same digests"):
        statements.release_statement(samples.SUMMARY, samples.MANIFEST, inputs=())


def test_nothing_is_signed_that_would_not_verify() -> None:
    with pytest.raises(MalformedError, match="every file and the whole"):
        statements.release_statement(samples.SUMMARY, Manifest(()), inputs=samples.INPUTS)
    with pytest.raises(MalformedError, match="at least one subject"):
        statements.toxicity_statement(samples.TOXICITY, ())
    with pytest.raises(MalformedError, match="files of a closure alone"):
        statements.approval_statement(
            samples.APPROVAL, (statements.whole_subject(samples.MANIFEST),)
        )
    broken = samples.TOXICITY._replace(suites=())
    with pytest.raises(MalformedError, match="at least one suite"):
        statements.toxicity_statement(broken, samples.CLOSURE)


FITS_TOO = {("closure", "card"), ("manifest", "release")}
APPROVED = {
    "closure": statements.closure_subjects(samples.CLOSURE),
    "card": (statements.file_subject(samples.README),),
    "manifest": (statements.whole_subject(samples.MANIFEST),),
    "release": read("release").subjects,
}


@pytest.mark.parametrize("subjects", APPROVED)
@pytest.mark.parametrize("binds", ["closure", "card", "manifest"])
def test_approval_is_about_what_its_role_binds(binds: Any, subjects: str) -> None:
    approval = samples.APPROVAL._replace(binds=binds)
    # The card is also a file, so nothing but the rules can tell it from a closure of one.
    if subjects == binds or (binds, subjects) in FITS_TOO:
        statements.approval_statement(approval, APPROVED[subjects])
        return
    with pytest.raises(MalformedError, match="other subjects"):
        statements.approval_statement(approval, APPROVED[subjects])


def test_card_check_is_about_the_card() -> None:
    other = samples.README._replace(path="CARD.md")
    with pytest.raises(MalformedError, match=r"README\.md and the whole"):
        statements.card_statement(samples.CARD, other, samples.MANIFEST, tool_version="1")


@pytest.mark.parametrize("name", ["card", "release", "waiver"])
def test_the_whole_is_never_left_out(name: str) -> None:
    statement = read(name)
    files = tuple(subject for subject in statement.subjects if subject.name != ".")
    predicate = parse_predicate(statement.predicate_type, statement.predicate, where="x")
    assert predicate is not None
    with pytest.raises(MalformedError, match="the whole"):
        statements.check_subjects(statement._replace(subjects=files), predicate, where="x")


S64, S40 = "0" * 64, "0" * 40
SUBJECTS: dict[str, Any] = {
    "none": [],
    "no list": {"name": "a", "digest": {"sha256": S64}},
    "twice": [{"name": "a", "digest": {"sha256": S64}}] * 2,
    "no name": [{"digest": {"sha256": S64}}],
    "empty name": [{"name": "", "digest": {"sha256": S64}}],
    "name is a number": [{"name": 1, "digest": {"sha256": S64}}],
    "no digest": [{"name": "a"}],
    "empty digest": [{"name": "a", "digest": {}}],
    "digest is text": [{"name": "a", "digest": S64}],
    "git blob alone": [{"name": "a", "digest": {"gitBlob": S40}}],
    "git blob and dirHash": [{"name": "a", "digest": {"gitBlob": S40, "dirHash": S64}}],
    "sha256 and dirHash": [{"name": "a", "digest": {"sha256": S64, "dirHash": S64}}],
    "git blob is null": [{"name": "a", "digest": {"sha256": S64, "gitBlob": None}}],
    "git blob too long": [{"name": "a", "digest": {"sha256": S64, "gitBlob": S64}}],
    "sha256 too short": [{"name": "a", "digest": {"sha256": S64[1:]}}],
    "sha256 in capitals": [{"name": "a", "digest": {"sha256": "A" * 64}}],
    "sha256 in wide digits": [{"name": "a", "digest": {"sha256": "０" * 64}}],
    "sha256 is a number": [{"name": "a", "digest": {"sha256": 0}}],
    "sha256 is a list": [{"name": "a", "digest": {"sha256": [S64]}}],
    "unknown algorithm": [{"name": "a", "digest": {"sha1": S40}}],
    "unknown algorithm beside": [{"name": "a", "digest": {"sha256": S64, "sha1": S40}}],
    "unknown field": [{"name": "a", "digest": {"sha256": S64}, "uri": "x"}],
    "null": [None],
    "text": ["a"],
    "list": [["name", "digest"]],
    "one bad among good": [
        {"name": "a", "digest": {"sha256": S64}},
        {"name": "b", "digest": {"sha256": S64[:-1] + "g"}},
    ],
}


def _statement(**changes: Any) -> bytes:
    value: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": S64}}],
        "predicateType": "https://example.com/x",
        "predicate": {},
    }
    for name, change in changes.items():
        value[name] = change
        if change is ...:
            del value[name]
    return json.dumps(value).encode()


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
def test_refuses_subjects(subject: Any) -> None:
    with pytest.raises(MalformedError, match="line 2"):
        statements.parse_statement(_statement(subject=subject), where="line 2")


STATEMENTS: dict[str, dict[str, Any]] = {
    "v0.1": {"_type": "https://in-toto.io/Statement/v0.1"},
    "no type": {"_type": ...},
    "no predicate type": {"predicateType": ...},
    "blank predicate type": {"predicateType": " "},
    "no predicate": {"predicate": ...},
    "predicate is null": {"predicate": None},
    "predicate is a list": {"predicate": []},
    "unknown field": {"expires": "2030-01-01"},
}


@pytest.mark.parametrize("changes", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_refuses_statements(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="line 2"):
        statements.parse_statement(_statement(**changes), where="line 2")


def test_reads_a_statement() -> None:
    parsed = statements.parse_statement(_statement(), where="x")
    assert parsed == Statement((Subject("a", (("sha256", S64),)),), "https://example.com/x", {})


def test_digests_come_sorted_whatever_their_order() -> None:
    subject = [{"digest": {"sha256": S64, "gitBlob": S40}, "name": "a"}]
    parsed = statements.parse_statement(_statement(subject=subject), where="x")
    assert parsed.subjects[0].digest == (("gitBlob", S40), ("sha256", S64))


def test_a_whole_by_sha256_or_a_file_by_dir_hash_is_no_subject() -> None:
    for subject in (
        {"name": ".", "digest": {"sha256": S64}},
        {"name": "weights", "digest": {"dirHash": S64}},
    ):
        parsed = statements.parse_statement(_statement(subject=[subject]), where="x")
        assert statements.subject_manifest(parsed) == ({}, None)
        with pytest.raises(MalformedError, match="sha256 for every file"):
            statements.check_subjects(parsed, samples.TOXICITY, where="x")
