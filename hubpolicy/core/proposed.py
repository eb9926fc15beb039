# SPDX-License-Identifier: Apache-2.0
"""Evidence that a pull request adds to a release, before a releaser has signed for it.

An approval that is proposed stands beside a release line that does not name it (HP310). Of a
branch that is evidence put there by somebody else than its releaser; of a proposal it is what one
is for. So the release is judged without it, and by it where it speaks against the release.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.judge import judge
from hubpolicy.core.lines import digests, select
from hubpolicy.core.rules import hp310
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.finding import Decision, verdict_of
from hubpolicy.domain.statement import Approval

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence

_PROPOSALS = "refs/pr/"


def is_proposal(ref: str) -> bool:
    """A pull request's ref on a hub, or a commit before it; not a branch, and not a tag."""
    return ref.startswith(_PROPOSALS)


def rejections(evidence: Evidence) -> bool:
    """Whether anybody says no there, of whatever bytes: a listing alone does not tell of which."""
    return any(said.decision == "reject" for _, said in select(evidence.lines, Approval))


def content_of(evidence: Evidence) -> str:
    """Equal for equal files of one hub, whatever evidence stands beside them; empty if unknown."""
    files = sorted(digests(evidence).items())
    if not files or any(digest == (None, None) for _, digest in files):
        return ""
    return hashlib.sha256(canonical([[path, *digest] for path, digest in files])).hexdigest()


def judge_beside(evidence: Evidence, beside: frozenset[str], today: str) -> Decision:
    """No better for what was added, since nobody signed for it, and no worse unless it says no.

    ``today``: when what was added is judged; it may be younger than the release.

    Raises:
        ConfigError: as :func:`hubpolicy.core.judge.judge` does.

    """
    if not beside:
        return judge(evidence)
    lines = tuple(line for line in evidence.lines if line.payload_sha256 not in beside)
    alone = evidence._replace(lines=lines)
    base = judge(alone)
    if base.verdict != "passed":
        return base
    known = {*judge(alone._replace(now=today)).findings}
    found = judge(evidence._replace(now=today)).findings
    against = tuple(f for f in found if f.rule != hp310.ID and f not in known)
    return Decision(verdict_of((*base.findings, *against)), (*base.findings, *against), base.waived)
