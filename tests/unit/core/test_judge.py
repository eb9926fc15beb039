# SPDX-License-Identifier: Apache-2.0
"""Ways to have a wrong release judged ``passed``; none of them may work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.judge import GATE, INPUTS, STEPS, judge, require_current, step_findings, weigh
from hubpolicy.core.rules import hp310
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.core.statements import applicability_statement
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.domain.manifest import Entry, Manifest, make_manifest
from hubpolicy.domain.policy import RoleRequirement, RuleSetting
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.statement import RecordsPin, SuiteCounts, Waiver
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
    POLICY,
    SAFETY,
    TARGET,
    approval_line,
    as_listing,
    asking,
    card_line,
    changed,
    judged_by,
    release,
    release_line,
    rules_of,
    run_line,
    setting,
    signed,
    waiver_line,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.statement import ToxicityResult

FIRST = TOXICITY.suites[0]
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


# --- other bytes -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [each.path for each in MANIFEST.entries])
@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_one_changed_file_blocks(path: str, listed: bool) -> None:
    good = release()
    evidence = as_listing(good) if listed else good
    if evidence.listing is not None:
        files = tuple(
            f._replace(sha256=f.sha256 and sha("other"), git_blob=f.git_blob and "0" * 40)
            if f.path == path
            else f
            for f in evidence.listing.files
        )
        evidence = evidence._replace(listing=evidence.listing._replace(files=files))
    else:
        evidence = good._replace(manifest=changed(MANIFEST, path))
    decision = judge(evidence)
    assert decision.verdict == "failed"
    assert "HP308" in rules_of(decision)


@pytest.mark.parametrize("path", [each.path for each in MANIFEST.entries])
@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_one_missing_file_blocks(path: str, listed: bool) -> None:
    rest = Manifest(tuple(e for e in MANIFEST.entries if e.path != path))
    evidence = release()._replace(manifest=rest)
    decision = judge(as_listing(evidence) if listed else evidence)
    assert "HP308" in rules_of(decision)


@pytest.mark.parametrize("path", ["a.md", "LICENSE", "second.safetensors", "zz.png", "x/.gitkeep"])
@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_one_added_file_blocks(path: str, listed: bool) -> None:
    more = make_manifest([*MANIFEST.entries, entry(path, b"")])
    evidence = release()._replace(manifest=more)
    assert "HP308" in rules_of(judge(as_listing(evidence) if listed else evidence))


def test_changed_bytes_say_so_once_and_hide_nothing_else() -> None:
    place = Location("model.sig")
    echo = Finding("HP302", Severity.ERROR, "model.sig is about other files", place)
    others = (
        Finding("HP701", Severity.ERROR, "by a revoked key", place),
        Finding("HP302", Severity.ERROR, "a bad line", Location(".hubpolicy/x", 1)),
        Finding("HP412", Severity.ERROR, "unknown", Location(".hubpolicy/y")),
    )
    for found in ((echo,), (echo, *others)):
        good = release()._replace(rejected=found)
        assert judge(good).findings == found
        bad = judge(good._replace(manifest=changed(MANIFEST, ".gitattributes")))
        assert bad.verdict == "failed"
        assert {f for f in bad.findings if f.rule not in {"HP308", "HP121"}} == set(found) - {echo}


def test_a_renamed_file_blocks() -> None:
    entries = [e._replace(path="model2.safetensors") if "model" in e.path else e
               for e in MANIFEST.entries]  # fmt: skip
    assert "HP308" in rules_of(judge(release()._replace(manifest=make_manifest(entries))))


def test_a_listing_that_tells_nothing_of_a_file_blocks() -> None:
    evidence = as_listing(release())
    assert evidence.listing is not None
    files = tuple(f._replace(sha256=None, git_blob=None) for f in evidence.listing.files)
    bare = evidence._replace(listing=evidence.listing._replace(files=files))
    assert judge(bare).verdict != "passed"


def test_a_git_blob_id_cannot_stand_in_where_a_sha256_is_known() -> None:
    """The line has the right blob id and another sha256: only a liar would sign that."""
    lying = [e._replace(sha256=sha("lie")) if e.path == "config.json" else e
             for e in MANIFEST.entries]  # fmt: skip
    evidence = release(manifest=make_manifest(lying), card=card_line())
    assert judge(evidence._replace(manifest=MANIFEST)).verdict == "failed"


def test_an_empty_release_is_never_judged_good() -> None:
    for evidence in (release()._replace(manifest=Manifest(())), release()._replace(manifest=None)):
        decision = judge(evidence)
        assert decision.verdict == "failed"
        assert "HP410" in rules_of(decision)


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
