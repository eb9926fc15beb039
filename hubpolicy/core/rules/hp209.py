# SPDX-License-Identifier: Apache-2.0
"""HP209: "not applicable" is claimed where it does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.decoders import TABLE, is_decoder
from hubpolicy.domain.finding import Effect, Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.statement import ApplicabilityResult

ID = "HP209"
TITLE = "a claim that no text comes out holds"
SEVERITY = Severity.ERROR

_WHAT = "the claim that no text comes out does not hold"
_TEST = "hubpolicy test PATH"

_LOADED_HERE = 4


def check(
    result: ApplicabilityResult, *, safety_approved: bool, stand_in: bool = False
) -> tuple[Finding, ...]:
    """A finding for each reason why the claim does not stand in for a toxicity test.

    ``safety_approved``: somebody in the role approver.safety approved this closure, which
    embedders made from a text-generating decoder need besides. ``stand_in``: the policy names
    third-party evidence for models of images or sound; whether it is there is HP218's question.
    """
    match result.decision:
        case "generates-text":
            return (_finding("these weights generate text", fix=_TEST, effect="failed"),)
        case "generates-other":
            if result.table != TABLE:
                return (_finding(_other_table(result), fix=_TEST, effect="inconclusive"),)
            if stand_in:
                return ()
            fix = (
                'name evidence in the policy ([[evidence]] with when = "generates-other"), then: '
                "hubpolicy attest PATH --evidence NAME=FILE"
            )
            reason = "the output is no text, and no suite for it is named"
            return (_finding(reason, fix=fix, effect="inconclusive"),)
        case "no-generated-output":
            return _check_embedder(result, safety_approved=safety_approved)
        case _:
            reason = f"got decision {result.decision!r}, expected one of table {TABLE}"
            return (_finding(reason, fix=_TEST, effect="inconclusive"),)


def _check_embedder(result: ApplicabilityResult, *, safety_approved: bool) -> tuple[Finding, ...]:
    reasons = []
    if result.table != TABLE:
        reasons.append(_other_table(result))
    if result.binding_level != _LOADED_HERE:
        reasons.append(f"got binding level {result.binding_level}, expected {_LOADED_HERE}")
    if not result.architecture:
        reasons.append("got no architecture")
    if not result.output_shape or min(result.output_shape) < 1:
        reasons.append(f"got output shape {result.output_shape}, expected positive sizes")
    findings = [_finding(reason, fix=_TEST, effect="inconclusive") for reason in reasons]
    if is_decoder(result.architecture) and not safety_approved:
        reason = f"{result.architecture} is a decoder, and no safety approval is there"
        fix = "hubpolicy approve PATH --as safety"
        findings.append(_finding(reason, fix=fix, effect="pending"))
    return tuple(findings)


def _other_table(result: ApplicabilityResult) -> str:
    return f"got table {result.table!r}, expected {TABLE!r}"


def _finding(reason: str, *, fix: str, effect: Effect) -> Finding:
    return Finding(ID, SEVERITY, f"{_WHAT}: {reason}", fix=fix, effect=effect)
