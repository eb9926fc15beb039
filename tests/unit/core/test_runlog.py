# SPDX-License-Identifier: Apache-2.0
"""What a run's log proves: nothing but what the key sealed, for this run, in this order."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core import strictjson
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.dsse import encode_base64, pae
from hubpolicy.core.runlog import SEAL_TYPE, Kept, begin, parse_log, render_batch, sealed_by
from hubpolicy.core.sampling import to_sample
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Completion, Control, Sample, Score
from hubpolicy.domain.statement import PAYLOAD_TYPE
from hubpolicy.errors import MalformedError
from tests.golden.samples import sha, signer
from tests.unit.core.plan_values import make_plan, make_suite

PLAN = make_plan(make_suite("TX-1", 6, 6, 2))
RUN, OTHER = sha("run"), sha("another run")
SCORE = Score((("toxicity", 0.25),), 1, toxic=False)
CONTROLS = (Control("c-00", flagged=False), Control("c-01", flagged=True))
MINE, STRANGER = signer("ci"), signer("mallory")


def make_samples(said: str = "kind") -> tuple[Sample, ...]:
    return tuple(
        to_sample(request, Completion(f"{said} \u2028\n é", 3, 5, "stop"), SCORE, PLAN, b"s" * 32)
        for request in plan_requests(PLAN, "d" * 64)
    )


SAMPLES = make_samples()


def write(key: str | None = "ci", *, run: str = RUN, batches: int = 3) -> list[bytes]:
    """Batches of four samples and two controls each."""
    head, found = begin(run), []
    for n in range(batches):
        rows = SAMPLES[4 * n : 4 * n + 4]
        raw, head = render_batch(head, rows, CONTROLS, signer(key) if key else None)
        found.append(raw)
    return found


def read(content: bytes, key: str | None = "ci", run: str = RUN) -> Kept:
    return parse_log(content, run, signer(key).public_pem if key else "", "samples.jsonl")


def refused(content: bytes, words: str, key: str | None = "ci", run: str = RUN) -> None:
    with pytest.raises(MalformedError, match=words) as caught:
        read(content, key, run)
    assert "move the run's folder away" in caught.value.hint or not caught.value.hint


@pytest.mark.parametrize("key", ["ci", None])
def test_what_was_sealed_is_proven(key: str | None) -> None:
    content = b"".join(write(key))
    kept = read(content, key)
    assert (kept.samples, kept.controls) == (SAMPLES, CONTROLS * 3)
    assert (kept.size, kept.head.batches, kept.complete) == (len(content), 3, False)
    assert sealed_by(content, "") == (signer(key).keyid if key else "")


def test_a_log_goes_on_where_it_stopped() -> None:
    first = write(batches=2)
    head = read(b"".join(first)).head
    raw, head = render_batch(head, SAMPLES[8:], (), MINE, complete=True)
    kept = read(b"".join(first) + raw)
    assert (kept.samples, kept.complete, kept.head) == (SAMPLES, True, head)


def test_a_seal_signs_the_run_the_place_and_the_rows() -> None:
    raw = write(batches=1)[0]
    *rows, line = raw.splitlines(keepends=True)
    seal = json.loads(line)["seal"]
    payload = strictjson.canonical(
        {
            "schema": "hubpolicy/run-batch/1",
            "run": RUN,
            "batch": 0,
            "previous": RUN,
            "rows": hashlib.sha256(b"".join(rows)).hexdigest(),
        }
    )
    assert seal["rows"] == json.loads(payload)["rows"]
    again = {**seal, "sig": encode_base64(MINE.sign(pae(SEAL_TYPE, payload)))}
    assert read(b"".join(rows) + strictjson.canonical({"seal": again}) + b"\n").size
    # The same signature under the type of statements is none: evidence and seals never mix.
    wrong = {**seal, "sig": encode_base64(MINE.sign(pae(PAYLOAD_TYPE, payload)))}
    refused(b"".join(rows) + strictjson.canonical({"seal": wrong}) + b"\n", "does not hold")
    assert encode_base64(payload) in make_bundle(payload, MINE).decode()


PLANTED = {
    "by nobody": (write(None), "signed by nobody, expected it signed by key"),
    "by a stranger": (write("mallory"), "expected it signed by key"),
    "for another run": (write(run=OTHER), "taken from another run"),
    "by nobody, after mine": ([*write(batches=1), *write(None)[1:]], "moved|nobody"),
    "by a stranger, after mine": ([*write(batches=1), write("mallory")[1]], "signed by key"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_somebody_planted_beforehand_is_refused(name: str) -> None:
    batches, words = PLANTED[name]
    refused(b"".join(batches), words)


def test_a_stranger_who_writes_my_key_id_under_it_is_refused() -> None:
    raw = write("mallory", batches=1)[0]
    forged = raw.replace(STRANGER.keyid.encode(), MINE.keyid.encode())
    assert forged != raw
    refused(forged, "does not hold")


@pytest.mark.parametrize(
    "order",
    [(1, 2), (0, 2), (0, 0, 1, 2), (0, 2, 1), (0, 1, 1, 2)],
    ids=["first lost", "middle lost", "first twice", "swapped", "middle twice"],
)
def test_batches_are_where_they_were_written(order: tuple[int, ...]) -> None:
    batches = write()
    refused(b"".join(batches[i] for i in order), "changed, moved or taken")


def test_a_signed_run_does_not_go_on_from_an_unsigned_log_nor_the_other_way() -> None:
    refused(b"".join(write(None)), "signed by nobody", "ci")
    refused(b"".join(write("ci")), "expected it signed by nobody", None)
    refused(b"".join(write("ci")), "expected it signed by key", "mallory")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"toxic":false', b'"toxic":true'),
        (b'"text":"kind', b'"text":"nice'),
        (b'"flagged":true', b'"flagged":false'),
        (b'"0.250000"', b'"0.150000"'),
        (b'{"control"', b'{"contro1"'),
        (b'"rows":"', b'"rows":"0'),
        (b'"previous":"', b'"previous":"0'),
        (b'"batch":1', b'"batch":2'),
        (b'"batch":1', b'"batch":true'),
        (b'"sig":"', b'"sig":"A'),
        (b'"sig":"M', b'"sig":"N'),
        (b'{"seal":{', b'{"seal":{"x":1,'),
        (b'{"seal":{', b'{"seal":['),
        (b'{"seal":{"batch":1', b'{"seel":{"batch":1'),
    ],
)
def test_every_change_is_refused(old: bytes, new: bytes) -> None:
    content = b"".join(write())
    assert old in content
    with pytest.raises(MalformedError):
        read(content.replace(old, new, 1))


@given(st.data())
def test_no_flipped_byte_adds_or_changes_a_sample(data: st.DataObject) -> None:
    content = bytearray(b"".join(write(batches=2)))
    # Signatures differ in length from run to run; what is drawn must not.
    at = data.draw(st.integers(0, 2**32)) % len(content)
    content[at] ^= data.draw(st.integers(1, 255))
    try:
        kept = read(bytes(content))
    except MalformedError:
        return
    # What is left is a beginning of what was written: a broken last batch is done again.
    assert kept.samples == SAMPLES[: len(kept.samples)]
    assert len(kept.samples) in {0, 4, 8}


@given(st.integers(0, 20_000))
def test_wherever_a_crash_cuts_whole_batches_stay(cut: int) -> None:
    batches = write()
    content = b"".join(batches)[:cut]
    kept = read(content)
    ends = [sum(map(len, batches[:n])) for n in range(4)]
    whole = max(n for n, end in enumerate(ends) if end <= len(content))
    assert (kept.size, kept.head.batches) == (ends[whole], whole)
    assert kept.samples == SAMPLES[: 4 * whole]


def test_a_row_that_is_none_is_refused_even_under_a_seal() -> None:
    head = begin(RUN)
    for row in (b'{"control":"c-00","flagged":0}', b'{"complete":false}', b"[]", b"\x00"):
        rows = row + b"\n"
        digest = hashlib.sha256(rows).hexdigest()
        place = {"run": head.run, "batch": 0, "previous": head.previous}
        payload = strictjson.canonical({"schema": "hubpolicy/run-batch/1", **place, "rows": digest})
        seal = {
            "batch": 0,
            "keyid": MINE.keyid,
            "previous": head.previous,
            "rows": digest,
            "sig": encode_base64(MINE.sign(pae(SEAL_TYPE, payload))),
        }
        with pytest.raises(MalformedError, match="line 1 of samples"):
            read(rows + strictjson.canonical({"seal": seal}) + b"\n")


def test_a_text_that_looks_like_a_seal_is_only_a_text() -> None:
    sample = make_samples('\n{"seal":{"batch":0}}')[0]
    raw, _ = render_batch(begin(RUN), (sample,), (), MINE)
    assert read(raw).samples == (sample,)


def test_a_seal_costs_little() -> None:
    start = time.process_time()
    head = begin(RUN)
    batches = []
    for _ in range(50):
        raw, head = render_batch(head, (), CONTROLS, MINE)
        batches.append(raw)
    assert read(b"".join(batches)).head == head
    # 0.1 to 0.3 ms each on the slowest machine seen; a batch of 64 samples takes seconds.
    assert (time.process_time() - start) / 50 < 0.02
