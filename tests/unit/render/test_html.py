# SPDX-License-Identifier: Apache-2.0
"""The page: its verdict in words, shapes and numbers; hostile texts inert; readable by all."""

from __future__ import annotations

import random
import re
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubpolicy.core.run_report import RunReport, with_texts
from hubpolicy.core.statistics import upper_bound, within
from hubpolicy.domain.finding import Finding, Location, Severity, Verdict
from hubpolicy.render.escape import terminal
from hubpolicy.render.html_page import LONGEST, MOST, MOST_LINES, render
from hubpolicy.render.html_plot import LIMIT_AT, bars, interval
from hubpolicy.render.html_words import percent
from hubpolicy.render.report import RefRow, Report, Row
from tests.unit.core.run_values import (
    SALT,
    hand_counted,
    parity,
    record,
    result_of,
    run_from,
    run_of,
)
from tests.unit.render.hostile import REPORTS, TEXT, TRICKS, assert_harmless, commands
from tests.unit.render.pages import Page, assert_sound

LIMITS = {"TX-1": "0.05", "TX-2": "0.1"}
OVER = Finding("HP203", Severity.ERROR, "suite TX-1: too much", fix="train it again")
LATE = Finding(
    "HP201", Severity.ERROR, "not run yet", fix="hubpolicy test .", effect="inconclusive"
)
EXIT = {"passed": 0, "failed": 1, "inconclusive": 3}


@cache
def sampled(text: str = "t") -> RunReport:
    """Two suites with groups and languages; ``text`` is what the model said, each time."""
    draw = random.Random(4)
    records = [
        record(suite, prompt, i, min(draw.expovariate(18), 0.999), text=text,
               group=("north", "south")[prompt % 2], lang=("en", "de", "")[prompt % 3],
               status="empty" if prompt == 7 else "ok")
        for suite, prompts in (("TX-1", 120), ("TX-2", 60))
        for prompt in range(prompts)
        for i in range(2)
    ]  # fmt: skip
    records.append(record("TX-1", 500, 0, 0.91, text=text, group="north"))
    records.append(record("TX-1", 500, 1, 0.5, text=text, group="north"))
    return run_from(records, 2, LIMITS)


def report(verdict: Verdict = "passed", *runs: RunReport, **more: object) -> Report:
    findings = {"passed": (), "failed": (OVER,), "inconclusive": (LATE,)}[verdict]
    base = Report("report", "hubpolicy report m", verdict, EXIT[verdict], findings, solo=True)
    return base._replace(runs=runs, **more)  # type: ignore[arg-type]


def page(value: Report) -> Page:
    source = render(value)
    assert_harmless(source)
    assert not commands(source)
    read = Page(source)
    assert_sound(read)
    return read


@pytest.mark.parametrize("verdict", ["passed", "failed", "inconclusive"])
def test_the_verdict_is_a_word_a_shape_and_a_reason(verdict: Verdict) -> None:
    read = page(report(verdict, sampled()))
    start = read.tags.index(read.find("header", **{"class": f"banner {verdict}"})[0])
    banner = read.tags[start : read.tags.index(read.find("main")[0])]
    assert verdict in [data.strip() for tag, data in read.texts if tag == "span"]
    shapes = [(t.name, t.get("d")) for t in banner if t.name in {"path", "circle"}]
    assert len(shapes) == 2
    others = [v for v in EXIT if v != verdict]
    assert all(verdict not in v and v not in verdict for v in others)
    reason = {"passed": "All 2 suites are within", "failed": OVER.message,
              "inconclusive": LATE.message}  # fmt: skip
    assert reason[verdict] in read.text
    assert f"<title>{verdict}: hubpolicy report m</title>" in render(report(verdict))


def test_three_verdicts_have_three_shapes() -> None:
    shapes = set()
    verdicts: tuple[Verdict, ...] = ("passed", "failed", "inconclusive")
    for verdict in verdicts:
        source = render(report(verdict))
        (icon,) = re.findall(r'<svg class="icon".*?</svg>', source, re.DOTALL)
        shapes.add(icon)
    assert len(shapes) == 3


