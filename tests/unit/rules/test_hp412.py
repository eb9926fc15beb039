"""HP412: what is in the evidence folder."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp412

A = "a" * 64
KNOWN = {
    "model.sig": "signature",
    ".hubpolicy/release.intoto.jsonl": "release",
    f".hubpolicy/approvals/{A}.jsonl": "approval",
    f".hubpolicy/policy/{A}.json": "policy",
    f".hubpolicy/evidence/{A}.jsonl.gz": "records",
}
UNKNOWN = [
    ".hubpolicy/evil.py",
    ".hubpolicy/approvals/short.jsonl",
    f".hubpolicy/approvals/{A.upper()}.jsonl",
    f".hubpolicy/approvals/{A}.json",
    f".hubpolicy/approvals/sub/{A}.jsonl",
    f".hubpolicy/approvals/{A}.jsonl.jsonl",
    f".hubpolicy/approvals/approvals/{A}.jsonl",
    f".hubpolicy/policy/{A}.jsonl",
    f".hubpolicy/evidence/{A}.jsonl",
    f".hubpolicy/{A}.jsonl",
    f"approvals/{A}.jsonl",
    "sub/model.sig",
    "",
]


@pytest.mark.parametrize(("path", "kind"), KNOWN.items())
def test_known_kinds(path: str, kind: str) -> None:
    assert hp412.evidence_kind(path) == kind
    assert hp412.check([path], frozenset({path})) == ()


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_kinds(path: str) -> None:
    assert hp412.evidence_kind(path) is None
    (finding,) = hp412.check([path], frozenset({path}))
    assert (finding.rule, finding.effect) == ("HP412", "failed")
    assert "not a known kind" in finding.message


def test_the_two_files_that_need_no_reference() -> None:
    assert hp412.check(["model.sig", ".hubpolicy/release.intoto.jsonl"], frozenset()) == ()


def test_a_known_kind_without_a_reference() -> None:
    path = f".hubpolicy/policy/{A}.json"
    (finding,) = hp412.check([path], frozenset())
    assert "not referenced from any verified line" in finding.message
    assert finding.fix.startswith(f"remove '{path}'")


def test_what_may_be_of_a_line_that_did_not_verify_is_to_be_left() -> None:
    known, unknown = hp412.check(
        [f".hubpolicy/policy/{A}.json", ".hubpolicy/x.py"], frozenset(), unread=True
    )
    assert (known.effect, known.fix.startswith("leave it")) == ("failed", True)
    assert unknown.fix.startswith("remove '.hubpolicy/x.py'")


def test_digest_in_the_name() -> None:
    assert [hp412.named_digest(path) for path in KNOWN] == [None, None, A, A, A]
    assert hp412.named_digest(".hubpolicy/evil.py") is None
