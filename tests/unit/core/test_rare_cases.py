# SPDX-License-Identifier: Apache-2.0
"""What happens seldom: branches that no test took before coverage and mutation testing asked."""

from __future__ import annotations

import json

import pytest
from scipy import stats

from hubpolicy.core import correction
from hubpolicy.core.beta import beta_cdf
from hubpolicy.core.card.update import update_card
from hubpolicy.core.evidence_files import unpack_records
from hubpolicy.core.labelled import Labelled, parse_labelled
from hubpolicy.core.layouts import make_tree, plan
from hubpolicy.core.measure import measure
from hubpolicy.core.prompt_formats import FORMATS, MAX_PUBLISHED, read_prompts
from hubpolicy.core.records import parse_records, render_records
from hubpolicy.core.rules import hp214, hp908
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.core.runlog import sealed_by
from hubpolicy.domain.policy import CanaryGate, SuiteGate, ToxicityPolicy
from hubpolicy.domain.statement import SuiteCounts
from hubpolicy.domain.surroundings import Workflow
from hubpolicy.errors import MalformedError
from tests.unit.core.card.cards import with_metadata
from tests.unit.core.run_values import SAMPLING, digest, hand_counted, record, result_of, run_of

# Labelled texts ------------------------------------------------------------------------------

GOOD_CSV = b"text,label\nkind words,0\nrude words,1\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"text,label\n\xff,0\n", "not UTF-8, in x.csv, line 2"),
        (b'text,label\n"open,0\n', "expected CSV, in x.csv"),
        (b"", r"got columns \[\], expected text and label once each, in x.csv, line 1"),
        (b"text,text,label\na,b,0\n", "expected text and label once each"),
        (b"text,label\na\n", "got 1 fields, expected 2, in x.csv, line 2"),
        (b"text,label\na,maybe\n", "got label 'maybe', expected 0 or 1, in x.csv, line 2"),
        (b"text,label\n  ,1\n", "got an empty text, expected one to score, in x.csv, line 2"),
        (b"text,label\na,1\n", "got 1 toxic texts among 1, expected some of both"),
        (b"text,label\na,0\n", "got 0 toxic texts among 1, expected some of both"),
    ],
)
def test_labelled_texts_are_refused_by_line(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_labelled(content, "x.csv")


def test_labelled_texts_take_words_for_labels_and_more_columns() -> None:
    rows = parse_labelled(b"\xef\xbb\xbfid,label,text\n7, TRUE ,rude\n8,false,kind\n", "x.csv")
    assert rows == (Labelled("rude", True), Labelled("kind", False))
    assert parse_labelled(GOOD_CSV, "x.csv")[0] == Labelled("kind words", False)


# Figures that are shown ----------------------------------------------------------------------


def test_a_scorer_that_barely_says_something_gets_an_interval_that_says_nothing() -> None:
    labelled = correction.Labelled(toxic=1, toxic_flagged=1, benign=100, benign_flagged=99)
    found = correction.lang_reiczigel(99.5, 100, labelled, 0.95)
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.share == pytest.approx(0.5)


@pytest.mark.parametrize("size", [1e7, 1e9])
def test_the_beta_distribution_ends_also_where_its_fraction_converges_slowly(size: float) -> None:
    below, above = beta_cdf(0.49, size, size), beta_cdf(0.51, size, size)
    assert below == pytest.approx(stats.beta.cdf(0.49, size, size), abs=1e-12)
    assert above == pytest.approx(stats.beta.cdf(0.51, size, size), abs=1e-12)
    assert 0 <= beta_cdf(0.5, size, size) <= 1


# Evidence ------------------------------------------------------------------------------------


def test_a_gzip_header_with_noise_behind_it_holds_no_records() -> None:
    with pytest.raises(MalformedError, match="is not gzip"):
        unpack_records(b"\x1f\x8b\x08\x00" + b"\xff" * 30, where="x")


def test_a_run_that_nobody_sealed_names_no_key() -> None:
    assert sealed_by(b"", "x") == ""
    assert sealed_by(b'{"record":{}}\n{"record":{}}\n', "x") == ""


def test_a_precision_without_scores_is_refused() -> None:
    (line,) = render_records([record("TX-1", 1, 0, 0.0, status="gen_error")]).splitlines()
    spoilt = {**json.loads(line), "precision": "int8"}
    raw = json.dumps(spoilt, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(MalformedError, match="expected none without scores"):
        parse_records(raw)


def test_prompts_beyond_any_published_set_are_not_parsed() -> None:
    content = b"x" * (MAX_PUBLISHED + 1)
    with pytest.raises(MalformedError, match=f"expected at most {MAX_PUBLISHED}, in big.jsonl"):
        read_prompts(content, FORMATS[1], (), "big.jsonl")


# Rules ---------------------------------------------------------------------------------------


def gated(kind: str) -> ToxicityPolicy:
    gate = SuiteGate("TX-3", digest("p"), 10, 1, SAMPLING, "0.5", kind=kind, difference_max="0.2")  # type: ignore[arg-type]
    return ToxicityPolicy(
        plan="p", plan_sha256=digest("p"), opens_gate=True, suites=(gate,),
        canaries=CanaryGate(digest("c")), require_tier="screen", scorers=frozenset(),
        confidence="0.95", max_age_days=9, max_attempts=1, records="keep",
    )  # fmt: skip


def test_a_parity_suite_without_groups_is_no_parity() -> None:
    counts = SuiteCounts(
        "TX-3", digest("p"), 10, 1, 10, 0, 10, 10, SAMPLING, kind="parity"
    )  # fmt: skip
    (measured,) = measure((counts,), gated("parity"))
    (found,) = hp214.check(measured, "0.95")
    assert "got no groups, expected each p_any@1 <= 0.5" in found.message


def test_a_workflow_that_strangers_start_blocks() -> None:
    workflow = Workflow(".github/workflows/x.yml", (), (), strangers=("pull_request_target",))
    (found,) = hp908.check((workflow,))
    assert (found.severity.word, "pull_request_target" in found.message) == ("error", True)


def test_every_rule_has_its_place_in_the_documentation() -> None:
    assert all(rule.doc == f"docs/rules.md#{rule.id.lower()}" for rule in catalogue())


def test_a_part_of_a_pipeline_whose_index_cannot_be_read_has_no_weights() -> None:
    index = "unet/diffusion_pytorch_model.safetensors.index.json"
    contents = {
        "model_index.json": b'{"unet": ["diffusers", "UNet2DConditionModel"]}',
        index: b"not JSON",
    }
    tree = make_tree([*contents, "unet/config.json"], contents, {})
    _, dangling = plan(tree)
    assert [lack for lack in dangling if index in lack]


# Cards ---------------------------------------------------------------------------------------

RUN = run_of(result_of((hand_counted("TX-1", 100, 1, 0),)), {"TX-1": "0.1"})


def test_a_card_that_ends_with_its_fence_gets_a_line_break_first() -> None:
    front = with_metadata().partition("\n---\n")[0] + "\n---"
    after = update_card(front.encode(), (RUN,), "wizard")
    assert b"\n---\n" in after[4:]
    assert update_card(after, (RUN,), "wizard") == after


def test_a_section_at_the_end_without_a_line_break_is_replaced_in_its_place() -> None:
    once = update_card(with_metadata().replace("\n", "\r\n").encode(), (RUN,), "wizard")
    cut = once.rstrip(b"\r\n")
    assert cut.endswith(b"-->")
    again = update_card(cut, (RUN,), "wizard")
    assert again.count(b"toxicity begin") == 1
    assert not again.endswith(b"\r")
