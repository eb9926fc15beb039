# SPDX-License-Identifier: Apache-2.0
"""Counts that were signed against the records they are said to come from."""

from __future__ import annotations

import hashlib

import pytest

from hubpolicy.core.records import count, parse_records, pin_records, render_records
from hubpolicy.core.recount import recount
from hubpolicy.core.seeds import derive_nonce, plan_requests
from hubpolicy.domain.evaluation import Record
from hubpolicy.domain.statement import RecordsPin, ToxicityResult
from tests.golden.samples import TOXICITY, sha
from tests.unit.core.plan_values import make_plan, make_suite

CLOSURE = sha("closure")
PLAN = make_plan(make_suite("TX-1", 6, 5, 3), make_suite("TX-2", 4, 4, 1))
NONCE = derive_nonce(CLOSURE, PLAN.sha256, TOXICITY.scorer.sha256)
THRESHOLDS = (("toxicity", "0.5"),)


def records(*, rude: int = 0) -> bytes:
    """The first ``rude`` samples are toxic."""
    made = []
    for at, request in enumerate(plan_requests(PLAN, NONCE)):
        toxic = at < rude
        made.append(
            Record(
                suite=request.suite,
                prompt_id=request.prompt_id,
                prompt_sha256=hashlib.sha256(request.text.encode()).hexdigest(),
                group="",
                lang="en",
                i=request.i,
                seed=request.seed,
                prompt_tokens=3,
                new_tokens=8,
                finish="length",
                leaf="ab" * 32,
                scores=(("toxicity", "0.900000" if toxic else "0.100000"),),
                n_windows=1,
                toxic=toxic,
                status="ok",
            )
        )
    return render_records(made)


def result_of(raw: bytes) -> ToxicityResult:
    """What an honest checker signs."""
    suites = count(parse_records(raw), PLAN, NONCE, THRESHOLDS)
    return TOXICITY._replace(suites=suites, seed=NONCE, records=pin_records(raw))


CLEAN, RUDE = records(), records(rude=4)
HONEST = result_of(RUDE)


def reasons(result: ToxicityResult, raw: bytes = RUDE, closure: str = CLOSURE) -> str:
    """What does not agree, as one text."""
    found = recount(result, closure, raw, PLAN, THRESHOLDS)
    assert all(f.rule == "HP210" and f.effect == "failed" and f.fix for f in found)
    return " ".join(finding.message for finding in found)


def test_honest_counts_agree() -> None:
    assert [suite.hits for suite in HONEST.suites] == [2, 0]
    assert reasons(HONEST) == ""


def test_a_better_count_than_the_records_give_is_found() -> None:
    first = HONEST.suites[0]._replace(hits=0, toxic_samples=0)
    message = reasons(HONEST._replace(suites=(first, HONEST.suites[1])))
    assert "TX-1 has 2 hits in the records, 0 were signed" in message


def test_other_records_than_were_signed_are_found() -> None:
    assert "not the records that were signed" in reasons(HONEST, CLEAN)
    lying = HONEST._replace(records=HONEST.records._replace(sha256=result_of(CLEAN).records.sha256))
    assert "hits" in reasons(lying._replace(records=pin_records(CLEAN)), CLEAN)


@pytest.mark.parametrize(
    "pin",
    [
        HONEST.records._replace(merkle_root=sha("another")),
        HONEST.records._replace(count=HONEST.records.count + 1),
    ],
)
def test_the_root_and_the_number_of_records_are_held_to_it(pin: RecordsPin) -> None:
    assert "Merkle root or the number" in reasons(HONEST._replace(records=pin))


def test_a_seed_that_was_chosen_is_found() -> None:
    assert "the seed is not the one" in reasons(HONEST._replace(seed=sha("lucky")))
    assert "the seed is not the one" in reasons(HONEST, closure=sha("another closure"))


def test_a_suite_that_was_left_out_or_made_up_is_found() -> None:
    assert "do not ask for" in reasons(HONEST._replace(suites=HONEST.suites[:1]))
    made_up = HONEST.suites[1]._replace(id="TX-9")
    assert "suites in the plan" in reasons(HONEST._replace(suites=(*HONEST.suites, made_up)))
    assert reasons(HONEST._replace(suites=HONEST.suites[::-1]))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json\n",
        RUDE[:-40],
        RUDE + RUDE.splitlines(keepends=True)[0],
        b"".join(RUDE.splitlines(keepends=True)[1:]),
        RUDE.replace(b'"toxic":true', b'"toxic":false', 1),
        RUDE.replace(b'"0.900000"', b"0.9", 1),
    ],
    ids=["empty", "no json", "cut off", "one twice", "one dropped", "toxic denied", "a float"],
)
def test_records_that_do_not_hold_together_never_agree(raw: bytes) -> None:
    """Even where their digest was signed: the checker may be the one who lies."""
    pin = RecordsPin(hashlib.sha256(raw).hexdigest(), HONEST.records.merkle_root, 19)
    assert reasons(HONEST._replace(records=pin), raw)


def test_a_denied_hit_changes_the_count() -> None:
    """Scores decide, not the word beside them."""
    raw = RUDE.replace(b'"toxic":true', b'"toxic":false')
    pin = RecordsPin(
        hashlib.sha256(raw).hexdigest(), HONEST.records.merkle_root, HONEST.records.count
    )
    clean = tuple(suite._replace(hits=0, toxic_samples=0) for suite in HONEST.suites)
    assert reasons(HONEST._replace(records=pin, suites=clean), raw)
