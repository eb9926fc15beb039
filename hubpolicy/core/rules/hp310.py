# SPDX-License-Identifier: Apache-2.0
"""HP310: evidence lines and the release line's list of inputs are not the same set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.lines import named, select, short
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.statement import Approval, ReleaseSummary

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

ID = "HP310"
TITLE = "the release line names all of its evidence"
SEVERITY = Severity.ERROR
_FIX = "hubpolicy attest PATH rewrites the lines and signs the release again"


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """Every input must be at hand and verified; every other verified line must be an input."""
    releases = select(evidence.lines, ReleaseSummary)
    have = _beside_releases(evidence)
    if evidence.model_signature is not None:
        have.add(evidence.model_signature.payload_sha256)
    found: list[Finding] = []
    said = _approvals(evidence)
    for _, summary in releases:
        inputs = set(summary.inputs)
        for digests, sentence in (
            (inputs - have, "named by the release line and not at hand"),
            (have - inputs, "at hand and not named by the release line"),
        ):
            if digests:
                ordered = sorted(digests, key=lambda digest: (digest not in said, digest))
                which = named(tuple(said.get(digest) or short(digest) for digest in ordered))
                message = f"{len(digests)} piece(s) of evidence {sentence}: {which}"
                found.append(Finding(ID, SEVERITY, message, _place(digests, said), _FIX))
    return tuple(found)


def _approvals(evidence: Evidence) -> dict[str, str]:
    """Payload digest to words: people know an approval by who gave it, and none by its digest."""
    words = {"approve": "an approval", "reject": "a rejection"}
    return {
        line.payload_sha256: f"{words[said.decision]} as {said.role} by {line.principal}"
        for line, said in select(evidence.lines, Approval)
    }


def _place(digests: set[str], said: dict[str, str]) -> Location:
    """The file of the first, where all are approvals: each has one of its own."""
    alone = digests <= said.keys()
    return Location(approval_path(min(digests)) if alone else RELEASE_FILE)


def unnamed(evidence: Evidence) -> frozenset[str]:
    """The payload digests of verified lines that no release line names."""
    releases = select(evidence.lines, ReleaseSummary)
    inputs = frozenset(digest for _, summary in releases for digest in summary.inputs)
    return frozenset(_beside_releases(evidence)) - inputs


def _beside_releases(evidence: Evidence) -> set[str]:
    own = {line.payload_sha256 for line, _ in select(evidence.lines, ReleaseSummary)}
    return {line.payload_sha256 for line in evidence.lines} - own