def test_a_page_without_runs_is_a_page_too() -> None:
    refs = (RefRow("acme/m", "refs/heads/main", "a" * 40, "ATTESTED", "fine", signer="ada"),)
    read = page(report("failed", refs=refs, rows=(Row("card", "16 rules", "passed"),),
                       waived=(OVER,), closing="next: this\nthen: that"))  # fmt: skip
    for text in ("acme/m", "ATTESTED", "16 rules", "Waived", "then: that", "train it again"):
        assert text in read.text
    assert "Suite by suite" not in read.text


def test_passed_says_which_suite_is_the_closest_to_its_limit() -> None:
    suites = (hand_counted("TX-1", 600, 5, 1), hand_counted("TX-2", 300, 5, 20))
    one = run_of(result_of(suites), {"TX-1": "0.02", "TX-2": "0.1"})
    text = page(report("passed", one)).text
    bound = one.suites[1].upper_bound
    assert f"The closest is TX-2: an upper bound of {percent(bound)} where 10 % is allowed" in text


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from(["0.02", "0.1", "0.5", "0.33"]))
def test_left_of_the_line_is_exactly_what_passes(hits: int, n: int, limit: str) -> None:
    hits = min(hits, n)
    bound = upper_bound(hits, n, "0.95")
    drawn = interval(hits, n, bound, limit)
    assert (drawn.bound <= LIMIT_AT) == within(hits, n, limit, "0.95")
    assert 0 <= drawn.point <= drawn.bound + 0.01 <= 100.01
    assert drawn.beyond == (Decimal(bound) * 100 > Decimal(limit) * 198)


def test_without_a_limit_there_is_no_line_to_be_left_of() -> None:
    assert interval(1, 10, "0.4", "", 0.8)[:2] == (12.5, 50.0)
    assert interval(1, 10, "0.4", "").limit is None


def test_a_bar_for_every_count_and_the_smallest_can_be_seen() -> None:
    histogram = (10_000, 0, 1, *[0] * 16, 7)
    drawn = bars(histogram, "0.5")
    assert [bar.count for bar in drawn] == list(histogram)
    assert drawn[0].height == 100
    assert drawn[1].height == 0
    assert all(bar.height >= 4 for bar in drawn if bar.count)
    assert [bar.toxic for bar in drawn] == [False] * 10 + [True] * 10
    assert all(abs(bar.y + bar.height - 100) < 0.02 for bar in drawn)
    assert not any(bar.toxic for bar in bars(histogram, ""))
    assert bars((0,) * 20, "0.5")[3].height == 0


@given(st.integers(0, 10**6))
def test_per_cents_are_the_attested_number_moved_by_two_digits(millionths: int) -> None:
    bound = f"{millionths / 10**6:.6f}"
    shown = percent(bound)
    assert shown.endswith(" %")
    assert Decimal(shown.removesuffix(" %")) == Decimal(bound) * 100


def test_every_number_of_the_picture_stands_in_a_table() -> None:
    one = sampled()
    read = page(report("passed", one))
    for suite in one.suites:
        assert percent(suite.upper_bound) in read.text
        assert f"{suite.counts.hits} of {suite.counts.n}" in read.text
        for group in suite.groups:
            assert percent(group.upper_bound) in read.text
    described = [t.get("aria-label") for t in read.find("svg", role="img") if t.get("aria-label")]
    assert len(described) == 2 + 4 + 3
    assert described[0].startswith("TX-1: ")
    for name, sha256 in (("closure", one.closure), ("root", one.result.records.merkle_root),
                         ("records", one.result.records.sha256), ("plan", one.result.plan_sha256),
                         ("scorer", one.result.scorer.sha256), ("seed", one.result.seed),
                         ("ledger", one.result.ledger_head)):  # fmt: skip
        assert sha256 in read.text, name
    for text in ("onnxruntime 1.27.0", "hubpolicy-screen-en", "4 of 4", "not stated", "north"):
        assert text in read.text


def test_without_records_the_page_says_what_is_missing() -> None:
    one = run_of(result_of((hand_counted("TX-1", 600, 5, 1),)), {"TX-1": "0.02"})
    read = page(report("passed", one))
    assert "need the run's records, which are not at hand" in " ".join(read.text.split())
    assert not read.find("svg", **{"class": "histogram"})


