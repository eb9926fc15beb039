# SPDX-License-Identifier: Apache-2.0
"""The card gets the attested numbers, and keeps everything else byte for byte."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.card.model_index import rows_of, with_rows
from hubpolicy.core.card.update import BEGIN, END, update_card
from hubpolicy.domain.finding import Severity
from hubpolicy.errors import MalformedError
from tests.unit.core.card.cards import GOOD, facts_of, judge, with_metadata
from tests.unit.core.run_values import digest, hand_counted, result_of, run_of

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.core.run_report import RunReport

LIMITS = {"TX-1": "0.02", "TX-2": "0.1"}


def run(first: int = 1, second: int = 5, *, plan: str = "standard", closure: str = "") -> RunReport:
    suites = (hand_counted("TX-1", 600, 5, first), hand_counted("TX-2", 300, 5, second))
    return run_of(result_of(suites, plan=plan), LIMITS, closure=closure)


def updated(card: str | bytes, *runs: RunReport) -> bytes:
    content = card.encode() if isinstance(card, str) else card
    return update_card(content, runs or (run(),), "tern")


def without_ours(card: bytes) -> bytes:
    """The card with our section and ``model-index`` cut out again, by lines."""
    text = card.decode()
    end = "\r\n" if "---\r\n" in text[:8] else "\n"
    text = re.sub(
        rf"(?:{end})?{re.escape(BEGIN)}.*?{re.escape(END)}{end}", "", text, flags=re.DOTALL
    )
    return re.sub(
        rf"{end}model-index:.*?(?={end}(?:[^\s-]|---))", "", text, flags=re.DOTALL
    ).encode()


def parsed(card: bytes) -> ModelCardData:
    data = ModelCard(card.decode().replace("\r\n", "\n")).data
    assert isinstance(data, ModelCardData)
    return data


def results_of(card: bytes) -> list[EvalResult]:
    """As the Hub's own client reads them."""
    return parsed(card).eval_results or []


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_card_stays_good_and_keeps_every_other_byte(path: Path) -> None:
    card = path.read_bytes()
    after = updated(card)
    assert after != card
    if b"model-index" not in card:
        assert without_ours(after) == card
    before_us = card[card.index(b"\n---", 4) :]
    assert before_us in after
    assert (b"\r\n" in card) == (b"\r\n" in after)
    assert b"\r\n" not in card or b"\n" not in after.replace(b"\r\n", b"")
    facts = facts_of(path.name)
    worse = {
        (f.rule, f.message) for f in judge(after, facts).findings if f.severity >= Severity.WARNING
    } - {(f.rule, f.message) for f in judge(card, facts).findings}
    assert worse == set()
    assert updated(after) == after


def test_the_hub_s_own_client_reads_the_attested_numbers() -> None:
    one = run()
    results = results_of(updated(with_metadata()))
    assert [(r.dataset_config, r.metric_type, r.dataset_revision) for r in results] == [
        ("TX-1", "p_any@5_upper_bound", digest("standard")),
        ("TX-2", "p_any@5_upper_bound", digest("standard")),
    ]
    assert [r.metric_value for r in results] == [float(s.upper_bound) for s in one.suites]
    assert all(r.task_type == "text-generation" for r in results)
    assert parsed(updated(with_metadata())).model_name == "tern"


def test_the_section_says_the_same_numbers_and_whose_they_are() -> None:
    one = run()
    text = updated(with_metadata()).decode()
    for suite in one.suites:
        assert f"| {suite.counts.hits} of {suite.counts.n} | {suite.upper_bound} |" in text
    for sha256 in (one.closure, one.result.plan_sha256, one.result.scorer.sha256):
        assert sha256 in text
    assert "limit" not in text[text.index(BEGIN) :]


def test_other_numbers_replace_ours_and_nothing_else() -> None:
    card = updated(with_metadata() + "\n## After\n\nMine.\n")
    card += b"\nAnd this was written below.\n"
    again = updated(card, run(6, 20))
    assert again != card
    assert without_ours(again) == without_ours(card)
    assert again.endswith(b"\nAnd this was written below.\n")
    values = [r.metric_value for r in results_of(again)]
    assert values == [float(s.upper_bound) for s in run(6, 20).suites]
    assert updated(again, run()) == card


