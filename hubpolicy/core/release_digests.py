# SPDX-License-Identifier: Apache-2.0
"""What has to be revoked so that a release is gone: its weight files and its signed lines.

Read from verified lines alone: whoever can write into a release must not choose what its owner
revokes. So a stranger's line is passed over, and a release with no line that holds is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.filetypes import is_weight_like
from hubpolicy.core.quantized import claimed_by, is_original
from hubpolicy.core.verify import verify_lines
from hubpolicy.domain.statement import ReleaseSummary, ToxicityResult
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.certified import Witness
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.domain.trust import State, TrustRoot


class ReleaseDigests(NamedTuple):
    """``files``: (name, hex sha256) of the weights; ``payloads``: of the lines, hex sha256."""

    files: tuple[tuple[str, str], ...]
    payloads: tuple[str, ...]


def release_digests(
    evidence: tuple[EvidenceFile, ...],
    roots: tuple[TrustRoot, ...],
    state: State,
    *,
    now: str,
    witness: Witness | None = None,
) -> ReleaseDigests:
    """Weight files and payloads of a release, from lines that hold under one of the roots.

    What is revoked already still tells what else belongs to it.

    Raises:
        VerificationError: no line holds, or none names a weight file.

    """
    nothing: frozenset[str] = frozenset()
    before = state._replace(revoked_keys=nothing, revoked_payloads=nothing)
    lines: dict[str, VerifiedStatement] = {}
    reasons: list[str] = []
    for root in reversed(roots):
        proven, findings = verify_lines(evidence, Trust(root, before, witness), now=now)
        lines |= {line.payload_sha256: line for line in proven}
        reasons += [finding.message for finding in findings]
    if not lines:
        message = (
            f"got no line of evidence that holds: {reasons[0] if reasons else 'there is none'}"
        )
        raise VerificationError(message, hint="hubpolicy trust revoke file SHA256")
    lines = _without_originals(lines)
    files = sorted({pair for line in lines.values() for pair in _weights(line)})
    if not files:
        message = "got evidence that names no weight file"
        raise VerificationError(message, hint="hubpolicy trust revoke file SHA256")
    return ReleaseDigests(tuple(files), tuple(sorted(lines)))


def _without_originals(lines: dict[str, VerifiedStatement]) -> dict[str, VerifiedStatement]:
    """Without what is said of another release: that from which this one's files were quantised.

    Where the original stands in this very release, the release line names its files too.
    """
    claimed = claimed_by(lines.values())
    here = {
        subject for line in lines.values() for subject in line.statement.subjects
        if isinstance(line.predicate, ReleaseSummary)
    }  # fmt: skip
    return {
        payload: line
        for payload, line in lines.items()
        if not is_original(line, claimed) or here.issuperset(line.statement.subjects)
    }


def _weights(line: VerifiedStatement) -> list[tuple[str, str]]:
    if not isinstance(line.predicate, (ReleaseSummary, ToxicityResult)):
        return []
    pairs = [(subject.name, subject.get("sha256")) for subject in line.statement.subjects]
    return [(name, sha) for name, sha in pairs if sha and is_weight_like(name, 0)]
