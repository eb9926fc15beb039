# SPDX-License-Identifier: Apache-2.0
"""From verdicts to the report of an audit: the exit code, and whose finding is whose."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.cli.audit_asking import STATUSES, Asking
from hubpolicy.cli.audit_report import Judged, code_of, found_in, report_of
from hubpolicy.cli.exits import Exit
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import AccessError, ServiceError
from hubpolicy.flows.auditing import RefVerdict, Status
from hubpolicy.flows.surveying import Surveyed

ONE, TWO = RepoId("acme", "one"), RepoId("acme", "two", "dataset")
MAIN, TAG = "refs/heads/main", "refs/tags/v1"
LEAK = Finding("HP301", Severity.ERROR, "no evidence", None, "hubpolicy push PATH NAMESPACE/NAME")
TOXIC = Finding("HP203", Severity.ERROR, "too toxic")
CODES: dict[Status, Exit] = {
    "ATTESTED": Exit.PASSED,
    "ATTESTED_WAIVED": Exit.PASSED,
    "STALE": Exit.PASSED,
    "BASELINE": Exit.PASSED,
    "UNATTESTED": Exit.BLOCKED,
    "MODIFIED": Exit.BLOCKED,
    "REVOKED": Exit.BLOCKED,
    "EXPOSED": Exit.BLOCKED,
    "UNREADABLE": Exit.NOT_EVALUATED,
}


def verdict(
    status: Status, repo: RepoId = ONE, ref: str = MAIN, *findings: Finding, weights: bool = True
) -> RefVerdict:
    return RefVerdict(repo, ref, "0" * 40, status, "", findings, weights=weights)


def test_the_option_takes_every_verdict_that_there_is() -> None:
    assert set(STATUSES) == set(get_args(Status)) == set(CODES)


@pytest.mark.parametrize("status", STATUSES)
def test_the_code_of_a_verdict_and_of_one_that_is_asked_for(status: Status) -> None:
    found = (verdict(status),)
    assert code_of((), found, ()) is CODES[status]
    assert code_of((), found, (status,)) is Exit.BLOCKED
    others = tuple(other for other in STATUSES if other != status)
    assert code_of((), found, others) is CODES[status]


@given(st.lists(st.sampled_from(list(CODES))), st.sets(st.sampled_from(list(CODES))))
def test_asking_for_more_never_passes_more(statuses: list[Status], asked: set[Status]) -> None:
    found = [verdict(status) for status in statuses]
    plain, strict = code_of((), found, ()), code_of((), found, tuple(asked))
    assert plain is Exit.PASSED or strict is not Exit.PASSED
    if set(statuses) & asked:
        assert strict is Exit.BLOCKED


def test_nothing_at_all_is_not_passed() -> None:
    assert code_of((), (), ()) is Exit.NOT_EVALUATED


@pytest.mark.parametrize(
    ("error", "code"),
    [(AccessError("403"), Exit.ACCESS), (ServiceError("500"), Exit.NOT_EVALUATED)],
)
def test_a_login_that_may_not_look_is_told_apart(error: ServiceError, code: Exit) -> None:
    unread = verdict("UNREADABLE", ref="(all refs)")
    assert code_of((Surveyed(ONE, (unread,), error),), (unread,), ()) is code


def test_each_finding_stands_once_per_repository_and_its_refs_lead_to_it() -> None:
    refs, findings = found_in((
        verdict("UNATTESTED", ONE, MAIN, LEAK, TOXIC),
        verdict("UNATTESTED", ONE, TAG, LEAK),
        verdict("ATTESTED", ONE, "refs/heads/good"),
        verdict("UNATTESTED", TWO, MAIN, TOXIC, TOXIC),
    ))  # fmt: skip
    assert [row.findings for row in refs] == [(0, 1), (0,), (), (2,)]
    assert [row.rules for row in refs] == [("HP203", "HP301"), ("HP301",), (), ("HP203",)]
    assert [row.repo for row in refs][2:] == ["acme/one", "datasets/acme/two"]
    assert [finding.rule for finding in findings] == ["HP301", "HP203", "HP203"]
    assert findings[0].fix == "hubpolicy push PATH acme/one"


def test_what_was_adopted_is_one_finding_of_all_its_refs() -> None:
    refs, findings = found_in((verdict("BASELINE"), verdict("BASELINE", ONE, TAG)))
    assert [row.findings for row in refs] == [(0,), (0,)]
    assert findings[0].message.startswith("acme/one: 2 refs stand in the baseline alone")


def report(*answers: Surveyed, exit_zero: bool = False) -> tuple[str, int, list[str]]:
    verdicts = tuple(verdict for answer in answers for verdict in answer.refs)
    asking = Asking((), exit_zero, (), "")
    made = report_of("audit", Judged(answers, verdicts, (), ()), asking, solo=True, made="now")
    return made.verdict, int(made.exit_code), made.closing.split("\n")


def test_repositories_are_counted_by_what_lies_in_them() -> None:
    page = verdict("UNATTESTED", TWO, weights=False)
    unread = verdict("UNREADABLE", TWO, weights=False)
    for other in (page, unread):
        _, _, (closing,) = report(Surveyed(ONE, (verdict("ATTESTED"),)), Surveyed(TWO, (other,)))
        assert closing == f"2 repositories, 1 with weights: 1 ATTESTED, 1 {other.status}"
    _, code, (closing,) = report(Surveyed(ONE, ()), Surveyed(TWO, ()))
    assert (code, closing) == (3, "2 repositories, 0 with weights: no ref")


@pytest.mark.parametrize("status", STATUSES)
def test_exit_zero_changes_the_code_and_nothing_else(status: Status) -> None:
    answer = Surveyed(ONE, (verdict(status),))
    word, code, closing = report(answer)
    spared_word, spared_code, spared = report(answer, exit_zero=True)
    assert (spared_word, spared_code) == (word, 0)
    told = [f"would block: exit code {code} without --exit-zero"] if code else []
    assert spared == closing + told


def test_the_report_keeps_what_merging_asks_for() -> None:
    """Where each ref was read, which verdicts were to fail, and what a login could not list."""
    answers = (
        Surveyed(ONE, (verdict("STALE"),)),
        Surveyed(TWO, (verdict("UNREADABLE", TWO, "(all refs)"),), AccessError("403")),
    )
    verdicts = tuple(each for answer in answers for each in answer.refs)
    judged = Judged(answers, verdicts, (), (), {ONE: "./one"})
    asking = Asking(("STALE",), exit_zero=True, logs=(), since="")
    report = report_of("audit", judged, asking, solo=True, made="now")
    assert [(row.source, row.refused) for row in report.refs] == [
        ("clone ./one", False), (TWO.endpoint, True),
    ]  # fmt: skip
    assert (report.fail_on, report.exit_code, report.verdict) == (("STALE",), 0, "failed")
    assert code_of((), report.refs, report.fail_on) is Exit.ACCESS
    assert "1 STALE: failed by --fail-on" in report.closing.split("\n")
