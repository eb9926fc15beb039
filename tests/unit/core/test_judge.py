# SPDX-License-Identifier: Apache-2.0
"""Ways to have a wrong release judged ``passed``; none of them may work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.judge import GATE, INPUTS, STEPS, judge, require_current, step_findings
from hubpolicy.core.rules import hp310
from hubpolicy.core.statements import applicability_statement
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.manifest import Entry, Manifest, make_manifest
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.statement import RecordsPin, SuiteCounts
from hubpolicy.domain.trust import Role, Trust
from hubpolicy.errors import ConfigError
from tests.golden.samples import (
    APPLICABILITY,
    CARD,
    CLOSURE,
    MANIFEST,
    NOW,
    README,
    ROOT,
    STATE,
    SUMMARY,
    TOXICITY,
    TRUST,
    entry,
    sha,
)
from tests.unit.core.release_world import (
    FIRST,
    POLICY,
    TARGET,
    as_listing,
    asking,
    card_line,
    judged_by,
    release,
    release_line,
    rules_of,
    run_line,
    signed,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.statement import ToxicityResult

OTHER_WEIGHTS = entry("model.safetensors", b"other weights", small=False)
ADAPTER = entry("adapter.safetensors", b"adapter", small=False)


def test_a_good_release_passes_from_its_files_and_from_a_hubs_listing() -> None:
    for evidence in (release(), as_listing(release())):
        decision = judge(evidence)
        assert (decision.verdict, decision.findings, decision.waived) == ("passed", (), ())


def test_the_steps_that_are_shown_are_the_gate() -> None:
    assert tuple(check for step in STEPS for check in step.checks) == GATE
    assert all(step_findings(release(), step) == () for step in STEPS)


def test_an_empty_rule_set_is_an_error() -> None:
    with pytest.raises(ConfigError, match="empty rule set"):
        judge(release(), ())


# --- evidence that is missing, or by the wrong people ----------------------------------------


def test_nothing_at_all_is_inconclusive() -> None:
    decision = judge(judged_by(POLICY, ()))
    assert decision.verdict == "inconclusive"
    assert rules_of(decision) == {"HP120", "HP201", "HP301"}


@given(st.sets(st.integers(0, 2), max_size=2))
def test_no_subset_of_the_lines_is_enough(kept: set[int]) -> None:
    lines = release().lines
    assert judge(judged_by(POLICY, [lines[i] for i in sorted(kept)])).verdict != "passed"


@given(st.permutations((0, 1, 2)))
def test_the_order_of_lines_means_nothing(order: list[int]) -> None:
    lines = release().lines
    assert judge(judged_by(POLICY, [lines[i] for i in order])).verdict == "passed"


def test_what_did_not_verify_blocks_although_the_rest_is_good() -> None:
    finding = Finding("HP303", Severity.ERROR, "a release line by a checker")
    assert judge(release()._replace(rejected=(finding,))).verdict == "failed"


def test_what_the_reader_refused_blocks() -> None:
    finding = Finding("HP411", Severity.ERROR, "model.bin", None, "", "inconclusive")
    assert judge(release()._replace(refusals=(finding,))).verdict == "inconclusive"


def test_a_release_line_that_says_failed_is_no_pass() -> None:
    good = release().lines
    said_no = release_line(good[:2], summary=SUMMARY._replace(result="FAILED"))
    assert "HP301" in rules_of(judge(judged_by(POLICY, (*good[:2], said_no))))


def test_of_two_release_lines_one_that_says_failed_decides() -> None:
    good = release()
    said_no = release_line(good.lines[:2], summary=SUMMARY._replace(result="FAILED"))
    decision = judge(good._replace(lines=(*good.lines, said_no)))
    assert decision.verdict == "failed"
    assert "rita signed a release line that says FAILED" in decision.findings[0].message


def test_two_release_lines_for_two_repositories_do_not_open_either() -> None:
    good = release()
    summary = SUMMARY._replace(resource_uri="pkg:huggingface/acme/other?repo_type=model")
    second = release_line(good.lines[:2], summary=summary)
    for name in ("wizard-7b", "other"):
        evidence = good._replace(lines=(*good.lines, second), target=RepoId("acme", name))
        assert rules_of(judge(evidence)) == {"HP307"}


def test_two_releasers_are_two_people() -> None:
    policy = asking(RoleRequirement("releaser", 2))
    assert rules_of(judge(release(policy=policy))) == {"HP301"}


def test_the_root_may_ask_for_more_people_than_the_policy() -> None:
    roles = tuple(
        Role("releaser", frozenset(("rita", "sam")), 2) if role.name == "releaser" else role
        for role in ROOT.roles
    )
    trust = Trust(ROOT._replace(roles=roles), STATE)
    one = release()
    assert rules_of(judge(one._replace(trust=trust))) == {"HP301"}
    second = release_line(one.lines[:2], who="sam", trust=trust)
    both = one._replace(lines=(*one.lines, second), trust=trust)
    assert judge(both).verdict == "passed"


def test_two_checkers_are_asked_for_both_the_card_and_every_run() -> None:
    policy = asking(RoleRequirement("checker", 2))
    roles = tuple(
        Role("checker", frozenset(("ci", "lee")), 1) if role.name == "checker" else role
        for role in ROOT.roles
    )
    trust = Trust(ROOT._replace(roles=roles), STATE)
    assert rules_of(judge(release(policy=policy))) == {"HP120", "HP201"}
    card = card_line(who="lee", trust=trust)
    only_card = release(card, policy=policy, trust=trust)
    assert rules_of(judge(only_card)) == {"HP201"}
    again = run_line(TOXICITY._replace(seed=sha("another")), who="lee", trust=trust)
    assert judge(release(card, again, policy=policy, trust=trust)).verdict == "passed"


# --- runs --------------------------------------------------------------------------------------


def relabelled(run: VerifiedStatement, manifest: Manifest = MANIFEST) -> Evidence:
    """A complete release whose run is this one."""
    return release(run=run, manifest=manifest, card=card_line(manifest=manifest))


@pytest.mark.parametrize(
    "closure",
    [
        (README,),
        (entry("absent.safetensors", b"weights"),),
        (OTHER_WEIGHTS, *(e for e in CLOSURE if e.path != "model.safetensors")),
        (entry("MODEL.safetensors", b"weights"),),
        tuple(e for e in CLOSURE if e.path != "model.safetensors"),
        (*CLOSURE, entry("gone.json", b"{}")),
    ],
    ids=["the card alone", "no such file", "other bytes", "other case", "no weights", "more"],
)
def test_a_run_of_other_files_covers_no_weights(closure: tuple[Entry, ...]) -> None:
    decision = judge(relabelled(run_line(closure=closure)))
    assert decision.verdict == "inconclusive"
    assert "HP201" in rules_of(decision)


def test_a_run_of_one_model_does_not_cover_a_second_one() -> None:
    more = make_manifest([*MANIFEST.entries, ADAPTER])
    decision = judge(release(manifest=more, card=card_line(manifest=more)))
    assert decision.verdict == "inconclusive"
    assert rules_of(decision) == {"HP409"}


def test_a_configuration_that_was_not_in_the_run_blocks() -> None:
    more = make_manifest([*MANIFEST.entries, entry("generation_config.json", b"{}")])
    assert rules_of(judge(release(manifest=more, card=card_line(manifest=more)))) == {"HP408"}


@pytest.mark.parametrize(
    ("result", "rule"),
    [
        (TOXICITY._replace(opens_gate=False), "HP217"),
        (TOXICITY._replace(binding_level=3), "HP205"),
        (TOXICITY._replace(attempts=4), "HP207"),
        (TOXICITY._replace(finished_on="2026-08-01"), "HP208"),
        (TOXICITY._replace(scorer=TOXICITY.scorer._replace(sha256=sha("zeros"))), "HP202"),
        (TOXICITY._replace(canaries=TOXICITY.canaries._replace(toxic_flagged=0)), "HP206"),
        (TOXICITY._replace(canaries=TOXICITY.canaries._replace(sha256=sha("mine"))), "HP206"),
        (TOXICITY._replace(records=RecordsPin(sha("r"), sha("m"), 1)), "HP210"),
        (
            TOXICITY._replace(
                suites=TOXICITY.suites[1:], records=RecordsPin(sha("r"), sha("m"), 600)
            ),
            "HP204",
        ),
        (
            TOXICITY._replace(
                suites=(FIRST._replace(hits=100, toxic_samples=200), TOXICITY.suites[1])
            ),
            "HP203",
        ),
        (
            TOXICITY._replace(
                suites=(
                    SuiteCounts("TX-1", FIRST.prompts_sha256, 10, 5, 0, 0, 50, 0, FIRST.sampling),
                    TOXICITY.suites[1],
                ),
                records=RecordsPin(sha("r"), sha("m"), 650),
            ),
            "HP204",
        ),
    ],
)
def test_counts_are_judged_and_not_believed(result: ToxicityResult, rule: str) -> None:
    assert rule in rules_of(judge(release(run=run_line(result))))


def test_a_good_run_does_not_hide_a_bad_one_of_the_same_files() -> None:
    bad = TOXICITY._replace(
        suites=(FIRST._replace(hits=100, toxic_samples=200), TOXICITY.suites[1])
    )
    assert rules_of(judge(release(run_line(bad)))) == {"HP203"}


def test_a_claim_that_no_text_comes_out_does_not_hide_a_bad_run() -> None:
    claim = signed(applicability_statement(APPLICABILITY, CLOSURE), "ci")
    assert judge(release(run=claim)).verdict == "passed"
    bad = TOXICITY._replace(
        suites=(FIRST._replace(hits=100, toxic_samples=200), TOXICITY.suites[1])
    )
    assert judge(release(claim, run=run_line(bad))).verdict == "failed"


def test_imputed_prompts_count_as_hits() -> None:
    imputed = FIRST._replace(hits=100, imputed=100, toxic_samples=0, answered=2900)
    decision = judge(release(run=run_line(TOXICITY._replace(suites=(imputed, TOXICITY.suites[1])))))
    assert decision.verdict == "inconclusive"
    assert rules_of(decision) == {"HP203", "HP211"}


# --- documents that are out of date -------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "match"),
    [
        (release()._replace(policy=POLICY._replace(expires="2026-11-21")), "the policy expired"),
        (
            release()._replace(trust=TRUST._replace(root=ROOT._replace(expires="2026-11-21"))),
            "the trust root expired",
        ),
        (
            release()._replace(
                trust=TRUST._replace(state=STATE._replace(expires="2026-11-22T14:59:59Z"))
            ),
            "the trust state expired",
        ),
    ],
)
def test_nothing_is_judged_by_documents_that_do_not_hold(evidence: Evidence, match: str) -> None:
    for checks in (GATE, INPUTS):
        with pytest.raises(ConfigError, match=match) as raised:
            judge(evidence, checks)
        assert raised.value.hint


def test_a_document_holds_to_the_end_of_its_last_day_or_second() -> None:
    last = release()._replace(
        policy=POLICY._replace(expires="2026-11-22"),
        trust=Trust(ROOT._replace(expires="2026-11-22"), STATE._replace(expires=NOW)),
    )
    require_current(last)


# --- inputs of a releaser ------------------------------------------------------------------------


def test_a_releaser_is_asked_for_all_but_the_release_line() -> None:
    assert set(GATE) - set(INPUTS) == {
        check for check in STEPS[2].checks if check.__module__ != "hubpolicy.core.rules.hp703"
    }
    lines = release().lines[:2]
    assert judge(judged_by(POLICY, lines), INPUTS).verdict == "passed"
    assert judge(judged_by(POLICY, lines)).verdict == "inconclusive"


def test_a_target_that_is_not_known_is_not_compared_and_another_one_blocks() -> None:
    assert judge(release()._replace(target=None)).verdict == "passed"
    for target in (
        RepoId("acme", "wizard-7B"),
        RepoId("acme", "wizard-7b", "dataset"),
        TARGET._replace(endpoint="http://127.0.0.1:1"),
    ):
        assert rules_of(judge(release()._replace(target=target))) == {"HP307"}


def test_evidence_that_came_after_the_release_was_not_weighed() -> None:
    good = release()
    late = good._replace(lines=(*good.lines, run_line(TOXICITY._replace(seed=sha("late")))))
    assert rules_of(judge(late)) == {hp310.ID}


@pytest.mark.parametrize(
    ("languages", "rules"),
    [(("en",), set()), ((), set()), (("de", "en"), {"HP212"}), (("multilingual",), {"HP212"})],
)
def test_languages_of_the_signed_card_are_held_against_the_run(
    languages: tuple[str, ...], rules: set[str]
) -> None:
    card = card_line(CARD._replace(languages=languages))
    assert rules_of(judge(release(card=card))) == rules


def test_a_card_that_declares_another_language_after_the_test_needs_another_test() -> None:
    scorer = TOXICITY.scorer._replace(languages=("en", "fr"))
    run = run_line(TOXICITY._replace(scorer=scorer))
    assert rules_of(judge(release(run=run))) == set()
    card = card_line(CARD._replace(languages=("en", "fr")))
    decision = judge(release(run=run, card=card))
    assert (rules_of(decision), decision.verdict) == ({"HP213"}, "inconclusive")
