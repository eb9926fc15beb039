# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy scorer evaluate``: figures on labelled texts, and what is wrong with a file of them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.adapters.tiny_bundle import write_bundle
from tests.cli.world import run

if TYPE_CHECKING:
    from pathlib import Path

# For the tiny scorer: "rude" is toxic, "mild" scores 0.27, "kind" hardly anything.
ROWS = [("rude", 1), ("rude, you", 1), ("mild", 1), ("kind", 0), ("word\nkind", 0), ("rude word", 0),
        ("mild word", 0), ("kind kind", 0)]  # fmt: skip


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "text"])
        writer.writerows((at, label, text) for at, (text, label) in enumerate(ROWS))
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "tiny")


def test_figures_of_a_scorer_that_is_known(labelled: Path, tiny: Path) -> None:
    ran = run("scorer", "evaluate", labelled, "--scorer", tiny, "--format", "json")
    assert ran.code == 0, ran
    found = ran.document["evaluation"]
    assert found["texts"] == 8
    # 15 pairs: 2 above all but the rude benign one (tie), the mild one above 3, even with one.
    assert float(found["roc_auc"]) == pytest.approx((2 * 4.5 + 3.5) / 15, abs=1e-6)
    assert (found["sensitivity"]["hits"], found["sensitivity"]["n"]) == (2, 3)
    assert (found["specificity"]["hits"], found["specificity"]["n"]) == (4, 5)
    # scipy.stats.binomtest(2, 3).proportion_ci(): exact.
    low, high = map(float, found["sensitivity"]["interval95"])
    assert low == pytest.approx(0.094299, abs=2e-6)
    assert high == pytest.approx(0.991596, abs=2e-6)
    assert [(row["from"], row["toxic"]["n"]) for row in found["calibration"]] == [
        ("0.0", 3), ("0.2", 2), ("0.9", 3)]  # fmt: skip
    assert ran.document["scorer"]["label"] == "toxicity"


def test_the_embedded_scorer_is_the_default(labelled: Path) -> None:
    ran = run("scorer", "evaluate", labelled)
    assert ran.code == 0
    assert "hubpolicy-screen-en" in ran.out
    assert "sensitivity" in ran.out


def test_a_folder_that_is_mistyped_is_not_made(labelled: Path, tmp_path: Path) -> None:
    ran = run("scorer", "evaluate", labelled, "-o", tmp_path / "none" / "plot.svg")
    assert (ran.code, (tmp_path / "none").exists()) == (2, False)
    assert "expected a file in a folder that is there" in ran.err


def test_the_plot_is_a_picture(labelled: Path, tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "plot.svg"
    assert run("scorer", "evaluate", labelled, "--scorer", tiny, "-o", path).code == 0
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 3
    assert "2 of 3 toxic" in (circles[-1].findtext("{http://www.w3.org/2000/svg}title") or "")


def test_a_text_without_a_score_counts_as_toxic(tmp_path: Path, tiny: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text("text,label\nnan,0\nkind,0\nrude,1\n")
    ran = run("scorer", "evaluate", path, "--scorer", tiny, "--format", "json")
    assert ran.document["scorer"]["unscored"] == 1
    assert ran.document["evaluation"]["specificity"]["hits"] == 1


@pytest.mark.parametrize(("label", "code"), [("threat", 0), ("toxicity", 0), ("insult", 2)])
def test_a_label_can_be_chosen(labelled: Path, tiny: Path, label: str, code: int) -> None:
    assert run("scorer", "evaluate", labelled, "--scorer", tiny, "--label", label).code == code


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "got columns [], expected text and label once each, in {}, line 1"),
        (b"a,b\n", "got columns ['a', 'b']"),
        (b"text,label,label\n", "expected text and label once each"),
        (b"text,label\n", "got 0 toxic texts among 0"),
        (b"text,label\nx,1\n", "got 1 toxic texts among 1"),
        (b"text,label\nx,0\ny,0\n", "got 0 toxic texts among 2"),
        (b"text,label\nx,1\ny,2\n", "got label '2', expected 0 or 1, in {}, line 3"),
        (b"text,label\nx,1\ny,\n", "got label '', expected 0 or 1, in {}, line 3"),
        (b'text,label\n"a\nb",1\n ,0\n', "got an empty text, expected one to score, in {}, line 4"),
        (b"text,label\nx,1,2\n", "got 3 fields, expected 2, in {}, line 2"),
        (b"text,label\nx\n", "got 1 fields, expected 2, in {}, line 2"),
        (b'text,label\nx,1\n"y,0\n', "expected CSV, in {}, line"),
        (b'text,label\n"x"y,1\n', "expected CSV, in {}, line 2"),
        (b"text,label\nx,1\ny\xff,0\n", "got bytes that are not UTF-8, in {}, line 3"),
        (b"text,label\n" + b"x" * 1_000_001 + b",1\n", "expected CSV, in {}, line 2"),
    ],
)
def test_a_bad_file_is_one_error_with_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    ran = run("scorer", "evaluate", path)
    assert ran.code == 3
    error, hint = ran.err.splitlines()
    assert words.format(path) in error
    assert hint.endswith("hubpolicy scorer evaluate --help")
    assert ran.out == ""


def test_bytes_that_begin_with_a_mark_and_words_for_labels_are_read(
    tmp_path: Path, tiny: Path
) -> None:
    path = tmp_path / "labelled.csv"
    path.write_bytes(b"\xef\xbb\xbftext,label\r\nrude,TRUE\r\nkind,false\r\n")
    ran = run("scorer", "evaluate", path, "--scorer", tiny, "--format", "json")
    assert ran.document["evaluation"]["roc_auc"] == "1.000000"


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert run("scorer", "evaluate", tmp_path / "gone.csv").code == 2
