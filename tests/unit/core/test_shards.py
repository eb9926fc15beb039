# SPDX-License-Identifier: Apache-2.0
"""Parts of a run: a partition of its samples, and nothing but all of them make a whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.records import key_of, text_leaf
from hubpolicy.core.sampling import derive_salt, to_sample
from hubpolicy.core.seeds import plan_requests
from hubpolicy.core.shards import (
    KeptShard,
    Shard,
    check_parts,
    joined,
    joined_runtime,
    parse_shard,
    part_of,
)
from hubpolicy.domain.evaluation import Completion, Score
from hubpolicy.errors import ConfigError, MalformedError, VerificationError
from tests.unit.core.plan_values import make_plan, make_suite

PLAN = make_plan(make_suite("TX-1", 7, 7, 3), make_suite("TX-2", 4, 4, 1))
NONCE = "d" * 64
REQUESTS = plan_requests(PLAN, NONCE)
SCORE = Score((("toxicity", 0.25),), 1, toxic=False)
SECRET = b"w" * 32


def part(text: str, **changes: object) -> KeptShard:
    """A complete part with a secret of its own."""
    shard = parse_shard(text)
    secret = bytes([shard.number]) * 32
    samples = tuple(
        to_sample(request, Completion(f"word {request.i}", 3, 5, "stop"), SCORE, PLAN, secret)
        for request in part_of(REQUESTS, shard)
    )
    kept = KeptShard(
        where=f"/m/{text}", closure="a" * 64, plan="b" * 64, scorer="c" * 64, seed=NONCE,
        generator="onnx/4", runtime=(("ort", "1"), ("cpu", f"m{shard.number}")), shard=text,
        secret=secret, samples=samples, controls=(), complete=True, keyid="k",
    )  # fmt: skip
    return kept._replace(**changes)  # type: ignore[arg-type]


@given(st.integers(1, 40))
def test_parts_are_a_partition_of_about_equal_size(count: int) -> None:
    parts = [part_of(REQUESTS, Shard(number, count)) for number in range(1, count + 1)]
    assert sorted(key_of(r) for part in parts for r in part) == sorted(map(key_of, REQUESTS))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["1/1", "2/4", "1000/1000"])
def test_a_shard_is_written_as_it_is_read(text: str) -> None:
    assert parse_shard(text).text == text


@pytest.mark.parametrize(
    "text", ["", "0/4", "5/4", "1", "1/0", "1/1001", "a/b", "1/4 ", "-1/4", "01/4", "1/4/2", "１/4"]
)
def test_anything_else_is_no_shard(text: str) -> None:
    with pytest.raises(ConfigError, match="expected I/N"):
        parse_shard(text)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_all_parts_are_a_whole_in_any_order(count: int) -> None:
    parts = [part(f"{number}/{count}") for number in range(count, 0, -1)]
    check_parts(parts, REQUESTS)
    samples = joined(parts, SECRET)
    assert sorted(key_of(s.record) for s in samples) == sorted(map(key_of, REQUESTS))
    for sample in samples:
        salt = derive_salt(SECRET, key_of(sample.record))
        assert sample.record.leaf == text_leaf(salt, sample.text)


REFUSED: dict[str, tuple[list[str], dict[str, object], str]] = {
    "one is missing": (["1/3", "3/3"], {}, "2 of 3 shards, expected also 2/3"),
    "one twice": (["1/2", "2/2", "2/2"], {}, "each once"),
    "of two cuts": (["1/2", "2/3"], {}, "a part of the same run"),
    "of another draw": (["1/2", "2/2"], {"seed": "e" * 64}, "a part of the same run"),
    "at another level": (["1/2", "2/2"], {"generator": "responses/1"}, "a part of the same run"),
    "not complete": (["1/2", "2/2"], {"complete": False}, "0 samples are missing"),
    "without samples": (["1/2", "2/2"], {"samples": ()}, "12 samples are missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_but_a_whole_is_refused(name: str) -> None:
    texts, changes, words = REFUSED[name]
    parts = [part(text) for text in texts[:-1]] + [part(texts[-1], **changes)]
    with pytest.raises(VerificationError, match=words) as caught:
        check_parts(parts, REQUESTS)
    assert "--shard" in caught.value.hint


def test_a_part_with_samples_of_another_part_is_refused() -> None:
    first, second = part("1/2"), part("2/2")
    more = first._replace(samples=(*first.samples, second.samples[0]))
    with pytest.raises(VerificationError, match="got 14 samples, expected 13"):
        check_parts([more, second], REQUESTS)
    swapped = first._replace(samples=(*first.samples[1:], second.samples[0]))
    with pytest.raises(VerificationError, match="1 samples are missing"):
        check_parts([swapped, second], REQUESTS)


def test_a_text_that_is_not_the_recorded_one_is_refused() -> None:
    kept = part("1/1")
    other = (kept.samples[0]._replace(text="another"), *kept.samples[1:])
    with pytest.raises(MalformedError, match="not the recorded one"):
        joined([kept._replace(samples=other)], SECRET)


def test_a_missing_answer_has_no_leaf_before_and_after() -> None:
    sample = to_sample(REQUESTS[0], None, None, PLAN, b"x")
    assert joined([part("1/1", samples=(sample,))], SECRET) == (sample,)


def test_what_any_machine_ran_on_is_told_once() -> None:
    parts = [part("1/2"), part("2/2")]
    assert joined_runtime(parts) == (("ort", "1"), ("cpu", "m1"), ("cpu", "m2"))
