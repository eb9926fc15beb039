# SPDX-License-Identifier: Apache-2.0
"""From an audit's verdicts to its report: rows, findings, the history of signatures, the code."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.cli.audit_asking import STATUSES
from hubpolicy.cli.audit_targets import shown
from hubpolicy.cli.exits import Exit, worst
from hubpolicy.errors import AccessError
from hubpolicy.flows.auditing import GREEN
from hubpolicy.flows.historic import BEFORE_A_TIP

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from hubpolicy.cli.audit_asking import Asking
    from hubpolicy.domain.finding import Finding, Verdict
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import RefVerdict
    from hubpolicy.flows.surveying import Surveyed
    from hubpolicy.render.report import ExposureRow, RefRow, Report, Row, SigningRow


_NOWHERE: Mapping[RepoId, str] = MappingProxyType({})


class Judged(NamedTuple):
    """Everything that an audit found: by repository, every verdict, what was public, notes.

    ``folders``: of repositories that were read from one. ``waiting``: private ones under no embargo
    licence.
    """

    answers: tuple[Surveyed, ...]
    verdicts: tuple[RefVerdict, ...]
    exposures: tuple[ExposureRow, ...]
    notes: tuple[Row, ...]
    folders: Mapping[RepoId, str] = _NOWHERE
    waiting: frozenset[RepoId] = frozenset()


def report_of(title: str, judged: Judged, asking: Asking, *, solo: bool, made: str) -> Report:
    """The whole report. ``made``: the moment at which it was judged."""
    from hubpolicy.render.report import Report

    answers, verdicts, exposures, notes, folders, waiting = judged
    code = code_of(answers, verdicts, asking.fail_on)
    refused = {answer.repo for answer in answers if isinstance(answer.error, AccessError)}
    found = found_in(verdicts, folders, refused, waiting)
    return Report(
        command="audit",
        title=title,
        verdict=verdict_of(code),
        exit_code=0 if asking.exit_zero else code,
        findings=found.findings,
        rows=notes,
        refs=found.refs,
        solo=solo,
        closing=closing(
            verdicts, answers, asking.fail_on, spared=code if asking.exit_zero else None
        ),
        signings=signing_rows(verdicts),
        exposures=exposures,
        made=made,
        fail_on=asking.fail_on,
    )


class Found(NamedTuple):
    """Findings, each once per repository, and the refs with the places of theirs among them."""

    refs: tuple[RefRow, ...]
    findings: tuple[Finding, ...]


def found_in(
    verdicts: Iterable[RefVerdict],
    folders: Mapping[RepoId, str] = _NOWHERE,
    refused: Container[RepoId] = (),
    waiting: Container[RepoId] = (),
) -> Found:
    """What goes into a report of every ref, with its repository in the commands to type."""
    from hubpolicy.cli.summaries import with_path
    from hubpolicy.core.rules import hp501, hp602
    from hubpolicy.render.report import RefRow

    verdicts = tuple(verdicts)
    adopted: dict[RepoId, list[str]] = {}
    for each in verdicts:
        if each.status == "BASELINE":
            adopted.setdefault(each.repo, []).append(each.ref)
    unjudged = {
        each.repo: each.ref
        for each in reversed(verdicts)
        if each.repo in waiting and each.weights and each.status == "UNATTESTED"
    }
    places: dict[tuple[RepoId, Finding], int] = {}
    rows = []
    for each in verdicts:
        own = with_path(each.findings, "PATH", each.repo.text)
        if each.status == "BASELINE":
            own = (*own, *hp602.check(each.repo.text, tuple(adopted[each.repo])))
        if each.repo in unjudged and each.weights and each.status == "UNATTESTED":
            own = (*own, *hp501.check(each.repo.text, unjudged[each.repo], embargoed=False))
        folder = folders.get(each.repo)
        at = tuple(dict.fromkeys(places.setdefault((each.repo, f), len(places)) for f in own))
        rules = tuple(sorted({finding.rule for finding in own}))
        rows.append(
            RefRow(
                shown(each.repo), each.ref, each.oid, each.status, each.detail, each.dir_hash,
                each.time, each.signer, rules, at,
                each.repo.endpoint if folder is None else f"clone {folder}",
                refused=each.status == "UNREADABLE" and each.repo in refused,
            )
        )  # fmt: skip
    return Found(tuple(rows), tuple(finding for _, finding in places))


def signing_rows(verdicts: Iterable[RefVerdict]) -> tuple[SigningRow, ...]:
    """The history of signatures, repository by repository."""
    from hubpolicy.core.signing_history import history
    from hubpolicy.render.report import SigningRow

    by_repo: dict[RepoId, list[RefVerdict]] = {}
    for verdict in verdicts:
        by_repo.setdefault(verdict.repo, []).append(verdict)
    return tuple(
        SigningRow(
            shown(repo), line.time, line.principal, line.role, line.keyid, line.policy,
            line.dir_hash, refs, line.proof, remark,
        )
        for repo, own in by_repo.items()
        for line, refs, remark in history(
            (("" if v.ref.endswith(BEFORE_A_TIP) else v.ref, line)
             for v in own for line in v.signings),
            repo.purl,
        )
    )  # fmt: skip


def code_of(
    answers: tuple[Surveyed, ...], found: Iterable[RefVerdict | RefRow], fail_on: tuple[str, ...]
) -> Exit:
    """By the worst: anything that is not attested blocks; unreadable is never passed."""
    found = tuple(found)
    codes = {_code(verdict.status, fail_on) for verdict in found} or {Exit.NOT_EVALUATED}
    if any(getattr(verdict, "refused", False) for verdict in found):
        codes.add(Exit.ACCESS)
    if any(isinstance(answer.error, AccessError) for answer in answers):
        codes.add(Exit.ACCESS)
    return worst(codes)


def _code(status: str, fail_on: tuple[str, ...]) -> Exit:
    if status in fail_on:
        return Exit.BLOCKED
    if status == "UNREADABLE":
        return Exit.NOT_EVALUATED
    return Exit.PASSED if status in GREEN else Exit.BLOCKED


def verdict_of(code: Exit) -> Verdict:
    """The word for an exit code."""
    verdicts: dict[Exit, Verdict] = {Exit.PASSED: "passed", Exit.NOT_EVALUATED: "inconclusive"}
    return verdicts.get(code, "failed")


def closing(
    found: tuple[RefVerdict, ...], answers: tuple[Surveyed, ...], fail_on: tuple[str, ...],
    *, spared: Exit | None,
) -> str:  # fmt: skip
    """The refs counted by status; for more than one repository also how many were looked at.

    ``spared``: the exit code that ``--exit-zero`` keeps from whoever asked.
    """
    lines = [_counted(found, answers)]
    asked = tally_of(verdict.status for verdict in found if verdict.status in fail_on)
    if asked:
        lines.append(f"{asked}: failed by --fail-on")
    if spared:
        lines.append(f"would block: exit code {int(spared)} without --exit-zero")
    return "\n".join(lines)


def _counted(found: tuple[RefVerdict, ...], answers: tuple[Surveyed, ...]) -> str:
    tally = tally_of(verdict.status for verdict in found)
    if len(answers) == 1:
        return tally or "nothing here that is released"
    weighty = sum(any(verdict.weights for verdict in answer.refs) for answer in answers)
    return f"{len(answers)} repositories, {weighty} with weights: {tally or 'no ref'}"


def tally_of(statuses: Iterable[str]) -> str:
    """``4 ATTESTED, 1 UNATTESTED``; empty if there is none."""
    counts = Counter(statuses)
    return ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
