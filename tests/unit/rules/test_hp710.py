# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.rules import hp710
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.core.statements import waiver_statement
from hubpolicy.core.verify import verify_bundle
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.statement import Waiver
from tests.golden.samples import MANIFEST, NOW, TRUST, signer
from tests.unit.core.release_world import as_listing, changed, release, setting, waiver_line

WAIVER = Waiver("HP203", "lee", "gated research model", "2026-12-31")
POLICY = setting("HP203", Severity.ERROR, waivable=True)


@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_a_waiver_that_holds_is_no_finding(listed: bool) -> None:
    evidence = release(waiver_line(WAIVER), policy=POLICY)
    assert hp710.check(as_listing(evidence) if listed else evidence) == ()


@pytest.mark.parametrize(
    ("waiver", "reason"),
    [
        (WAIVER._replace(until="2026-11-21"), "ended on 2026-11-21"),
        (WAIVER._replace(until="2027-02-21"), "more than 90 days from now"),
        (WAIVER._replace(who="rita"), "names rita, and lee signed it"),
        (WAIVER._replace(rule="HP207"), "does not mark the rule as waivable"),
        (WAIVER._replace(rule="HP308"), "holds the gate"),
    ],
)
def test_a_waiver_that_waives_nothing_is_a_finding(waiver: Waiver, reason: str) -> None:
    (finding,) = hp710.check(release(waiver_line(waiver), policy=POLICY))
    assert reason in finding.message


def test_a_waiver_for_other_bytes_is_a_finding() -> None:
    line = waiver_line(WAIVER, changed(MANIFEST, "README.md"))
    (finding,) = hp710.check(release(line, policy=POLICY))
    assert "is for other bytes" in finding.message


def test_only_bad_answers_can_be_waived() -> None:
    possible = set()
    for entry in catalogue():
        line = waiver_line(WAIVER._replace(rule=entry.id))
        policy = setting(entry.id, Severity.ERROR, waivable=True)
        if not hp710.check(release(line, policy=policy)):
            possible.add(entry.id)
    card = {entry.id for entry in catalogue() if "HP101" <= entry.id <= "HP119"}
    assert possible == card | {"HP122", "HP203", "HP207", "HP214", "HP215", "HP219"}


def test_in_a_team_nobody_waives_what_they_made() -> None:
    waiver = WAIVER._replace(who="ci")
    root = TRUST.root
    roles = tuple(
        role._replace(principals=role.principals | {"ci"})
        if role.name == "approver:safety"
        else role
        for role in root.roles
    )
    team = TRUST._replace(root=root._replace(roles=roles))
    solo = team._replace(root=team.root._replace(solo=True))
    bundle = make_bundle(waiver_statement(waiver, MANIFEST), signer("ci"))
    line = verify_bundle(bundle, team, now=NOW, where="a waiver")
    evidence = release(line, policy=POLICY)._replace(trust=team)
    (finding,) = hp710.check(evidence)
    assert "somebody else must waive" in finding.message
    assert hp710.check(evidence._replace(trust=solo)) == ()


def test_the_last_day_is_the_ninetieth() -> None:
    assert (
        hp710.check(release(waiver_line(WAIVER._replace(until="2027-02-20")), policy=POLICY)) == ()
    )
