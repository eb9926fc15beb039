# SPDX-License-Identifier: Apache-2.0
"""The closed set of exit codes and the only table that knows them (docs/adr/0004)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Severity
from hubpolicy.errors import (
    AccessError,
    ConfigError,
    HubpolicyError,
    MalformedError,
    ServiceError,
    UnsupportedError,
    VerificationError,
)

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Decision, Finding


class Exit(IntEnum):
    """Everything else is reserved."""

    PASSED = 0
    BLOCKED = 1
    USAGE = 2
    NOT_EVALUATED = 3
    ACCESS = 4
    PENDING = 5
    INTERNAL = 70
    INTERRUPTED = 130


_ERRORS: tuple[tuple[type[HubpolicyError], Exit, Exit], ...] = (
    (AccessError, Exit.ACCESS, Exit.ACCESS),
    (ConfigError, Exit.USAGE, Exit.USAGE),
    (VerificationError, Exit.BLOCKED, Exit.BLOCKED),
    (MalformedError, Exit.BLOCKED, Exit.NOT_EVALUATED),
    (ServiceError, Exit.BLOCKED, Exit.NOT_EVALUATED),
    (UnsupportedError, Exit.BLOCKED, Exit.NOT_EVALUATED),
)
"""Exception, its code at a gate (verify, push, hook), its code where evidence is made."""

_ORDER = (Exit.INTERNAL, Exit.USAGE, Exit.ACCESS, Exit.BLOCKED, Exit.NOT_EVALUATED, Exit.PENDING)


def for_error(error: HubpolicyError, *, gate: bool) -> Exit:
    """The code of an exception."""
    for kind, at_gate, elsewhere in _ERRORS:
        if isinstance(error, kind):
            return at_gate if gate else elsewhere
    return Exit.INTERNAL


def for_findings(findings: tuple[Finding, ...], *, gate: bool) -> Exit:
    """The code of the worst error finding; 0 if there is none."""
    effects = {f.effect for f in findings if f.severity is Severity.ERROR}
    codes = {
        "failed": Exit.BLOCKED,
        "inconclusive": Exit.BLOCKED if gate else Exit.NOT_EVALUATED,
        "pending": Exit.PENDING,
    }
    return worst({codes[effect] for effect in effects})


def for_decision(decision: Decision, *, gate: bool) -> Exit:
    """The code of a decision. A verdict that is not ``passed`` is never 0."""
    code = for_findings(decision.findings, gate=gate)
    if decision.verdict != "passed" and code is Exit.PASSED:
        return Exit.BLOCKED
    return code


def worst(codes: set[Exit]) -> Exit:
    """Where several apply: 70, 2, 4, 1, 3, 5."""
    return next((code for code in _ORDER if code in codes), Exit.PASSED)
