# SPDX-License-Identifier: Apache-2.0
"""What a policy may set, what can be waived, and who has to agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.judge import judge, weigh
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.manifest import Manifest, make_manifest
from hubpolicy.domain.policy import RuleSetting
from hubpolicy.domain.statement import Waiver
from tests.golden.samples import (
    MANIFEST,
    NOW,
    TOXICITY,
    entry,
)
from tests.unit.core.release_world import (
    FIRST,
    POLICY,
    SAFETY,
    approval_line,
    asking,
    card_line,
    changed,
    release,
    rules_of,
    run_line,
    setting,
    waiver_line,
)

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.policy import Policy


# --- severities --------------------------------------------------------------------------------

HOLD_THE_GATE = tuple(e.id for e in catalogue() if not "HP101" <= e.id <= "HP119")


@pytest.mark.parametrize("rule", HOLD_THE_GATE)
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("waivable", [False, True])
def test_no_setting_takes_a_rule_out_of_the_gate(
    rule: str, severity: Severity, waivable: bool
) -> None:
    policy = setting(rule, severity, waivable=waivable)
    finding = Finding(rule, Severity.ERROR, "bad")
    assert weigh(finding, policy).severity is Severity.ERROR
    assert judge(release(policy=policy)._replace(rejected=(finding,))).verdict == "failed"


def test_a_setting_can_raise_and_for_card_rules_lower() -> None:
    warning = Finding("HP409", Severity.WARNING, "m")
    assert weigh(warning, setting("HP409", Severity.ERROR)).severity is Severity.ERROR
    error = Finding("HP110", Severity.ERROR, "m")
    assert weigh(error, setting("HP110", Severity.OFF)).severity is Severity.OFF


# --- waivers -----------------------------------------------------------------------------------

RUDE = TOXICITY._replace(suites=(FIRST._replace(hits=100, toxic_samples=200), TOXICITY.suites[1]))
HP203_WAIVABLE = setting("HP203", Severity.ERROR, waivable=True)
WAIVER = Waiver("HP203", "lee", "a research model, gated", "2026-12-31")


def waived(
    waiver: Waiver = WAIVER,
    policy: Policy = HP203_WAIVABLE,
    manifest: Manifest = MANIFEST,
    who: str = "lee",
) -> Decision:
    """A rude release with a waiver, all of it named by the release line."""
    return judge(release(waiver_line(waiver, manifest, who), run=run_line(RUDE), policy=policy))


def test_a_waiver_spares_what_it_names_and_keeps_it_visible() -> None:
    decision = waived()
    assert decision.verdict == "passed"
    assert [finding.rule for finding in decision.waived] == ["HP203"]


def test_a_waiver_of_the_last_day_holds() -> None:
    assert waived(WAIVER._replace(until=NOW[:10])).verdict == "passed"


@pytest.mark.parametrize(
    ("waiver", "policy", "manifest", "who"),
    [
        (WAIVER, POLICY, MANIFEST, "lee"),
        (WAIVER, setting("HP203", Severity.ERROR), MANIFEST, "lee"),
        (WAIVER._replace(until="2026-11-21"), HP203_WAIVABLE, MANIFEST, "lee"),
        (WAIVER, HP203_WAIVABLE, changed(MANIFEST, "README.md"), "lee"),
        (WAIVER._replace(who="rita"), HP203_WAIVABLE, MANIFEST, "lee"),
        (WAIVER, HP203_WAIVABLE, MANIFEST, "sam"),
    ],
    ids=["not waivable", "set, not waivable", "ended", "other bytes", "names rita", "by sam"],
)
def test_a_waiver_that_does_not_hold_waives_nothing(
    waiver: Waiver, policy: Policy, manifest: Manifest, who: str
) -> None:
    decision = waived(waiver, policy, manifest, who)
    assert decision.verdict == "failed"
    assert rules_of(decision) == {"HP203", "HP710"}
    assert decision.waived == ()


def test_what_was_not_evaluated_is_never_waived() -> None:
    policy = POLICY._replace(rules=(RuleSetting("HP203", Severity.ERROR, waivable=True),))
    imputed = FIRST._replace(hits=12, imputed=12, toxic_samples=0, answered=2900)
    run = run_line(TOXICITY._replace(suites=(imputed, TOXICITY.suites[1])))
    decision = judge(release(waiver_line(WAIVER), run=run, policy=policy))
    assert decision.verdict == "inconclusive"
    assert rules_of(decision) == {"HP203"}


ANSWERS = ("HP122", "HP203", "HP207", "HP214", "HP215", "HP219")


@pytest.mark.parametrize("rule", [r for r in HOLD_THE_GATE if r not in ANSWERS])
def test_a_rule_that_holds_the_gate_cannot_be_waived(rule: str) -> None:
    policy = setting(rule, Severity.ERROR, waivable=True)
    waiver = waiver_line(WAIVER._replace(rule=rule))
    finding = Finding(rule, Severity.ERROR, "bad")
    decision = judge(release(waiver, policy=policy)._replace(rejected=(finding,)))
    assert decision.verdict == "failed"
    assert decision.waived == ()


def test_a_waiver_does_not_reach_bytes_that_came_later() -> None:
    """The release line covers the new bytes; the waiver and the rest still say the old ones."""
    more = make_manifest([*MANIFEST.entries, entry("NOTICE", b"")])
    card = card_line(manifest=more)
    evidence = release(
        waiver_line(WAIVER), run=run_line(RUDE), card=card, manifest=more, policy=HP203_WAIVABLE
    )
    assert rules_of(judge(evidence)) == {"HP203", "HP710"}


# --- people ------------------------------------------------------------------------------------


def test_a_missing_approval_is_pending_and_not_passed() -> None:
    decision = judge(release(policy=asking(SAFETY)))
    assert decision.verdict == "inconclusive"
    assert {finding.effect for finding in decision.findings} == {"pending"}


def test_an_approval_opens_what_asks_for_it() -> None:
    line = approval_line()
    assert judge(release(line, policy=asking(SAFETY._replace(threshold=2)))).verdict != "passed"
    both = release(line, approval_line("sue"), policy=asking(SAFETY._replace(threshold=2)))
    assert judge(both).verdict == "passed"
