# SPDX-License-Identifier: Apache-2.0
"""The answer to programs: true if and only if it passed, and an error whoever asks for one."""

from __future__ import annotations

import pytest

from hubpolicy.domain.finding import Finding, Severity, Verdict
from hubpolicy.domain.verification import Verification
from hubpolicy.errors import VerificationError

ANSWER = Verification(
    verdict="passed",
    findings=(),
    waived=(),
    target="",
    attested_for="",
    revision="",
    dir_hash="",
    files_checked=0,
    files_total=0,
    absent=(),
    measurements=(),
    signers=(),
    released_at="",
    policy_id="acme/release",
    policy_version=1,
    policy_sha256="00" * 32,
    solo=False,
)
WARNING = Finding("HP110", Severity.WARNING, "no section")
ERROR = Finding("HP308", Severity.ERROR, "1 changed", None, "hubpolicy attest PATH")


def test_only_passed_is_true() -> None:
    assert ANSWER
    assert ANSWER.passed
    verdicts: tuple[Verdict, ...] = ("failed", "inconclusive")
    for verdict in verdicts:
        other = ANSWER._replace(verdict=verdict)
        assert not other
        assert not other.passed


def test_what_passed_is_handed_on() -> None:
    answer = ANSWER._replace(findings=(WARNING,))
    assert answer.require() is answer


@pytest.mark.parametrize("findings", [(ERROR, WARNING), (WARNING, ERROR)])
def test_what_did_not_pass_raises_its_worst_finding(findings: tuple[Finding, ...]) -> None:
    with pytest.raises(VerificationError, match="HP308 1 changed") as caught:
        ANSWER._replace(verdict="failed", findings=findings).require()
    assert caught.value.hint == ERROR.fix


def test_without_a_finding_the_verdict_is_said() -> None:
    with pytest.raises(VerificationError, match="the verdict is inconclusive"):
        ANSWER._replace(verdict="inconclusive").require()
