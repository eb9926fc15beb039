# SPDX-License-Identifier: Apache-2.0
"""What a verification found, as one value: the answer of ``hubpolicy.verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import VerificationError

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Measurement
    from hubpolicy.domain.finding import Finding, Verdict


class Signatory(NamedTuple):
    """Somebody whose signature holds: what they signed as, their name in the root, the key id."""

    role: str
    principal: str
    keyid: str


class Verification(NamedTuple):
    """The verdict about a release, recomputed, and everything it rests on. Frozen, and deep.

    True in a condition if and only if the verdict is ``passed``.
    """

    verdict: Verdict
    """``passed``, ``failed`` or ``inconclusive``. What was not evaluated is never ``passed``."""
    findings: tuple[Finding, ...]
    """Everything that was found and is not waived; those of severity ``ERROR`` block."""
    waived: tuple[Finding, ...]
    """What a signed waiver spares. It is still true."""
    target: str
    """Package URL of the repository that was asked for; empty if none was, and none compared."""
    attested_for: str
    """Package URL that the newest release line names; empty if there is none."""
    revision: str
    """Commit id on the hub, or the git revision that was asked for; empty for a plain folder."""
    dir_hash: str
    """Hex in-toto ``dirHash`` over all files of the release; empty if nothing is known of it."""
    files_checked: int
    """Files that were compared, byte for byte or by what the hub lists of them."""
    files_total: int
    """Files that the release names; as many as were checked where no release line holds."""
    absent: tuple[str, ...]
    """Names of the others. Never any without ``partial``, or outside of a cache's snapshot."""
    measurements: tuple[Measurement, ...]
    """Every suite of every run about these bytes, recomputed from signed counts."""
    signers: tuple[Signatory, ...]
    """Whose signatures hold, sorted, each once."""
    released_at: str
    """ISO 8601 UTC of the newest release line, by its signer's word; empty if there is none."""
    policy_id: str
    policy_version: int
    policy_sha256: str
    """The policy that judged; the digest is that of its signed payload."""
    solo: bool
    """One person holds every key of the trust root."""
    timestamps: tuple[tuple[str, str], ...] = ()
    """(authority, ISO 8601 UTC) of every proof of ``released_at``; without one it is self-declared.
    """
    today: tuple[Finding, ...] = ()
    """With ``as_released``: what the policy in force finds today. Nothing of it blocks."""

    @property
    def passed(self) -> bool:
        """Whether the gate is open."""
        return self.verdict == "passed"

    def __bool__(self) -> bool:
        """As :attr:`passed`; a tuple would be true whatever it says."""
        return self.passed

    def require(self) -> Verification:
        """Return itself if it passed.

        Raises:
            VerificationError: it did not; the message is the first finding's, the hint its remedy.

        """
        if self.passed:
            return self
        worst = max(self.findings, key=lambda found: found.severity, default=None)
        message = f"{worst.rule} {worst.message}" if worst else f"the verdict is {self.verdict}"
        raise VerificationError(message, hint=worst.fix if worst else "")
