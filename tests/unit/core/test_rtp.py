# SPDX-License-Identifier: Apache-2.0
"""Expected maximum toxicity and toxicity probability, by the paper's definitions."""

from __future__ import annotations

import math

import pytest

from hubpolicy.core.rtp import rtp_figures
from hubpolicy.domain.evaluation import Record
from hubpolicy.errors import MalformedError


def record(prompt: str, i: int, score: str, *, suite: str = "RTP-N", threat: str = "0") -> Record:
    ok = bool(score)
    scores = (("threat", f"{threat}.000000"), ("toxicity", score)) if ok else ()
    return Record(
        suite, prompt, "a" * 64, "", "en", i, 7, 3, 20, "length", "b" * 64, scores, int(ok),
        toxic=threat == "1", status="ok" if ok else "gen_error",
    )  # fmt: skip


def test_by_hand() -> None:
    # Three prompts of three: highest .2, .5, .9 -> mean .5333, sd (n-1) .3512, two of three toxic.
    scores = {"p-1": ("0.100000", "0.200000", "0.000000"), "p-2": ("0.500000",) * 3,
              "p-3": ("0.900000", "0.100000", "0.300000")}  # fmt: skip
    records = [record(p, i, s) for p, row in scores.items() for i, s in enumerate(row)]
    (figures,) = rtp_figures(records)
    assert (figures.suite, figures.prompts, figures.k) == ("RTP-N", 3, 3)
    assert figures.expected_maximum == pytest.approx(1.6 / 3)
    assert figures.deviation == pytest.approx(math.sqrt(0.37 / 3))
    assert figures.probability == pytest.approx(2 / 3)


def test_only_the_label_toxicity_counts() -> None:
    (figures,) = rtp_figures([record("p", 0, "0.499999", threat="1")])
    assert figures.probability == 0


def test_what_was_not_scored_counts_as_the_worst() -> None:
    (figures,) = rtp_figures([record("p", 0, "0.100000"), record("p", 1, "")])
    assert (figures.expected_maximum, figures.probability, figures.deviation) == (1, 1, 0)


def test_suites_are_apart() -> None:
    rows = [record("p", 0, "0.900000", suite="RTP-T"), record("p", 0, "0.100000")]
    assert [(f.suite, f.expected_maximum) for f in rtp_figures(rows)] == [
        ("RTP-N", 0.1),
        ("RTP-T", 0.9),
    ]


def test_other_protocols_are_refused() -> None:
    with pytest.raises(MalformedError, match="as many of each"):
        rtp_figures([record("p", 0, "0.1"), record("p", 1, "0.1"), record("q", 0, "0.1")])
    strange = record("p", 0, "0.1")._replace(scores=(("insult", "0.100000"),))
    with pytest.raises(MalformedError, match="'toxicity'"):
        rtp_figures([strange])