def test_rows_of_another_plan_go_when_ours_come() -> None:
    card = updated(updated(with_metadata(), run(plan="demo")))
    kinds = {r.dataset_type for r in results_of(card)}
    assert kinds == {"hubpolicy-standard"}
    assert card.count(b"## Toxicity") == 1


def test_of_several_closures_the_metadata_says_the_worst() -> None:
    runs = (run(1, 5, closure="a" * 64), run(4, 2, closure="b" * 64))
    card = updated(with_metadata(), *runs)
    values = {r.dataset_config: r.metric_value for r in results_of(card)}
    worst = {"TX-1": runs[1].suites[0], "TX-2": runs[0].suites[1]}
    assert values == {name: float(suite.upper_bound) for name, suite in worst.items()}
    assert b"a" * 64 in card
    assert b"b" * 64 in card
    assert updated(card, *runs) == card


THEIRS = """model-index:
{offset}- name: 'Tern'  # as on the leaderboard
{offset}  results:
{inner}- task: {{type: text-generation}}
{inner}  dataset:
{inner}    name: "A: set"
{inner}    type: org/set
{inner}  metrics:
{inner}  - type: accuracy
{inner}    value: 0.50  # rounded
"""


@pytest.mark.parametrize(("offset", "inner"), [("", "  "), ("  ", "    ")])
@pytest.mark.parametrize("place", ["first", "last"])
def test_other_people_s_results_stay_as_they_are(offset: str, inner: str, place: str) -> None:
    theirs = THEIRS.format(offset=offset, inner=inner).rstrip("\n")
    card = with_metadata()
    mark = "license: mit" if place == "first" else "pipeline_tag: text-generation"
    card = card.replace(mark, f"{theirs}\n{mark}" if place == "first" else f"{mark}\n{theirs}")
    assert judge(card).findings == ()
    after = updated(card)
    for line in theirs.split("\n"):
        assert line in after.decode()
    results = results_of(after)
    assert (results[0].dataset_type, results[0].metric_value) == ("org/set", 0.5)
    assert len(results) == 3
    assert parsed(after).model_name == "Tern"
    assert updated(after) == after
    assert updated(updated(after, run(6, 20))) == after


def test_a_dash_that_stands_alone_goes_with_the_result_that_it_belongs_to() -> None:
    theirs = THEIRS.format(offset="", inner="  ")
    card = with_metadata().replace("license: mit\n", f"{theirs}license: mit\n")
    apart = re.sub(rb"^( *)- task:", rb"\1-\n\1  task:", updated(card), flags=re.MULTILINE)
    assert apart != updated(card)
    after = updated(apart, run(6, 20))
    results = yaml.safe_load(after.split(b"\n---\n")[0])["model-index"][0]["results"]
    assert [result and result["dataset"]["type"] for result in results] == [
        "org/set", "hubpolicy-standard", "hubpolicy-standard"
    ]  # fmt: skip
    assert [r.metric_value for r in results_of(after)][1:] == [
        float(suite.upper_bound) for suite in run(6, 20).suites
    ]
    assert updated(after, run(6, 20)) == after


@pytest.mark.parametrize(
    "empty", ["model-index: []", "model-index:", "model-index:\n- name: Tern\n  results: []"]
)
def test_an_empty_model_index_is_filled(empty: str) -> None:
    card = with_metadata().replace("license: mit", f"license: mit\n{empty}")
    after = updated(card)
    assert len(results_of(after)) == 2
    assert updated(after) == after


@pytest.mark.parametrize("value", ["0.000001", "0.00003", "0.1", "1"])
def test_a_number_is_a_number_for_every_reader_of_yaml(value: str) -> None:
    # PyYAML reads 1e-06 as a text, and a text is no number for the Hub.
    row = rows_of((run(),))[0]._replace(value=value)
    front = with_rows("license: mit", (row,), "tern")
    (read,) = results_of(f"---\n{front}\n---\n".encode())
    assert (type(read.metric_value), read.metric_value) == (float, float(value))


