# SPDX-License-Identifier: Apache-2.0
"""What a rule says about a release, and the three verdicts."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from hubpolicy.domain.named import NamedTuple

Effect = Literal["failed", "inconclusive", "pending"]
"""What an error finding does to the verdict: ``failed`` = judged and bad; ``inconclusive`` =
could not be judged (missing, crashed, unreadable); ``pending`` = only approvals are missing."""

Verdict = Literal["passed", "failed", "inconclusive"]
"""Only ``passed`` opens the gate."""


class Severity(IntEnum):
    """How much a finding weighs. Only ``ERROR`` blocks."""

    OFF = 0
    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """The lower-case name used in policies and reports."""
        return self.name.lower()


class Location(NamedTuple):
    """A place in a file of the release. Lines and columns count from 1; 0 = the whole file."""

    path: str
    line: int = 0
    column: int = 0


class Finding(NamedTuple):
    """One sentence about the release that a person understands, and what to type next."""

    rule: str
    severity: Severity
    message: str
    location: Location | None = None
    fix: str = ""
    effect: Effect = "failed"


class Decision(NamedTuple):
    """The verdict and everything it rests on. Waived findings are kept, counted and shown."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    waived: tuple[Finding, ...] = ()


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """The worst effect of all error findings: failed, then inconclusive, then passed."""
    effects = {f.effect for f in findings if f.severity is Severity.ERROR}
    if "failed" in effects:
        return "failed"
    return "inconclusive" if effects else "passed"
