# SPDX-License-Identifier: Apache-2.0
"""HP904: the toxicity scorer is missing, damaged, or another one than the policy pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.surroundings import ScorerBundle

ID = "HP904"
TITLE = "the scorer at hand is the one that the policy pins"
SEVERITY = Severity.ERROR


def check(scorers: Iterable[ScorerBundle]) -> tuple[Finding, ...]:
    """One finding per scorer that a test would refuse. No pin (no policy yet) asks for nothing."""
    return tuple(f for scorer in scorers for f in _check(scorer))


def _check(scorer: ScorerBundle) -> tuple[Finding, ...]:
    if scorer.problem:
        fix = "install hubpolicy again, or the scorer that the policy names"
        return (Finding(ID, SEVERITY, f"scorer {scorer.name}: {scorer.problem}", None, fix),)
    if scorer.pinned and scorer.sha256 != scorer.pinned:
        got, expected = scorer.sha256[:12], scorer.pinned[:12]
        message = f"got scorer {scorer.name} with dirHash {got}, the policy pins {expected}"
        fix = "hubpolicy policy sign pins the scorer at hand; or install the pinned one"
        return (Finding(ID, SEVERITY, message, None, fix),)
    return ()
