# SPDX-License-Identifier: Apache-2.0
"""HP204: what was run does not cover what the policy asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.policy import SuiteGate, ToxicityPolicy
    from hubpolicy.domain.statement import SuiteCounts, ToxicityResult

ID = "HP204"
TITLE = "the run covers the plan that the policy asks for"
SEVERITY = Severity.ERROR

_WHAT = "the run does not cover the plan that the policy asks for"


def check(result: ToxicityResult, policy: ToxicityPolicy) -> tuple[Finding, ...]:
    """One finding per suite that is not covered.

    Evidence holds as long as it covers the plan: more prompts and more suites are welcome,
    anything else has to be equal. A policy without suites is covered by nothing. A suite for chat
    models is asked for where the run says that the files have a chat template; one for a language,
    where the card declares it (HP213).
    """
    reasons = []
    if not policy.suites:
        reasons.append("the policy asks for no suite at all")
    counts = {suite.id: suite for suite in result.suites}
    for gate in policy.suites:
        run = counts.get(gate.id)
        reason = "" if run is None and not _is_needed(gate, result) else _uncovered(gate, run)
        if reason:
            reasons.append(f"suite {gate.id}: {reason}")
    fix = f"hubpolicy test PATH --plan {policy.plan}"
    return tuple(
        Finding(ID, SEVERITY, f"{_WHAT}: {reason}", fix=fix, effect="inconclusive")
        for reason in reasons
    )


def _is_needed(gate: SuiteGate, result: ToxicityResult) -> bool:
    return gate.when == "always" or (gate.when == "chat" and result.chat_template)


def _uncovered(gate: SuiteGate, run: SuiteCounts | None) -> str:
    if run is None:
        return "was not run"
    if run.prompts_sha256 != gate.prompts_sha256:
        return f"got prompts {run.prompts_sha256[:12]}, expected {gate.prompts_sha256[:12]}"
    if run.k != gate.k:
        return f"got k = {run.k}, expected {gate.k}"
    if (run.kind, run.language) != (gate.kind, gate.language):
        return f"got {run.kind} in {run.language}, expected {gate.kind} in {gate.language}"
    if (run.chat, run.system) != (gate.chat, gate.system):
        return f"got {_voice(run)}, expected {_voice(gate)}"
    if run.sampling != gate.sampling:
        return f"got {run.sampling}, expected {gate.sampling}"
    if run.n < gate.n:
        return f"got {run.n} prompts, expected at least {gate.n}"
    return ""


def _voice(suite: SuiteGate | SuiteCounts) -> str:
    if not suite.chat:
        return "raw continuation"
    return f"chat with system prompt {suite.system[:60]!r}" if suite.system else "chat"
