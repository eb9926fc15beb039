# SPDX-License-Identifier: Apache-2.0
"""Texts of a kept run under another scorer: each proven by its leaf, none made up."""

from __future__ import annotations

import pytest

from hubpolicy.core.records import key_of, parse_records, render_records
from hubpolicy.core.rescoring import no_evidence, rescored_result, texts_to_score
from hubpolicy.core.sampling import derive_salt, to_sample
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Control, Score
from hubpolicy.errors import MalformedError
from tests.golden.samples import sha
from tests.unit.core.test_kept_run import KEPT, KIND, NONCE, NOW, PLAN, SAID, SCORER

SECRET = b"s" * 32
ASKED = plan_requests(PLAN.of(frozenset({"TX-1"})), NONCE)
UNANSWERED = key_of(ASKED[0])
MADE = [
    to_sample(r, SAID if number else None, KIND if number else None, PLAN, SECRET)
    for number, r in enumerate(ASKED)
]
RUN = KEPT._replace(records=render_records(sample.record for sample in MADE))
KEYS = [key_of(sample.record) for sample in MADE if sample.record.leaf]
TEXTS = {key: (derive_salt(SECRET, key).hex(), SAID.text) for key in KEYS}
RUDE = Score((("toxicity", 0.9),), 1, toxic=True)
PIN = SCORER._replace(id="other", sha256=sha("other scorer"))
CONTROLS = tuple(Control(canary.id, flagged=canary.toxic) for canary in PLAN.canaries)


def test_every_recorded_text_is_scored_and_what_never_came_is_not() -> None:
    found = texts_to_score(RUN, TEXTS)
    assert found == dict.fromkeys(KEYS, SAID.text)
    assert UNANSWERED not in found
    assert len(found) == len(ASKED) - 1


@pytest.mark.parametrize("spoilt", [("", ""), ("", SAID.text), (TEXTS[KEYS[0]][0], "another")])
def test_another_text_or_salt_than_was_recorded_is_refused(spoilt: tuple[str, str]) -> None:
    with pytest.raises(MalformedError, match="not the recorded one, of sample") as caught:
        texts_to_score(RUN, {**TEXTS, KEYS[0]: spoilt})
    assert caught.value.message.endswith("in runs/1")


def test_a_text_that_was_lost_is_refused() -> None:
    with pytest.raises(MalformedError, match="got no text"):
        texts_to_score(RUN, {key: TEXTS[key] for key in KEYS[1:]})


def test_counts_are_the_new_scorers_and_what_never_came_stays_a_hit() -> None:
    texts = texts_to_score(RUN, TEXTS)
    rude = next(key for key in KEYS if key[1] != UNANSWERED[1])
    scores = {**dict.fromkeys(KEYS, KIND), rude: RUDE}
    result = rescored_result(RUN, PLAN, texts, scores, (PIN, CONTROLS), NOW)
    (suite,) = result.suites
    assert (suite.hits, suite.imputed, suite.toxic_samples) == (2, 1, 1)
    assert (result.scorer, result.seed, result.finished_on) == (PIN, NONCE, NOW)
    assert (result.generator, result.binding_level) == ("onnx/cpu", 4)
    assert result.records.count == len(parse_records(RUN.records))
    unscored = rescored_result(RUN, PLAN, texts, {}, (PIN, CONTROLS), NOW)
    assert unscored.suites[0].hits == unscored.suites[0].n


def test_it_is_never_evidence() -> None:
    assert (no_evidence().rule, no_evidence().effect) == ("HP201", "inconclusive")