def test_a_suite_that_nobody_asked_for_neither_passes_nor_fails() -> None:
    suites = (hand_counted("TX-1", 600, 5, 1), hand_counted("TX-9", 10, 1, 9))
    one = run_of(result_of(suites), {"TX-1": "0.02"})
    read = page(report("passed", one))
    assert "not asked for by the policy" in read.text
    assert "TX-1 is within its limit" in read.text


def test_a_parity_suite_shows_each_group_s_verdict_and_the_difference() -> None:
    counts = parity("TX-3", ("age", 204, 1), ("faith", 204, 9), ("none", 204, 0))
    one = run_of(result_of((counts,)), {"TX-3": "0.05"})
    read = page(report("failed", one))
    text = " ".join(read.text.split())
    assert "Every group has to be within it" in text
    assert f"at most {percent(one.suites[0].difference)}, limit 10 %" in text
    assert "hits that pass" not in text
    marks = [t.get("class") for t in read.find("span") if t.get("class").startswith("mark ")]
    assert marks == ["mark bad", "mark good", "mark bad", "mark good"]


def test_groups_that_are_too_far_apart_are_not_called_over_the_limit() -> None:
    counts = parity("TX-3", ("age", 204, 0), ("faith", 204, 30))
    one = run_of(result_of((counts,)), {"TX-3": "0.5"})
    assert not one.suites[0].passed
    assert "groups differ" in page(report("failed", one)).text


def test_the_longest_of_a_list_without_a_limit_ends_on_the_axis() -> None:
    one = sampled()
    source = render(report("passed", one))
    languages = source[source.index("All suites together") :]
    assert 'class="end" d=' not in languages
    assert languages.count('<line class="end"') == 3


def test_how_the_answers_read_is_said() -> None:
    counts = hand_counted("OR-1", 250, 1, 5)._replace(
        kind="refusal", chat=True, system="Be kind <b>", refused_samples=5, answered=250,
        pieces=2505, ngrams=2000, repeated=100, language="de",
    )  # fmt: skip
    text = " ".join(
        page(report("passed", run_of(result_of((counts,)), {"OR-1": "0.1"}))).text.split()
    )
    for said in ("p_refused@1", "prompts refused 5 (2.00 %)", "refused answers 5 of 250",
                 "words per answer 10.0", "runs of four words repeated 5.00 %", "language de",
                 "a chat, after the system prompt: Be kind <b>"):  # fmt: skip
        assert said in text


TOLD = "and then\nhe said <b>NO</b>\x1b[31m\u202e"


def test_texts_are_nowhere_unless_they_were_asked_for() -> None:
    one = sampled(TOLD)
    texts = {sample.key: (SALT.hex(), TOLD) for suite in one.suites for sample in suite.worst}
    withheld, shown = page(report("passed", one)), page(
        report("passed", with_texts(one, texts, None)))  # fmt: skip
    assert "he said" not in withheld.text
    assert "The text is not on this page" in withheld.text
    assert "he said <b>NO</b>\\x1b[31m\\u202e" in shown.text
    assert "The text is not on this page" not in shown.text
    unfolded = [t for t in shown.find("details") if ("open", "") in t.attributes]
    assert [t.get("class") for t in unfolded] == ["suite", "suite"]


def test_a_text_that_is_not_the_recorded_one_is_not_shown() -> None:
    one = sampled("true")
    keys = [sample.key for suite in one.suites for sample in suite.worst]
    for salt, text in (
        (SALT.hex(), "forged"),
        ("00", "true"),
        ("zz", "true"),
        (SALT.hex(), "\ud800"),
    ):
        read = page(report("passed", with_texts(one, dict.fromkeys(keys, (salt, text)), None)))
        assert "forged" not in read.text
        assert not any(sample.shown for s in with_texts(
            one, dict.fromkeys(keys, (salt, text)), None).suites for sample in s.worst)  # fmt: skip


HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "the end of the style sheet": "</style><script>x</script>",
    "an attribute's end": '" onmouseover="alert(1)" x=\'',
    "an image": "<img src=x onerror=alert(1)>",
    "a link": "<a href='javascript:alert(1)'>x</a>",
    "the end of the page": "</main></body></html>",
    "a comment": "<!-- -->",
    "CDATA": "<![CDATA[x]]>",
    "colours of a terminal": "\x1b[31mred\x1b[0m\x9b1m",
    "text that runs backwards": "\u202egpj.exe\u2066x\u2069\u200f",
    "a null byte": "a\x00b",
    "lines": "a\r\n::error::b\u2028::warning::c",
    "a workflow command": "\n##[error]x",
    "half a character": "\ud800",
    "an entity": "&lt;script&gt;&#x3c;",
    "a template": "{{ 7*7 }}{% raw %}",
    "a very long word": "W" * 300_000,
}


def stuffed(text: str) -> Report:
    """Every text of a report, and of its runs, is this one."""
    suites = (hand_counted(text, 600, 5, 1),)
    result = result_of(suites)._replace(generator=text, plan=text, runtime=((text, text),))
    one = run_of(result, {text: "0.02"}, [record(text, 1, 0, 0.3, group=text, lang=text)])
    one = one._replace(signer=text, suites=tuple(s._replace(title=text, extra=((text, text),))
                                                 for s in one.suites))  # fmt: skip
    finding = Finding("HP203", Severity.ERROR, text, Location(text, 3, 1), text)
    return Report(
        "report", text, "failed", 1, (finding,), (finding,), (Row(text, text, text),), None, (),
        (RefRow(text, text, text, "ATTESTED", text, "", text, text),), "next", True, (one,),
    )  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_text(name: str) -> None:
    text = HOSTILE[name]
    read = page(stuffed(text))
    assert read.skeleton == page(stuffed("plain")).skeleton
    assert terminal(text[:LONGEST]) in read.text


@given(TEXT.filter(bool))
@example("".join(TRICKS))
def test_no_text_changes_a_page(text: str) -> None:
    assert page(stuffed(text)).skeleton == page(stuffed("plain")).skeleton


@given(REPORTS)
def test_every_report_is_a_sound_page(value: Report) -> None:
    read = page(value)
    for finding in value.findings:
        assert terminal(finding.message) in read.text


def test_a_long_text_is_cut_and_says_so() -> None:
    read = page(stuffed("W" * 300_000))
    assert f"({300_000 - LONGEST:,} more characters)" in read.text
    assert len(render(stuffed("W" * 300_000))) < 400_000


def test_many_findings_and_lines_are_cut_and_counted() -> None:
    many = tuple(OVER._replace(message=f"no {n}") for n in range(MOST + 7))
    closing = "\n".join(f"line {n}" for n in range(MOST_LINES + 5))
    read = page(report("failed", closing=closing)._replace(findings=many))
    assert "7 more are not shown here" in " ".join(read.text.split())
    assert "… (5 more lines)" in read.text


def test_a_model_that_talks_in_lines_is_shown_in_lines_and_cut() -> None:
    text = "\n".join(f"{n} ::error::x" for n in range(1000))
    one = sampled(text)
    keys = [sample.key for suite in one.suites for sample in suite.worst]
    shown = with_texts(one, dict.fromkeys(keys, (SALT.hex(), text)), None)
    read = page(report("passed", shown))
    assert "3 ::error::x" in [data for _, data in read.texts]
    assert "more characters are not shown" in read.text


def test_the_same_report_is_the_same_page() -> None:
    assert render(report("passed", sampled())) == render(report("passed", sampled()))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


READ = [
    *((text, ground) for text in ("text", "soft", "good", "bad", "open", "link")
      for ground in ("page", "panel")),
    *((text, f"{kind}-page") for kind in ("good", "bad", "open") for text in ("text", kind)),
]  # fmt: skip
SEEN = [("calm", "panel"), ("bad", "panel"), ("text", "over"), ("calm", "over")]


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_words_and_pictures_have_contrast(theme: str) -> None:
    style = Page(render(report())).style
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 3
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", blocks[0]))
    colours |= dict(
        re.findall(
            r"--([\w-]+): (#[0-9a-f]{3,6});",
            blocks[["light", "dark", "print"].index(theme)],
        )
    )
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in READ}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}
    faint = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in SEEN}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < 3} == {}


def test_the_measure_of_contrast_is_the_standard_s() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
