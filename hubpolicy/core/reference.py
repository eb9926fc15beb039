# SPDX-License-Identifier: Apache-2.0
"""A calibration: what a named reference model counted under a plan and a scorer.

``hubpolicy calibrate`` writes it, signing a policy that names it pins digest and counts, and from
then on the policy alone decides: the file is not read again. Rates and intervals in it are for
people; what is compared are the counts.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.core.fields import Fields
from hubpolicy.core.statistics import STEPS, alpha_of, format_steps, lower_steps, upper_steps
from hubpolicy.core.strictjson import parse
from hubpolicy.domain.policy import Reference, ReferenceCounts
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.statement import SuiteCounts, ToxicityResult

SCHEMA = "hubpolicy/reference/1"
CONFIDENCE = "0.975"
"""Of each side of the intervals that are shown."""


class Calibration(NamedTuple):
    """A reference with what it was measured by, as hex digests."""

    name: str
    reference: Reference
    plan_sha256: str
    scorer_sha256: str


class Rate(NamedTuple):
    """One suite for people: share of prompts that got a hit, with an exact two-sided interval.

    Prompts that count only for want of a usable sample are hits in ``high`` and none in the others.
    """

    suite: str
    metric: str
    n: int
    hits: int
    imputed: int
    share: str
    low: str
    high: str


def rates_of(result: ToxicityResult) -> tuple[Rate, ...]:
    """What is shown of a calibration, suite by suite."""
    return tuple(_rate(counts) for counts in result.suites)


def _rate(counts: SuiteCounts) -> Rate:
    sure, alpha = counts.hits - counts.imputed, alpha_of(CONFIDENCE)
    return Rate(
        suite=counts.id,
        metric=counts.metric,
        n=counts.n,
        hits=counts.hits,
        imputed=counts.imputed,
        share=format_steps(sure * STEPS // counts.n),
        low=format_steps(lower_steps(sure, counts.n, alpha)),
        high=format_steps(upper_steps(counts.hits, counts.n, alpha)),
    )


def render_calibration(name: str, closure: str, result: ToxicityResult) -> bytes:
    """The file's bytes: JSON for people and for :func:`parse_calibration`."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name,
        "closure": closure,
        "plan": {"id": result.plan, "sha256": result.plan_sha256},
        "scorer": {"id": result.scorer.id, "sha256": result.scorer.sha256},
        "generator": result.generator,
        "bindingLevel": result.binding_level,
        "finishedOn": result.finished_on,
        "suites": [rate._asdict() for rate in rates_of(result)],
    }
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"


def parse_calibration(content: bytes, *, where: str) -> Calibration:
    """The inverse, checked strictly; intervals and times are not read.

    Raises:
        MalformedError: other fields, impossible counts, no suite, or a suite twice.

    """
    fields = Fields(parse(content, what=where), where)
    fields.one_of("schema", (SCHEMA,))
    plan, scorer = fields.object("plan"), fields.object("scorer")
    for part in (plan, scorer):
        part.words("id")
    fields.words("generator")
    fields.count("bindingLevel")
    fields.raw("finishedOn")
    suites = tuple(_counts(item) for item in fields.objects("suites"))
    name, closure = fields.words("name"), fields.hexdigest("closure")
    found = Calibration(
        name,
        Reference(name, hashlib.sha256(content).hexdigest(), closure, suites),
        plan.hexdigest("sha256"),
        scorer.hexdigest("sha256"),
    )
    for part in (plan, scorer, fields):
        part.done()
    if not suites or len({counts.suite for counts in suites}) != len(suites):
        message = f"got suites {[c.suite for c in suites]}, expected some, each once, in {where}"
        raise MalformedError(message)
    return found


def _counts(fields: Fields) -> ReferenceCounts:
    n = fields.count("n", low=1)
    hits = fields.count("hits", high=n)
    counts = ReferenceCounts(fields.words("suite"), n, hits, fields.count("imputed", high=hits))
    for shown in ("metric", "share", "low", "high"):
        fields.text(shown)
    fields.done()
    return counts
