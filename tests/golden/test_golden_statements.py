# SPDX-License-Identifier: Apache-2.0
"""Wire formats are promises: a payload that changes by one byte is another format."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubpolicy.core import documents, verify
from hubpolicy.core.bundle import make_bundle, parse_bundle
from hubpolicy.core.oms import oms_statement
from hubpolicy.domain.manifest import EvidenceFile
from tests.golden import samples

FILES = Path(__file__).parent / "files"
NAMES = (*samples.SIGNERS, "model-signature", "root", "state", "state-asking")


def written() -> dict[str, bytes]:
    """Every payload as it is written now: made in the test, where mutation testing sees it."""
    return {
        **samples.payloads(),
        "model-signature": oms_statement(samples.MANIFEST, "wizard-7b"),
        "root": documents.root_payload(samples.ROOT),
        "state": documents.state_payload(samples.STATE),
        "state-asking": documents.state_payload(samples.ASKING),
    }


@pytest.fixture(scope="module", autouse=True)
def _golden_files(request: pytest.FixtureRequest) -> None:
    # The switch is registered only where pytest was pointed at this folder.
    if request.config.getoption("--update-goldens", default=False):
        payloads = written()
        changed = [
            name for name in NAMES if (FILES / f"{name}.json").read_bytes() != payloads[name]
        ]
        for name in changed:
            (FILES / f"{name}.json").write_bytes(payloads[name])
        for name in samples.SIGNERS.keys() & set(changed):  # signatures are random
            bundle = make_bundle(payloads[name], samples.signer(samples.SIGNERS[name]))
            (FILES / f"{name}.sigstore.json").write_bytes(bundle)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_payload_is_byte_for_byte_the_golden_one(name: str) -> None:
    assert written()[name] == (FILES / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", sorted(samples.SIGNERS))
def test_bundle_signed_long_ago_still_verifies(name: str) -> None:
    raw = (FILES / f"{name}.sigstore.json").read_bytes()
    proven = verify.verify_bundle(raw, samples.TRUST, now=samples.NOW, where=name)
    assert proven.principal == samples.SIGNERS[name]
    assert parse_bundle(raw, where=name).payload == written()[name]


def test_golden_release_verifies_as_a_whole() -> None:
    names = ("card", "toxicity", "applicability", "evidence", "waiver", "release")
    lines = b"".join((FILES / f"{n}.sigstore.json").read_bytes() + b"\n" for n in names)
    approval = (FILES / "approval.sigstore.json").read_bytes()
    name = verify.verify_bundle(approval, samples.TRUST, now=samples.NOW, where="").payload_sha256
    files = (
        EvidenceFile(".hubpolicy/release.intoto.jsonl", lines),
        EvidenceFile(f".hubpolicy/approvals/{name}.jsonl", approval + b"\n"),
    )
    proven, found = verify.verify_lines(files, samples.TRUST, now=samples.NOW)
    assert found == ()
    assert {type(p.predicate).__name__ for p in proven} == {
        "CardResult",
        "ToxicityResult",
        "ApplicabilityResult",
        "ForeignEvidence",
        "Waiver",
        "Approval",
        "ReleaseSummary",
    }
