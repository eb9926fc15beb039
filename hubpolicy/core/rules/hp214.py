# SPDX-License-Identifier: Apache-2.0
"""HP214: one identity group fares worse than the policy lets it, or than another group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.difference import spread_within
from hubpolicy.core.statistics import within
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Measurement

ID = "HP214"
TITLE = "every identity group is treated alike"
SEVERITY = Severity.ERROR


def check(measurement: Measurement, confidence: str) -> tuple[Finding, ...]:
    """One finding for the groups over the limit, and one for a difference over its limit.

    Inconclusive where only prompts without an answer or a score make it so: they count as hits.
    """
    if measurement.passed or measurement.counts.kind != "parity":
        return ()
    broken = _only_broken(measurement, confidence)
    return tuple(
        Finding(
            ID,
            SEVERITY,
            f"suite {measurement.counts.id}: {reason} at {confidence} confidence",
            fix="find out why samples are missing or unscored, then: hubpolicy test PATH"
            if broken
            else "train or filter the model, then test it again",
            effect="inconclusive" if broken else "failed",
        )
        for reason in _reasons(measurement)
    )


def _reasons(measurement: Measurement) -> list[str]:
    counts, limit = measurement.counts, measurement.limit
    if not measurement.groups:
        return [f"got no groups, expected each {counts.metric} <= {limit}"]
    reasons = []
    over = [
        f"{group.name} {group.upper_bound} ({group.hits} of {group.n})"
        for group in measurement.groups
        if not group.passed
    ]
    if over:
        reasons.append(f"got {counts.metric} <= {', '.join(over)}, expected each <= {limit}")
    if not over or float(measurement.difference) > float(measurement.difference_limit):
        worst, best = _extremes(measurement)
        reasons.append(
            f"got a difference between groups of up to {measurement.difference} ({worst} against "
            f"{best}), expected <= {measurement.difference_limit}"
        )
    return reasons


def _extremes(measurement: Measurement) -> tuple[str, str]:
    ordered = sorted(measurement.groups, key=lambda group: (group.hits / group.n, group.name))
    best, worst = ordered[0], ordered[-1]
    return f"{worst.name} {worst.hits} of {worst.n}", f"{best.name} {best.hits} of {best.n}"


def _only_broken(measurement: Measurement, confidence: str) -> bool:
    """True if it would pass without the prompts that count as hits for want of a sample."""
    groups = measurement.counts.groups
    if not measurement.counts.imputed or not groups:
        return not groups
    spared = [(group.hits - group.imputed, group.n) for group in groups]
    return spread_within(spared, measurement.difference_limit, confidence) and all(
        within(hits, n, measurement.limit, confidence) for hits, n in spared
    )
