# SPDX-License-Identifier: Apache-2.0
"""Errors that end a run are shown as findings, with the effect that goes with their exit code."""

from __future__ import annotations

import pytest

from hubpolicy.cli.exits import for_error, for_findings
from hubpolicy.core.run_ends import RULES, finding_of
from hubpolicy.domain.finding import verdict_of
from hubpolicy.errors import HubpolicyError, MalformedError, ServiceError, VerificationError


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("kind", [ServiceError, MalformedError, VerificationError])
@pytest.mark.parametrize("gate", [True, False])
def test_the_finding_ends_as_the_error_does(
    rule: str, kind: type[HubpolicyError], gate: bool
) -> None:
    error = kind("the scorer died", hint="hubpolicy test PATH", rule=rule)
    end = finding_of(error)
    assert end is not None
    assert (end.rule, end.message, end.fix) == (rule, "the scorer died", "hubpolicy test PATH")
    assert for_findings((end,), gate=gate) == for_error(error, gate=gate)
    assert verdict_of((end,)) != "passed"


@pytest.mark.parametrize("rule", ["", "HP302", "HP201"])
def test_other_errors_stay_errors(rule: str) -> None:
    assert finding_of(ServiceError("the disk is full", rule=rule)) is None
