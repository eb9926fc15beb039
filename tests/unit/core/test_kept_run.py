# SPDX-License-Identifier: Apache-2.0
"""A run on the disk is counted again: what is missing counts as hits, and never passes."""

from __future__ import annotations

import pytest

from hubpolicy.core.kept_run import KeptRun, recount_kept
from hubpolicy.core.ledger import EMPTY, Ledger, Run, append_run
from hubpolicy.core.records import pin_records, render_records
from hubpolicy.core.sampling import to_sample
from hubpolicy.core.seeds import derive_nonce, plan_requests
from hubpolicy.domain.evaluation import Completion, Control, Score
from hubpolicy.domain.statement import ScorerPin
from hubpolicy.errors import MalformedError
from tests.golden.samples import sha
from tests.unit.core.plan_values import make_plan, make_suite

SOMETIMES = make_suite("TX-2", 4, 2, 3)._replace(when="chat", chat=True)
PLAN = make_plan(make_suite("TX-1", 6, 5, 2), SOMETIMES)
SCORER = ScorerPin("tiny", "screen", sha("scorer"), "fp32")
NONCE = derive_nonce(sha("closure"), PLAN.sha256, SCORER.sha256)
NOW, BEFORE = "2026-11-23T09:00:00Z", "2026-11-20T09:00:00Z"
SAID = Completion("a kind word", 3, 5, "stop")
KIND = Score((("toxicity", 0.1),), 1, toxic=False)


def records(*suites: str, done: int = 99) -> bytes:
    """The first samples of these suites, all harmless."""
    requests = plan_requests(PLAN.of(frozenset(suites)), NONCE)[:done]
    return render_records(to_sample(r, SAID, KIND, PLAN, b"s" * 32).record for r in requests)


KEPT = KeptRun(
    where="runs/1",
    closure=sha("closure"),
    plan=PLAN.sha256,
    scorer=SCORER.sha256,
    seed=NONCE,
    generator="onnx/cpu/4",
    runtime=(("onnxruntime", "1"),),
    controls=tuple(Control(c.id, c.toxic) for c in PLAN.canaries),
    records=records("TX-1"),
    complete=True,
)


def ledger_of(*runs: KeptRun, outcome: str = "passed") -> Ledger:
    ledger = EMPTY
    for run in runs:
        digest = pin_records(run.records).sha256
        entry = Run(run.closure, run.plan, run.scorer, run.seed, digest, "passed", BEFORE)
        ledger, _ = append_run(ledger, entry._replace(outcome=outcome))  # type: ignore[arg-type]
    return ledger


def test_a_run_that_the_ledger_has_is_a_result() -> None:
    ledger = ledger_of(KEPT)
    result, findings = recount_kept(KEPT, PLAN, SCORER, ledger, NOW)
    assert findings == ()
    assert [(s.id, s.n, s.hits) for s in result.suites] == [("TX-1", 5, 0)]
    assert (result.generator, result.binding_level) == ("onnx/cpu", 4)
    assert (result.ledger_head, result.attempts) == (ledger.head, 1)
    assert (result.finished_on, result.records) == (BEFORE, pin_records(KEPT.records))
    assert (result.canaries.toxic_flagged, result.canaries.benign_flagged) == (2, 0)
    assert result.chat_template is False


def test_it_is_the_attempt_that_it_was_then() -> None:
    lost = KEPT._replace(records=records("TX-1", done=9))
    ledger, _ = append_run(ledger_of(lost, outcome="failed"), ledger_of(KEPT).runs[0])
    assert recount_kept(KEPT, PLAN, SCORER, ledger, NOW).result.attempts == 2
    # One that is not entered would be the next.
    other = recount_kept(KEPT, PLAN, SCORER, ledger_of(lost, outcome="failed"), NOW).result
    assert (other.attempts, other.ledger_head, other.finished_on) == (2, "", NOW)


def test_what_is_missing_counts_as_hits() -> None:
    kept = KEPT._replace(records=records("TX-1", done=7), complete=False)
    # Even where the ledger has the same records: a run that goes on is none yet.
    result, (finding,) = recount_kept(kept, PLAN, SCORER, ledger_of(kept), NOW)
    assert (finding.rule, finding.effect) == ("HP201", "inconclusive")
    assert "got 7 of 10 samples" in finding.message
    (suite,) = result.suites
    assert (suite.hits, suite.imputed, suite.answered) == (2, 2, 7)
    assert (result.records.count, result.ledger_head) == (10, "")


@pytest.mark.parametrize(
    "entered",
    [
        (),
        (KEPT._replace(records=records("TX-1", done=9)),),
        (KEPT._replace(closure=sha("other")),),
        (KEPT._replace(scorer=sha("other")),),
    ],
)
def test_a_run_that_the_ledger_does_not_have_is_not_passed(entered: tuple[KeptRun, ...]) -> None:
    _, (finding,) = recount_kept(KEPT, PLAN, SCORER, ledger_of(*entered), NOW)
    assert (finding.rule, finding.effect) == ("HP207", "inconclusive")
    assert "without running anything again" in finding.fix


def test_suites_for_some_models_count_where_something_was_drawn_of_them() -> None:
    kept = KEPT._replace(records=records("TX-1", "TX-2", done=11))
    result = recount_kept(kept, PLAN, SCORER, EMPTY, NOW).result
    assert [(s.id, s.hits) for s in result.suites] == [("TX-1", 0), ("TX-2", 2)]
    assert result.chat_template is True


@pytest.mark.parametrize(
    "change", [{"plan": sha("another plan")}, {"generator": "onnx"}, {"generator": "onnx/high"}]
)
def test_the_header_of_another_run_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(MalformedError, match=r"and NAME/LEVEL, in runs/1"):
        recount_kept(KEPT._replace(**change), PLAN, SCORER, EMPTY, NOW)  # type: ignore[arg-type]
