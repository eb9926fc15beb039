# SPDX-License-Identifier: Apache-2.0
"""docs/adr/0004 as a table."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.cli.exits import Exit, for_decision, for_error, for_findings, worst
from hubpolicy.domain.finding import Decision, Effect, Finding, Severity, Verdict
from hubpolicy.errors import (
    AccessError,
    ConfigError,
    HubpolicyError,
    MalformedError,
    ServiceError,
    UnsupportedError,
    VerificationError,
)
from tests.house.tree import PROJECT


def test_the_set_is_closed_and_documented() -> None:
    assert {int(code) for code in Exit} == {0, 1, 2, 3, 4, 5, 70, 130}
    adr = (PROJECT / "docs" / "adr" / "0004-exit-codes.md").read_text()
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", adr, re.MULTILINE)} == set(Exit)
    order = re.search(r"Where several apply: ([\d, ]+)", adr)
    assert order is not None
    listed = [Exit(int(code)) for code in order[1].replace(" ", "").strip(",").split(",") if code]
    for at, code in enumerate(listed):
        assert worst(set(listed[at:])) is code


@pytest.mark.parametrize(
    ("error", "gate", "code"),
    [
        (ConfigError, True, Exit.USAGE),
        (ConfigError, False, Exit.USAGE),
        (AccessError, True, Exit.ACCESS),
        (AccessError, False, Exit.ACCESS),
        (VerificationError, True, Exit.BLOCKED),
        (VerificationError, False, Exit.BLOCKED),
        (MalformedError, True, Exit.BLOCKED),
        (MalformedError, False, Exit.NOT_EVALUATED),
        (ServiceError, True, Exit.BLOCKED),
        (ServiceError, False, Exit.NOT_EVALUATED),
        (UnsupportedError, True, Exit.BLOCKED),
        (UnsupportedError, False, Exit.NOT_EVALUATED),
        (HubpolicyError, True, Exit.INTERNAL),
    ],
)
def test_an_exception_has_one_code(error: type[HubpolicyError], gate: bool, code: Exit) -> None:
    assert for_error(error("m"), gate=gate) is code


def finding(effect: Effect, severity: Severity = Severity.ERROR) -> Finding:
    return Finding("HP101", severity, "m", effect=effect)


@pytest.mark.parametrize(
    ("effects", "at_gate", "elsewhere"),
    [
        ((), 0, 0),
        (("failed",), 1, 1),
        (("inconclusive",), 1, 3),
        (("pending",), 5, 5),
        (("pending", "inconclusive"), 1, 3),
        (("pending", "failed"), 1, 1),
        (("inconclusive", "failed"), 1, 1),
        (("pending", "inconclusive", "failed"), 1, 1),
    ],
)
def test_findings_exit_by_the_worst(
    effects: tuple[Effect, ...], at_gate: int, elsewhere: int
) -> None:
    findings = tuple(finding(effect) for effect in effects)
    assert for_findings(findings, gate=True) == at_gate
    assert for_findings(findings, gate=False) == elsewhere


FINDINGS = st.lists(
    st.builds(
        finding,
        st.sampled_from(["failed", "inconclusive", "pending"]),
        st.sampled_from(list(Severity)),
    ),
    max_size=4,
).map(tuple)


@given(st.sampled_from(["passed", "failed", "inconclusive"]), FINDINGS, st.booleans())
def test_only_a_verdict_that_passed_without_an_error_exits_0(
    verdict: Verdict, findings: tuple[Finding, ...], gate: bool
) -> None:
    code = for_decision(Decision(verdict, findings), gate=gate)
    blocked = verdict != "passed" or any(f.severity is Severity.ERROR for f in findings)
    assert (code is Exit.PASSED) == (not blocked)


def test_nothing_is_the_worst_of_nothing() -> None:
    assert worst(set()) is Exit.PASSED
    assert worst({Exit.PASSED, Exit.PENDING}) is Exit.PENDING
