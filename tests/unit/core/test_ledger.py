# SPDX-License-Identifier: Apache-2.0
"""The ledger counts failed runs, and leaving one out breaks the chain."""

from __future__ import annotations

import hashlib
import json

import pytest

from hubpolicy.core import strictjson
from hubpolicy.core.ledger import (
    EMPTY,
    GENESIS,
    Ledger,
    Run,
    append_run,
    attempts_of,
    parse_ledger,
    same_run,
    standing,
    weights_line,
)
from hubpolicy.domain.manifest import Entry
from hubpolicy.errors import MalformedError

FAILED = Run("a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64, "failed", "2026-11-22T15:00:00Z")
RUNS = (
    FAILED,
    FAILED._replace(records="1" * 64),
    FAILED._replace(closure="f" * 64),
    FAILED._replace(records="2" * 64, outcome="inconclusive"),
    FAILED._replace(records="3" * 64, outcome="passed"),
)


def written(*runs: Run) -> tuple[Ledger, bytes]:
    ledger, content = EMPTY, b""
    for run in runs:
        ledger, line = append_run(ledger, run)
        content += line
    return ledger, content


def test_what_is_appended_is_read_back() -> None:
    ledger, content = written(*RUNS)
    assert parse_ledger(content) == ledger
    assert ledger.runs == RUNS
    assert parse_ledger(b"") == EMPTY


def test_the_head_is_the_hash_of_the_last_line() -> None:
    ledger, content = written(*RUNS)
    assert ledger.head == hashlib.sha256(content.split(b"\n")[-2]).hexdigest()
    assert EMPTY.head == GENESIS


def test_where_a_run_stands_is_found_again() -> None:
    ledger, _ = written(*RUNS)
    assert standing(ledger, RUNS[-1]) == (ledger.head, 3)
    assert standing(ledger, RUNS[0]) == (written(RUNS[0])[0].head, 1)
    assert standing(ledger, RUNS[2]) == (written(*RUNS[:3])[0].head, 1)
    with pytest.raises(MalformedError, match="one that the ledger has"):
        standing(ledger, FAILED._replace(records="9" * 64))


def test_the_same_draw_and_records_are_one_run() -> None:
    ledger, _ = written(*RUNS)
    later = RUNS[1]._replace(finished_on="2027-01-01T00:00:00Z", outcome="passed")
    assert same_run(ledger, later) == RUNS[1]
    assert same_run(ledger, FAILED._replace(seed="0" * 64)) is None


def test_only_completed_failed_runs_of_the_same_bytes_count() -> None:
    ledger, _ = written(*RUNS)
    assert attempts_of(ledger, "a" * 64) == 3
    assert attempts_of(ledger, "f" * 64) == 2
    assert attempts_of(EMPTY, "a" * 64) == 1


SAVED_AGAIN = FAILED._replace(closure="7" * 64, seed="8" * 64, weights="9" * 64)


def test_another_config_does_not_make_the_same_weights_new() -> None:
    first = FAILED._replace(weights="9" * 64)
    ledger, content = written(first, SAVED_AGAIN, FAILED._replace(closure="5" * 64))
    assert parse_ledger(content) == ledger
    assert attempts_of(ledger, "7" * 64, "9" * 64) == 3
    assert attempts_of(ledger, "0" * 64, "9" * 64) == 3
    assert attempts_of(ledger, "0" * 64, "6" * 64) == 1
    assert standing(ledger, SAVED_AGAIN) == (written(first, SAVED_AGAIN)[0].head, 2)


def test_runs_of_older_versions_count_by_closure_and_never_all_together() -> None:
    ledger, content = written(FAILED, FAILED._replace(closure="5" * 64))
    assert b"weights" not in content
    assert attempts_of(ledger, "a" * 64, "9" * 64) == 2
    assert attempts_of(ledger, "0" * 64) == 1


def entry(path: str, digest: str, size: int = 100) -> Entry:
    return Entry(path, size, digest * 64)


def test_a_line_of_weights_is_its_bytes_alone() -> None:
    shards = (entry("a.safetensors", "1"), entry("b.safetensors", "2"))
    line = weights_line((*shards, entry("config.json", "3")))
    assert line == weights_line((entry("x/y.safetensors", "2"), entry("z.safetensors", "1")))
    assert line == weights_line((*shards, entry("config.json", "4"), entry("README.md", "5")))
    assert line != weights_line(shards[:1])
    assert line != weights_line((shards[0], entry("b.safetensors", "6")))
    assert weights_line((entry("config.json", "3"),)) == ""


@pytest.mark.parametrize("dropped", [0, 1, 2, 3])
def test_a_dropped_run_breaks_the_chain(dropped: int) -> None:
    lines = written(*RUNS)[1].split(b"\n")
    del lines[dropped]
    with pytest.raises(MalformedError, match="chain is broken"):
        parse_ledger(b"\n".join(lines))


def test_dropping_the_last_run_changes_the_head() -> None:
    assert written(*RUNS[:-1])[0].head != written(*RUNS)[0].head


def test_a_changed_outcome_breaks_the_chain() -> None:
    content = written(*RUNS)[1].replace(b"failed", b"passed", 1)
    with pytest.raises(MalformedError, match="chain is broken"):
        parse_ledger(content)


@pytest.mark.parametrize("name", [*Run._fields, "previous"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_field_of_an_earlier_run_can_be_changed(name: str, number: int) -> None:
    runs = [run._replace(weights="9" * 64) for run in RUNS]
    lines = written(*runs)[1].splitlines()
    table = json.loads(lines[number])
    table[name] = (
        "passed" if table[name] == "failed" else "failed" if name == "outcome" else "4" * 64
    )
    lines[number] = strictjson.canonical(table)
    with pytest.raises(MalformedError, match="chain is broken"):
        parse_ledger(b"".join(line + b"\n" for line in lines))


def test_weights_cannot_be_taken_from_an_earlier_run() -> None:
    lines = written(SAVED_AGAIN, *RUNS)[1].splitlines()
    table = json.loads(lines[0])
    del table["weights"]
    lines[0] = strictjson.canonical(table)
    with pytest.raises(MalformedError, match="chain is broken"):
        parse_ledger(b"".join(line + b"\n" for line in lines))


def test_a_run_cannot_be_slipped_in_or_doubled() -> None:
    lines = written(*RUNS)[1].splitlines()
    foreign = written(FAILED._replace(closure="5" * 64))[1].strip()
    for number in range(len(lines)):
        for line in (foreign, lines[number]):
            changed = [*lines[: number + 1], line, *lines[number + 1 :]]
            with pytest.raises(MalformedError, match="chain is broken"):
                parse_ledger(b"".join(one + b"\n" for one in changed))


def test_a_rewritten_ledger_has_another_head() -> None:
    """Whoever writes the whole chain anew is found only by a head that stands elsewhere."""
    kept, _ = written(*RUNS)
    assert written(*RUNS[1:])[0].head != kept.head
    with pytest.raises(MalformedError, match="one that the ledger has"):
        standing(written(*RUNS[1:])[0], RUNS[0])


def test_reordered_runs_break_the_chain() -> None:
    lines = written(*RUNS)[1].split(b"\n")
    lines[0], lines[1] = lines[1], lines[0]
    with pytest.raises(MalformedError, match="line 1 of the ledger"):
        parse_ledger(b"\n".join(lines))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (written(FAILED)[1][:-1], "cut off"),
        (b"{}\n", "other keys"),
        (b"[]\n", "other keys"),
        (b"\n", "line 1"),
        (written(FAILED)[1].replace(b'"failed"', b'"great"'), "outcome 'great'"),
        (written(FAILED)[1].replace(b'"failed"', b"1"), "no string"),
        (written(FAILED)[1].replace(b",", b", ", 1), "not canonical"),
        (written(FAILED)[1].replace(b"}", b',"weights":""}'), "not canonical"),
        (written(FAILED)[1].replace(b"}", b',"more":""}'), "other keys"),
        (written(FAILED)[1].replace(b'"plan":', b'"plam":'), "other keys"),
    ],
)
def test_malformed(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_ledger(content)
