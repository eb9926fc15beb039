# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.core import statements, verify
from hubpolicy.core.bundle import make_bundle
from hubpolicy.domain.finding import Location
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.domain.trust import Role, Trust
from tests.golden import samples
from tests.golden.samples import NOW, TRUST, signer

PAYLOADS = samples.payloads()
BUNDLES = samples.bundles()
RELEASE = ".hubpolicy/release.intoto.jsonl"


def lines(*raw: bytes, trust: Trust = TRUST, now: str = NOW) -> tuple[list[str], list[str]]:
    """(kinds proven, rules of the findings) of a release file with these lines."""
    files = (EvidenceFile(RELEASE, b"\n".join(raw) + b"\n"),)
    good, bad = verify.verify_lines(files, trust, now=now)
    assert all(f.severity.word == "error" and f.effect == "failed" for f in bad)
    return [type(s.predicate).__name__ for s in good], [f.rule for f in bad]


def test_findings_name_file_line_and_remedy() -> None:
    files = (EvidenceFile(RELEASE, BUNDLES["card"] + b"\n{}\n"),)
    _, (finding,) = verify.verify_lines(files, TRUST, now=NOW)
    assert finding.location is not None
    assert tuple(finding.location) == (RELEASE, 2, 0)
    assert f"{RELEASE} line 2" in finding.message


def test_duplicates_are_per_payload_and_key() -> None:
    again = make_bundle(PAYLOADS["card"], signer("ci"))
    assert lines(BUNDLES["card"], BUNDLES["card"], again) == (["CardResult"], ["HP305"] * 2)


@pytest.mark.parametrize(("spaces", "good"), [(4000, 1), (4096, 0)])
@pytest.mark.parametrize("white", [b" ", b"\t", b"\r"])
def test_a_line_is_no_place_to_hide_white_space(spaces: int, good: int, white: bytes) -> None:
    spread = BUNDLES["card"].replace(b'":', b'": ', 2).replace(b"{", b"{" + white * spaces, 1)
    proven, found = lines(spread, BUNDLES["toxicity"])
    assert len(proven) == 1 + good
    assert found == ["HP302"] * (1 - good)


def test_white_space_past_its_limit_is_told_by_line() -> None:
    files = (EvidenceFile(RELEASE, BUNDLES["card"] + b"\n" + b" " * 5000 + b"\n"),)
    proven, (finding,) = verify.verify_lines(files, TRUST, now=NOW)
    assert len(proven) == 1
    assert finding.location == Location(RELEASE, 2)
    assert "at most 4096 bytes of white space" in finding.message


def test_two_releasers_may_sign_one_payload() -> None:
    roles = tuple(
        Role("releaser", frozenset({"rita", "olga"}), 2) if role.name == "releaser" else role
        for role in samples.ROOT.roles
    )
    trust = Trust(samples.ROOT._replace(roles=roles), samples.STATE)
    second = make_bundle(PAYLOADS["release"], signer("olga"))
    good, bad = lines(BUNDLES["release"], second, trust=trust)
    assert (len(good), bad) == (2, [])


def approvals(*files: tuple[str, bytes]) -> tuple[int, list[str]]:
    evidence = tuple(EvidenceFile(f".hubpolicy/approvals/{name}", raw) for name, raw in files)
    good, bad = verify.verify_lines(evidence, TRUST, now=NOW)
    return len(good), [finding.rule for finding in bad]


DIGEST = statements.payload_sha256(PAYLOADS["approval"])


def test_approval_stands_in_a_file_named_by_its_payload() -> None:
    raw = BUNDLES["approval"]
    assert approvals((f"{DIGEST}.jsonl", raw + b"\n")) == (1, [])
    assert approvals((f"{'0' * 64}.jsonl", raw + b"\n")) == (0, ["HP302"])


def test_approvals_in_the_same_words_may_share_a_file() -> None:
    """Where the payload does not say who approves, several people sign the same bytes."""
    closure = statements.closure_subjects(samples.CLOSURE)
    payload = statements.approval_statement(samples.APPROVAL._replace(approver=""), closure)
    both = b"".join(make_bundle(payload, signer(who)) + b"\n" for who in ("sam", "sue"))
    assert approvals((f"{statements.payload_sha256(payload)}.jsonl", both)) == (2, [])


@pytest.mark.parametrize(
    "name",
    [
        "sam.jsonl",
        f"{DIGEST}.JSONL",
        f"{DIGEST.upper()}.jsonl",
        f"{DIGEST}.jsonl.py",
        f"sub/{DIGEST}.jsonl",
        f"{DIGEST}.jsonl\n",
        "",
    ],
)
def test_other_files_among_the_approvals_are_not_read(name: str) -> None:
    path = f".hubpolicy/approvals/{name}"
    files = (EvidenceFile(path, BUNDLES["approval"] + b"\n\n\n"),)
    good, (finding,) = verify.verify_lines(files, TRUST, now=NOW)
    assert (good, finding.rule, finding.location) == ((), "HP302", Location(path))
    assert "not read" in finding.message


def test_each_statement_has_its_place() -> None:
    assert lines(BUNDLES["approval"]) == ([], ["HP302"])
    name = statements.payload_sha256(PAYLOADS["waiver"])
    assert approvals((f"{name}.jsonl", BUNDLES["waiver"])) == (0, ["HP302"])


def test_other_evidence_files_are_left_to_others() -> None:
    files = (
        EvidenceFile("model.sig", b"x"),
        EvidenceFile(".hubpolicy/policy/x.json", b"x"),
        EvidenceFile(".hubpolicy/release.intoto.jsonl.bak", b"x"),
    )
    assert verify.verify_lines(files, TRUST, now=NOW) == ((), ())
    assert verify.check_model_signature(files[1:], TRUST, None, now=NOW) == (None, ())


FILES = {
    "empty": b"",
    "line break alone": b"\n",
    "blank line within": BUNDLES["card"] + b"\n\n" + BUNDLES["toxicity"] + b"\n",
    "two final line breaks": BUNDLES["card"] + b"\n\n",
    "JSON array": b"[" + BUNDLES["card"] + b"]",
    "binary": bytes(range(256)),
    "byte order mark": b"\xef\xbb\xbf" + BUNDLES["card"],
    "UTF-16": BUNDLES["card"].decode().encode("utf-16"),
    "nesting bomb": b"[" * 100_000,
    "indented bundle": json.dumps(json.loads(BUNDLES["card"]), indent=1).encode(),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_hostile_files_become_findings(content: bytes) -> None:
    _, bad = verify.verify_lines((EvidenceFile(RELEASE, content),), TRUST, now=NOW)
    assert bad
    assert {finding.rule for finding in bad} == {"HP302"}


def test_too_many_lines_are_not_read() -> None:
    content = (BUNDLES["card"] + b"\n") * 4097
    good, bad = verify.verify_lines((EvidenceFile(RELEASE, content),), TRUST, now=NOW)
    assert (good, [finding.rule for finding in bad]) == ((), ["HP302"])


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([RELEASE, f".hubpolicy/approvals/{DIGEST}.jsonl", "model.sig"]),
)
def test_any_bytes_are_findings_and_nothing_else(content: bytes, path: str) -> None:
    files = (EvidenceFile(path, content),)
    good, bad = verify.verify_lines(files, TRUST, now=NOW)
    signature, found = verify.check_model_signature(files, TRUST, None, now=NOW)
    assert good == ()
    assert signature is None
    assert len(bad) + len(found) >= 1