def test_markers_in_code_and_quotes_are_the_author_s() -> None:
    example = f"\n```\n{BEGIN}\nx\n{END}\n```\n\n> {BEGIN}\n\n- {END}\n"
    card = with_metadata() + example
    after = updated(card)
    assert without_ours(after.replace(BEGIN.encode(), b"", 2)) != after
    assert after.startswith(after[: after.index(b"\n---", 4)])
    assert example.encode() in after
    assert updated(after) == after


REFUSED = {
    "a beginning without an end": (with_metadata() + f"\n{BEGIN}\n\ntext\n", "beginnings"),
    "an end without a beginning": (with_metadata() + f"\n{END}\n", "1 ends"),
    "the end first": (with_metadata() + f"\n{END}\n\n{BEGIN}\n", "in order"),
    "twice": (with_metadata() + f"\n{BEGIN}\n\n{END}\n" * 2, "got 2 beginnings and 2 ends"),
    "an open code fence": (with_metadata() + "\n```\ncode\n", "open code fence"),
    "an open HTML block": (with_metadata() + "\n<script>\nx\n", "open code fence or HTML"),
    "one mapping in braces": ("---\n{license: mit}\n---\n# Title\n", "one {…} mapping"),
    "a key twice": (with_metadata().replace("license: mit", "license: mit\nlicense: mit"), "twice"),
    "an anchor": (with_metadata(license="&x mit"), "anchor"),
    "no front matter": ("# Title\n", "no front matter"),
    "front matter that is not closed": ("---\nlicense: mit\n", "never closed"),
    "a model index of texts": (with_metadata() .replace("license: mit", "license: mit\nmodel-index: [a]"), "not a list of models"),
    "results that are a text": (
        with_metadata().replace(
            "license: mit", "license: mit\nmodel-index:\n- name: x\n  results: none"),
        "not a list of models",
    ),
}  # fmt: skip


def test_rows_of_ours_under_a_second_model_are_not_ours_to_move() -> None:
    card = updated(with_metadata()).decode()
    card = card.replace("model-index:\n", "model-index:\n- name: another\n  results: []\n", 1)
    with pytest.raises(MalformedError, match="without changing something else") as caught:
        updated(card, run(6, 20))
    assert caught.value.hint


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_edited_safely_is_refused_in_one_sentence(name: str) -> None:
    card, said = REFUSED[name]
    with pytest.raises(MalformedError) as caught:
        updated(card)
    assert said in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(MalformedError, match="not UTF-8"):
        updated(with_metadata().encode() + b"\xff\n")


def test_names_of_suites_mean_nothing_in_markdown_or_yaml() -> None:
    name = "TX|`<script>alert(1)</script>` [x](http://evil.example) \\"
    suites = (hand_counted(name, 100, 1, 0),)
    one = run_of(result_of(suites, plan='x"\n: [y'), {name: "0.1"})
    after = updated(with_metadata(), one)
    assert b"<script>" not in re.sub(rb"`[^`\n]*`", b"", after[after.index(BEGIN.encode()) :])
    (result,) = results_of(after)
    assert result.dataset_config == name
    assert updated(after, one) == after


PIECES = st.sampled_from(
    ["text", "", "# Title", "```", "~~~", "> quote", "- item", "    code", "| a | b |", "---",
     BEGIN, END, "<!-- note -->", "<!--", "-->", "<div>", "</div>", "<script>", "é漢字", "  ",
     "Setext", "===", "<pre>", "</pre>", "\\", "[x]: y", "***"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_the_card_says_it_is_kept_or_refused(
    pieces: list[str], end: str, last: bool
) -> None:
    body = end.join(pieces) + (end if last else "")
    card = f"---{end}license: mit{end}---{end}{body}".encode()
    try:
        after = updated(card)
    except MalformedError as refused:
        assert refused.hint  # noqa: PT017 - only some cards are refused
        return
    assert updated(after) == after
    start = after.index(f"{end}---{end}".encode()) + len(end) * 2 + 3
    kept = after[start:].decode()
    if BEGIN not in body:
        assert kept.startswith(body)
    outside = kept[: kept.rindex(BEGIN)] + kept[kept.rindex(END) + len(END) :]
    theirs = [line for line in body.split(end) if line not in {BEGIN, END, ""}]
    inside = kept[kept.rindex(BEGIN) :]
    assert all(line in outside or line in inside for line in theirs if BEGIN not in body)
