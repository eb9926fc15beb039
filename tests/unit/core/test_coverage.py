# SPDX-License-Identifier: Apache-2.0
"""Which bytes were run: every weight, every file that is loaded with it, and nothing by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import coverage
from hubpolicy.core.statements import applicability_statement, closure_digest
from hubpolicy.domain.manifest import Manifest, make_manifest
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.domain.statement import FirstRelease
from hubpolicy.domain.trust import Trust
from tests.golden.samples import (
    APPLICABILITY,
    CLOSURE,
    MANIFEST,
    NOW,
    README,
    ROOT,
    STATE,
    SUMMARY,
    TOXICITY,
    entry,
    sha,
)
from tests.unit.core.release_world import (
    POLICY,
    SAFETY,
    approval_line,
    as_listing,
    asking,
    changed,
    judged_by,
    release,
    release_line,
    run_line,
    signed,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.manifest import Entry
    from hubpolicy.domain.statement import ApplicabilityResult

SECOND = (
    entry("q4/model.safetensors", b"second", small=False),
    entry("q4/config.json", b"{}"),
    entry("q4/tokenizer.json", b"[]"),
)
BOTH = make_manifest([*MANIFEST.entries, *SECOND])
MONTHS_AGO = TOXICITY._replace(finished_on="2026-01-02T00:00:00Z")
SOON_AFTER = "2026-02-01T00:00:00Z"
DECODER = APPLICABILITY._replace(architecture="MistralModel")
ONE_EACH = Trust(
    ROOT._replace(roles=tuple(role._replace(threshold=1) for role in ROOT.roles)), STATE
)


def found(evidence: Evidence) -> set[str]:
    """Ids of what coverage finds."""
    return {finding.rule for finding in coverage.check(evidence)}


def claim(result: ApplicabilityResult = APPLICABILITY) -> VerifiedStatement:
    return signed(applicability_statement(result, CLOSURE), "ci")


@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_one_run_of_all_files_covers_them(listed: bool) -> None:
    evidence = judged_by(POLICY, (run_line(),))
    evidence = evidence._replace(lines=(*evidence.lines, release_line((run_line(),))))
    assert found(as_listing(evidence) if listed else evidence) == set()


def test_one_run_per_model_covers_both() -> None:
    lines = (run_line(), run_line(closure=SECOND))
    assert found(judged_by(POLICY, lines, BOTH)) == set()
    assert found(judged_by(POLICY, lines[:1], BOTH)) == {"HP408", "HP409"}
    assert found(judged_by(POLICY, (), BOTH)) == {"HP201"}


FILES = st.lists(st.sampled_from([*MANIFEST.entries, *SECOND]), min_size=1, unique=True)


@given(st.lists(FILES, max_size=3))
def test_weights_pass_only_where_a_run_names_every_one_of_them(
    closures: list[list[Entry]],
) -> None:
    evidence = judged_by(POLICY, [run_line(closure=closure) for closure in closures], BOTH)
    ran = {each.path for closure in closures for each in closure}
    weights = {e.path for e in BOTH.entries if e.path.endswith(".safetensors")}
    assert (not found(evidence) & {"HP201", "HP409"}) == (weights <= ran)


@pytest.mark.parametrize("path", ["model.safetensors", "config.json"])
def test_a_run_of_bytes_that_changed_since_is_named_and_does_not_count(
    path: str,
) -> None:
    now = changed(MANIFEST, path)
    evidence = judged_by(POLICY, (run_line(),), now)
    (finding,) = [f for f in coverage.check(evidence) if f.rule == "HP201"]
    assert f"1 files differ: {path}" in finding.message
    assert f"evidence is for closure {closure_digest(CLOSURE)[:12]}" in finding.message
    loaded = [entry for entry in now.entries if entry.path in {each.path for each in CLOSURE}]
    assert f"these bytes (closure {closure_digest(loaded)[:12]})" in finding.message
    assert finding.fix == "hubpolicy test PATH"
    assert coverage.runs(evidence) == ()
    assert coverage.measurements(evidence) == ()


def test_of_two_checkers_one_is_missing_and_nobody_is_told_that_the_bytes_changed() -> None:
    """It said: not run on these bytes (closure X); last evidence is for closure X."""
    two = asking(RoleRequirement("checker", 2))
    people = frozenset({"ci", "rita"})
    roles = (r._replace(principals=people) if r.name == "checker" else r for r in ROOT.roles)
    trust = Trust(ROOT._replace(roles=tuple(roles)), STATE)
    (told,) = (f for f in coverage.check(judged_by(two, (run_line(),))) if f.rule == "HP201")
    assert told.message == (
        "1 of 2 checkers ran the required toxicity test on these bytes "
        f"(closure {closure_digest(CLOSURE)[:12]})"
    )
    assert told.fix.startswith("another checker: hubpolicy test PATH")
    lines = [run_line(who=who, trust=trust) for who in sorted(people)]
    left = judged_by(two, (*lines, run_line(closure=SECOND, trust=trust)), BOTH, trust)
    (told,) = (f for f in coverage.check(left) if f.rule == "HP409")
    assert told.message.endswith("counts as weights, and 1 of 2 checkers ran it")
    assert told.fix.startswith("another checker: ")


def test_where_nothing_was_run_configurations_are_not_complained_about_too() -> None:
    assert found(judged_by(POLICY, ())) == {"HP201"}
    assert found(judged_by(POLICY, (run_line(closure=(CLOSURE[1],)),))) == {"HP408"}


def test_where_nothing_was_run_everything_else_is_still_looked_at() -> None:
    odd = (entry("notes", b"?"), entry("run.sh", b"#!/bin/sh"), entry("x.bin", b"?"))
    manifest = make_manifest([*MANIFEST.entries, *odd])
    assert found(judged_by(POLICY, (), manifest)) == {"HP201", "HP406", "HP407", "HP408"}


def test_a_release_without_weights_is_told_so_and_not_to_run_a_test() -> None:
    assert found(judged_by(POLICY, (), Manifest((README,)))) == {"HP410"}


def test_a_closure_is_known_by_the_digest_over_its_own_files() -> None:
    assert coverage.closure_digest(run_line()) == closure_digest(CLOSURE)
    assert coverage.closure_paths(run_line()) == tuple(e.path for e in CLOSURE)


def test_measurements_are_recomputed_under_the_policy_at_hand() -> None:
    measured = [m for _, m in coverage.measurements(release())]
    assert [(m.counts.id, m.counts.hits, m.limit, m.passed) for m in measured] == [
        ("TX-1", 3, "0.02", True),
        ("TX-2", 0, "0.05", True),
    ]
    suites = tuple(s._replace(upper_bound_max="0.005") for s in POLICY.toxicity.suites)
    stricter = POLICY._replace(toxicity=POLICY.toxicity._replace(suites=suites))
    again = [m for _, m in coverage.measurements(release()._replace(policy=stricter))]
    assert [m.passed for m in again] == [False, False]


@pytest.mark.parametrize(
    ("finished", "released", "rules"),
    [
        ("2026-11-22T14:00:00Z", "2026-11-22T14:59:00Z", set()),
        ("2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", set()),
        ("2026-01-01T00:00:00Z", "2026-11-22T14:59:00Z", {"HP208"}),
        ("2026-11-22T14:59:00Z", "2026-11-22T14:00:00Z", {"HP208"}),
    ],
)
def test_a_run_is_old_or_not_when_it_was_first_released(
    finished: str, released: str, rules: set[str]
) -> None:
    run = run_line(TOXICITY._replace(finished_on=finished))
    last = release_line((run,), summary=SUMMARY._replace(time_verified=released))
    assert found(judged_by(POLICY, (run, last))) == rules


def test_not_applicable_is_a_claim_with_conditions() -> None:
    assert found(release(run=claim())) == set()
    for wrong in (
        APPLICABILITY._replace(decision="generates-text"),
        APPLICABILITY._replace(decision="generates-other"),
        APPLICABILITY._replace(table="v0"),
        APPLICABILITY._replace(binding_level=3),
        APPLICABILITY._replace(output_shape=()),
        DECODER,
    ):
        assert found(release(run=claim(wrong))) == {"HP209"}, wrong


@pytest.mark.parametrize(
    ("line", "enough"),
    [
        (approval_line(), True),
        (approval_line(binds="manifest"), False),
        (approval_line(binds="card"), False),
        (approval_line(not_after="2026-11-21"), False),
        (approval_line(decision="reject"), False),
        (approval_line(who="lee", role="legal"), False),
        (approval_line(closure=CLOSURE[:1]), False),
        (approval_line(closure=(README,)), False),
    ],
    ids=["closure", "whole", "card", "ended", "no", "legal", "config alone", "card alone"],
)
def test_an_embedder_made_of_a_decoder_needs_a_safety_approval_of_its_closure(
    line: VerifiedStatement, enough: bool
) -> None:
    evidence = release(line, run=claim(DECODER))._replace(trust=ONE_EACH)
    assert found(evidence) == (set() if enough else {"HP209"})


def test_the_policy_says_what_a_safety_approval_binds_and_who_may_give_it() -> None:
    whole = asking(SAFETY._replace(binds="manifest"))
    evidence = release(approval_line(binds="manifest"), run=claim(DECODER), policy=whole)
    assert found(evidence._replace(trust=ONE_EACH)) == set()
    two = release(approval_line(), run=claim(DECODER), policy=asking(SAFETY._replace(threshold=2)))
    assert found(two._replace(trust=ONE_EACH)) == {"HP209"}
    card = asking(RoleRequirement("approver:safety", 1, "card"))
    read = release(approval_line(binds="card"), run=claim(DECODER), policy=card)
    assert found(read._replace(trust=ONE_EACH)) == {"HP209"}


def test_weights_are_of_a_format_that_the_policy_names() -> None:
    policy = POLICY._replace(weights=("onnx",))
    assert found(release(policy=policy)) == {"HP413"}


def test_code_counts_as_tested_only_if_it_was_loaded_and_the_policy_lists_it() -> None:
    code = entry("modeling.py", b"import os")
    manifest = make_manifest([*MANIFEST.entries, code])
    allowed = POLICY._replace(allowed_files=frozenset(("modeling.py",)))
    ran, not_ran = run_line(closure=(*CLOSURE, code)), run_line()
    for policy, run, rules in (
        (POLICY, not_ran, {"HP406"}),
        (POLICY, ran, {"HP406"}),
        (allowed, not_ran, {"HP406"}),
        (allowed, ran, set()),
    ):
        assert found(judged_by(policy, (run,), manifest)) == rules


def test_remote_code_in_a_tested_configuration_blocks() -> None:
    evidence = release()._replace(remote_code=("config.json",))
    assert found(evidence) == {"HP406"}


def test_first_bytes_can_make_a_file_more_dangerous() -> None:
    heads = (("README.md", b"GGUF\x03\0\0\0"),)
    assert found(release()._replace(heads=heads)) == {"HP409"}
    assert found(judged_by(POLICY, (), Manifest((README,)))._replace(heads=heads)) == {"HP201"}


def test_a_scorer_of_another_digest_is_not_the_scorer() -> None:
    pin = TOXICITY.scorer._replace(sha256=sha("other"))
    assert found(release(run=run_line(TOXICITY._replace(scorer=pin)))) == {"HP202"}


@pytest.mark.parametrize(
    ("times", "rules"),
    [
        ((SOON_AFTER,), set()),
        ((NOW,), {"HP208"}),
        ((SOON_AFTER, NOW), {"HP208"}),
    ],
    ids=["fresh", "late", "the latest counts"],
)
def test_a_run_is_as_old_as_at_its_first_release(times: tuple[str, ...], rules: set[str]) -> None:
    run = run_line(MONTHS_AGO)
    evidence = judged_by(POLICY, (run,))
    assert found(evidence) == {"HP208"}
    for said in times:
        first = FirstRelease(run.payload_sha256, said, sha("the first line"))
        summary = SUMMARY._replace(time_verified=NOW, first_released=(first,))
        line = release_line((run,), summary=summary)
        evidence = evidence._replace(lines=(*evidence.lines, line))
    assert found(evidence) == rules


def test_a_first_release_of_another_run_says_nothing_of_this_one() -> None:
    run = run_line(MONTHS_AGO)
    first = FirstRelease(sha("another run"), SOON_AFTER, sha("the first line"))
    evidence = judged_by(POLICY, (run,))._replace(first_released=(first,))
    assert found(evidence) == {"HP208"}
    mine = evidence._replace(first_released=(first._replace(run=run.payload_sha256),))
    assert found(mine) == set()
