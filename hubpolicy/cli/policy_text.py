# SPDX-License-Identifier: Apache-2.0
"""What ``hubpolicy policy explain`` prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hubpolicy.cli.runs import duration
from hubpolicy.core.foreign_policy import items_payload
from hubpolicy.core.power import hours
from hubpolicy.render.escape import in_json, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.core.power import Attempt, Pace, SuitePower
    from hubpolicy.domain.policy import EvidenceItem, Policy


def as_text(policy: Policy, suites: Sequence[SuitePower], pace: Pace | None) -> str:
    """For people."""
    toxicity = policy.toxicity
    lines = [
        f"{policy.id} version {policy.version}, expires {policy.expires}, "
        f"mode {policy.mode}" + (f" until {policy.observe_until}" if policy.observe_until else ""),
        f"sha256 {policy.sha256}",
        f"binding level >= {policy.min_level}, scorer tier {toxicity.require_tier} or better",
    ]
    for suite in suites:
        lines += _suite(suite)
    lines += _beside(policy)
    spent = ", ".join(
        f"{a.number} at {a.confidence}" for a in (suites[0].attempts if suites else ())
    )
    lines += [
        f"confidence {toxicity.confidence} over all attempts of the same weights: {spent}",
        f"at most {toxicity.max_attempts} failed run(s) may come before the one that passes",
        _cost(suites, pace),
    ]
    lines += [_evidence(item) for item in policy.evidence]
    if policy.history == "tips":
        lines.append("a flip publishes older revisions unjudged: [publish] history = tips")
    for role in policy.roles:
        lines.append(f"{role.role}: {role.threshold} signature(s), binds {role.binds}")
    lines += tightened_lines(policy)
    return "\n".join(terminal(line) for line in lines)


def tightened_lines(policy: Policy) -> list[str]:
    """What children made stricter: key, both values, and the file that says so."""
    return [
        terminal(f"{one.key} {one.now} (was {one.was}), by {one.where}") for one in policy.tightened
    ]


def as_json(policy: Policy, suites: Sequence[SuitePower], pace: Pace | None) -> str:
    """For programs: one document. Chances and hours are pictures; what decides are the hits."""
    toxicity = policy.toxicity
    answers = sum(suite.answers for suite in suites)
    document: dict[str, Any] = {
        "schema_version": 1,
        "policy": {
            "id": policy.id,
            "version": policy.version,
            "expires": policy.expires,
            "mode": policy.mode,
            "observe_until": policy.observe_until,
            "sha256": policy.sha256,
            "min_level": policy.min_level,
            "history": policy.history,
            "require_tier": toxicity.require_tier,
            "plan": toxicity.plan,
            "confidence": toxicity.confidence,
            "max_attempts": toxicity.max_attempts,
        },
        "suites": [_table(suite) for suite in suites],
        "cost": {
            "prompts": sum(suite.gate.n for suite in suites),
            "answers": answers,
            "answers_of_every_model": sum(s.answers for s in suites if s.gate.when == "always"),
            "hours": None if pace is None else f"{hours(answers, pace):.3f}",
            "pace": None if pace is None else pace._asdict(),
        },
        "evidence": items_payload(policy.evidence),
        "roles": [
            {"role": role.role, "threshold": role.threshold, "binds": role.binds}
            for role in policy.roles
        ],
        "tightened": [one._asdict() for one in policy.tightened],
    }
    return in_json(json.dumps(document, indent=2, ensure_ascii=True))


def _evidence(item: EvidenceItem) -> str:
    asked = ", ".join(f"{one.name} {one.comparison} {one.threshold}" for one in item.metrics)
    of = {
        "generates-text": "every model that writes",
        "generates-other": "models of images or sound, instead of a run",
    }.get(item.when, "every model")
    return (
        f"evidence {item.name} ({item.format}): {asked}; asked of {of}, "
        f"at most {item.max_age_days} days old at its first release"
    )


def _suite(suite: SuitePower) -> list[str]:
    gate = suite.gate
    head = (
        f"{gate.id}: {gate.n} prompts x {gate.k}, upper bound of {gate.metric} <= "
        f"{gate.upper_bound_max}{_aside(suite)}"
    )
    return [head, *(f"    {_attempt(attempt)}" for attempt in suite.attempts), *_chances(suite)]


def _aside(suite: SuitePower) -> str:
    """Of which models it is asked, and what else it bounds."""
    gate = suite.gate
    wanted = {
        "chat": ", of models with a chat template",
        "declared": f", where the card declares {gate.language}",
    }.get(gate.when, "")
    if gate.kind == "parity":
        sizes = f" of {suite.groups} (of {suite.prompts} prompts or more)" if suite.groups else ""
        wanted += f", in each group{sizes}, differences <= {gate.difference_max}"
    if gate.corrected_max:
        wanted += f", with the scorer's misses <= {gate.corrected_max}"
    if gate.reference_max:
        wanted += f", above the reference by <= {gate.reference_max}"
    return wanted


def _beside(policy: Policy) -> list[str]:
    """What is enough for quantisations, and what second bounds are taken from."""
    toxicity, lines = policy.toxicity, []
    if toxicity.quantized is not None:
        suites = ", ".join(
            f"{one.id} {one.n} x {one.k} <= {one.upper_bound_max}"
            for one in toxicity.quantized.suites
        )
        lines.append(f"for quantisations of what passed, plan {toxicity.quantized.plan}: {suites}")
    if toxicity.labelled is not None:
        errs = toxicity.labelled
        lines.append(
            f"the scorer flags {errs.toxic_flagged} of {errs.toxic} labelled toxic texts, "
            f"{errs.benign_flagged} of {errs.benign} others"
        )
    if toxicity.reference is not None:
        hits = ", ".join(f"{one.suite} {one.hits} of {one.n}" for one in toxicity.reference.suites)
        lines.append(f"reference {toxicity.reference.name}: {hits}")
    return lines


def _attempt(attempt: Attempt) -> str:
    start = f"attempt {attempt.number} at {attempt.confidence}:"
    if attempt.most_hits < 0:
        return f"{start} no number of hits can pass: too few prompts"
    return (
        f"{start} at most {attempt.most_hits} hits pass; "
        f"a true rate of {attempt.mostly:.3%} or less passes 95 times in 100"
    )


def _chances(suite: SuitePower) -> list[str]:
    if not suite.attempts:
        return ["    the sizes of its groups are not known here"]
    first = suite.attempts[0]
    what = "group" if suite.groups else "model"
    return [
        f"    a {what} with a true rate of {float(chance.rate):.3%} passes {chance.passes:.1%}"
        for chance in first.chances
    ]


def _cost(suites: Sequence[SuitePower], pace: Pace | None) -> str:
    answers = sum(suite.answers for suite in suites)
    always = sum(suite.answers for suite in suites if suite.gate.when == "always")
    prompts = sum(suite.gate.n for suite in suites)
    text = f"a run is {answers:,} answers to {prompts:,} prompts"
    if always < answers:
        text += f", {always:,} of these answers for every model"
    if pace is None:
        return f"{text}; how long it takes: hubpolicy test PATH --estimate"
    took = f"{pace.samples:,} answers in {pace.seconds / 60:.1f} minutes, pauses included"
    whole = duration(hours(answers, pace) * 3600)
    return f"{text}: about {whole}, as run {pace.run[:12]} took ({took})"


def _table(suite: SuitePower) -> dict[str, Any]:
    gate = suite.gate
    return {
        "id": gate.id,
        "metric": gate.metric,
        "prompts": gate.n,
        "k": gate.k,
        "answers": suite.answers,
        "upper_bound_max": gate.upper_bound_max,
        "groups": suite.groups or None,
        "prompts_of_smallest_group": suite.prompts if suite.groups else None,
        "attempts": [
            {
                "attempt": attempt.number,
                "confidence": attempt.confidence,
                "most_hits": attempt.most_hits,
                "passes_95_of_100_up_to": f"{attempt.mostly:.6f}",
                "power": [
                    {"rate": chance.rate, "passes": f"{chance.passes:.6f}"}
                    for chance in attempt.chances
                ],
            }
            for attempt in suite.attempts
        ],
    }
