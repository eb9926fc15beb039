# SPDX-License-Identifier: Apache-2.0
"""HP218: third-party evidence that the policy asks for is missing, old, or of something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core import times
from hubpolicy.core.foreign_coverage import (
    as_asked,
    asked_metrics,
    checkers_missing,
    needs,
)
from hubpolicy.core.lines import released_on, threshold
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.foreign_coverage import Need

ID = "HP218"
TITLE = "the third-party evidence that the policy asks for is there"
SEVERITY = Severity.ERROR

_DAY = 86_400
_SKEW = 300


def check(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding per item and run whose evidence is absent, stale, or rests on too little."""
    found = []
    for need in needs(evidence):
        reasons = _absent(evidence, need) or _stale(evidence, need) + _thin(need)
        item = need.item
        fix = f"hubpolicy attest PATH --evidence {item.name}=FILE    (format {item.format})"
        for reason in dict.fromkeys(reasons):
            message = f"evidence {item.name!r}: {reason}"
            found.append(Finding(ID, SEVERITY, message, fix=fix, effect="inconclusive"))
    return tuple(found)


def _absent(evidence: Evidence, need: Need) -> tuple[str, ...]:
    if need.run is None:
        return ("nothing was run yet that it could be about",)
    if not need.lines:
        return ("none is signed about these bytes",)
    if not as_asked(need):
        return ("what is signed was not taken from where the policy says",)
    missing = checkers_missing(evidence, need)
    if missing:
        wanted = threshold(evidence, "checker")
        return (f"signed by {wanted - missing} of {wanted} checkers",)
    return ()


def _stale(evidence: Evidence, need: Need) -> tuple[str, ...]:
    most, reasons = need.item.max_age_days, []
    for line, found in as_asked(need):
        now = times.seconds(released_on(evidence, line.payload_sha256))
        age = now - times.seconds(found.measured_on)
        if age > most * _DAY:
            reasons.append(f"measured {-(-age // _DAY)} days ago, expected at most {most}")
        elif age < -_SKEW:
            reasons.append(f"measured on {found.measured_on}, which is after its release")
    return tuple(reasons)


def _thin(need: Need) -> tuple[str, ...]:
    return tuple(
        f"{asked.name} rests on {samples or 'an unknown number of'} samples, "
        f"expected at least {asked.min_samples}"
        for _, found in as_asked(need)
        for asked, _, samples in asked_metrics(need.item, found)
        if samples < asked.min_samples
    )
