# SPDX-License-Identifier: Apache-2.0
"""Audits to render and to merge: small ones, one of every verdict, and ones of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.render.report import ExposureRow, RefRow, Report, SigningRow
from tests.golden.samples import sha

if TYPE_CHECKING:
    from collections.abc import Iterable

NOON = "2026-11-20T12:00:00Z"
MAIN = "refs/heads/main"
UNTESTED = Finding("HP201", Severity.ERROR, "not tested yet", None, "hubpolicy test PATH", "failed")
CHANGED = Finding(
    "HP308", Severity.ERROR, "config.json is not what was released", Location("config.json", 3, 7)
)
POLICY = ("acme/release", 7, sha("policy"))


def ref(repo: str, name: str = MAIN, status: str = "ATTESTED", *at: int, **more: str) -> RefRow:
    """One ref; ``at``: places of its findings, whose rules are told by hand where they matter."""
    oid = more.get("oid", sha(repo + name)[:40])
    detail = more.get("detail", "")
    rules = tuple(more.get("rules", "").split())
    return RefRow(repo, name, oid, status, detail, sha(repo), NOON, "rita", rules, at)


def signed(repo: str, time: str = NOON, key: str = "one", **more: str) -> SigningRow:
    return SigningRow(
        repo, time, more.get("principal", "rita"), "releaser", sha(key), POLICY, sha(repo),
        tuple(more.get("refs", MAIN).split()), more.get("proof", ""), more.get("remark", ""),
    )  # fmt: skip


def exposed(repo: str, since: str = NOON, until: str = "") -> ExposureRow:
    return ExposureRow(repo, MAIN, sha(repo)[:40], since, until, "repo.visibility by mallory")


def audit(refs: Iterable[RefRow], verdict: str = "failed", **more: object) -> Report:
    code = {"passed": 0, "failed": 1, "inconclusive": 3}[verdict]
    made = Report("audit", "hubpolicy audit acme", verdict, code, refs=tuple(refs), solo=False)  # type: ignore[arg-type]
    return made._replace(made=NOON)._replace(**more)  # type: ignore[arg-type]


MIXED = audit(
    [
        ref("acme/good"),
        ref("acme/good", "refs/tags/v1"),
        ref("acme/bad", MAIN, "UNATTESTED", 0, rules="HP201", detail="no release line"),
        ref("acme/bad", "refs/pr/1", "MODIFIED", 1, rules="HP308", detail="HP308"),
        ref("acme/gone", "(all refs)", "UNREADABLE", oid="", detail="got 500 from the hub"),
        ref("acme/old", MAIN, "STALE", detail="held under acme/release 6"),
        ref("acme/first", MAIN, "BASELINE"),
    ],
    findings=(UNTESTED, CHANGED),
    signings=(
        signed("acme/good", "2026-03-01T09:00:00Z", refs=""),
        signed("acme/good", "2026-06-01T09:00:00Z", "two", remark="another key", proof="DigiStamp"),
        signed("acme/old", "2026-01-15T09:00:00Z"),
    ),
    exposures=(exposed("acme/bad", "2026-05-01T00:00:00Z", "2026-05-09T00:00:00Z"),),
)
"""Something of everything: five repositories, of which two are not clean."""


def wide(repositories: int, refs: int = 5) -> Report:
    """An organisation of any size: every tenth repository is not clean."""
    rows, signings, findings, exposures = [], [], [], []
    for number in range(repositories):
        name = f"acme/model-{number:05}"
        bad = number % 10 == 9
        for at in range(refs):
            place: tuple[int, ...] = ()
            if bad and at < 2:
                findings += [CHANGED._replace(fix=f"hubpolicy attest PATH --repo {name}")]
                place = (len(findings) - 1,)
            status = "MODIFIED" if place else "ATTESTED"
            rules = "HP308" if place else ""
            rows.append(ref(name, f"refs/heads/b{at}", status, *place, rules=rules))
        for month in range(1, 4):
            remark = "another key" if number % 50 == 7 and month == 2 else ""
            signings.append(
                signed(name, f"2026-{month + number % 9:02}-03T00:00:00Z", remark=remark)
            )
        if number % 40 == 39:
            exposures.append(exposed(name))
    return audit(
        rows, findings=tuple(findings), signings=tuple(signings), exposures=tuple(exposures)
    )
