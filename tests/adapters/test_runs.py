# SPDX-License-Identifier: Apache-2.0
"""Runs and ledger on disk: what was written is never lost, and damage is not mistaken for it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import runs
from hubpolicy.adapters.runs import FileLedger, FolderRunLog, FolderRunStore
from hubpolicy.core.ledger import EMPTY, Run
from hubpolicy.core.sampling import to_sample
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Completion, Control, Sample, Score
from hubpolicy.errors import MalformedError, ServiceError
from hubpolicy.ports import RunHeader
from tests.golden.samples import signer
from tests.unit.core.plan_values import make_plan, make_suite

if TYPE_CHECKING:
    from hubpolicy.adapters.signers.file import FileSigner

PLAN = make_plan(make_suite("TX-1", 4, 4, 2))
HEADER = RunHeader("a" * 64, "b" * 64, "c" * 64, "d" * 64, "onnx/4", (("ort", "1"),))
KEY = signer("ci")
SCORE = Score((("toxicity", 0.25),), 1, toxic=False)
RUN = Run("a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64, "failed", "2026-11-22T15:00:00Z")


def make_samples(secret: bytes) -> tuple[Sample, ...]:
    return tuple(
        to_sample(request, Completion(f"text {i} \u2028 é", 3, 5, "stop"), SCORE, PLAN, secret)
        for i, request in enumerate(plan_requests(PLAN, "d" * 64))
    )


def controls() -> tuple[Control, ...]:
    return (Control("c-00", flagged=False), Control("c-01", flagged=True))


def write(state: Path) -> tuple[Path, tuple[Sample, ...]]:
    store = FolderRunStore(state, KEY)
    with store.open(HEADER) as log:
        samples = make_samples(log.secret)
        log.append(samples[:5], controls())
        log.append(samples[5:], ())
    return store.folder(HEADER) / "samples.jsonl", samples


def read(state: Path, key: FileSigner | None = KEY) -> FolderRunLog:
    with FolderRunStore(state, key).open(HEADER) as log:
        return log


def test_what_was_appended_is_there_again(tmp_path: Path) -> None:
    _, samples = write(tmp_path)
    log = read(tmp_path)
    assert log.samples == samples
    assert log.controls == controls()


def test_a_new_run_is_empty_and_has_a_secret_of_its_own(tmp_path: Path) -> None:
    with FolderRunStore(tmp_path, KEY).open(HEADER) as log:
        assert (log.samples, log.controls, len(log.secret)) == ((), (), 32)
        first = log.secret
    assert read(tmp_path).secret == first
    assert read(tmp_path / "other").secret != first


@pytest.mark.parametrize(
    "other",
    [
        HEADER._replace(closure="0" * 64),
        HEADER._replace(plan="0" * 64),
        HEADER._replace(scorer="0" * 64),
        HEADER._replace(seed="0" * 64),
        HEADER._replace(generator="responses/1"),
        HEADER._replace(runtime=(("ort", "2"),)),
    ],
)
def test_any_difference_is_another_run(tmp_path: Path, other: RunHeader) -> None:
    store = FolderRunStore(tmp_path)
    assert store.folder(other) != store.folder(HEADER)


def test_texts_are_for_the_author_alone(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    with FolderRunStore(tmp_path, KEY).open(HEADER) as log:
        texts = Path(log.finish(b"records\n", b"texts\n"))
    assert (texts.read_bytes(), texts.with_name("records.jsonl").read_bytes()) == (
        b"texts\n",
        b"records\n",
    )
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in (path, texts, path.with_name("run.json")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_run_that_is_concluded_again_keeps_the_time_at_which_it_ended(tmp_path: Path) -> None:
    with FolderRunStore(tmp_path, KEY).open(HEADER) as log:
        records = Path(log.finish(b"records\n", b"texts\n")).with_name("records.jsonl")
        os.utime(records, (1000, 1000))
        log.finish(b"records\n", b"texts\n")
        assert records.stat().st_mtime == 1000
        log.finish(b"other records\n", b"texts\n")
    assert records.read_bytes() == b"other records\n"
    assert records.stat().st_mtime > 1000


def test_wherever_a_crash_cuts_whole_batches_stay(tmp_path: Path) -> None:
    path, samples = write(tmp_path)
    content = path.read_bytes()
    first = content.index(b'{"seal"')
    ends = [0, content.index(b"\n", first) + 1, len(content)]
    for cut in range(0, len(content) + 211, 211):
        path.write_bytes(content[:cut])
        log = read(tmp_path)
        whole = max(n for n, end in enumerate(ends) if end <= cut)
        assert log.samples == samples[: (0, 5, len(samples))[whole]]
        assert log.controls == controls() * (whole > 0)
        assert path.read_bytes() == content[: ends[whole]]


def test_after_a_crash_the_next_append_starts_on_a_line_of_its_own(tmp_path: Path) -> None:
    path, samples = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with FolderRunStore(tmp_path, KEY).open(HEADER) as log:
        assert log.samples == samples[:5]
        log.append(samples[5:6], ())
        log.append(samples[6:], ())
    assert read(tmp_path).samples == samples


def test_controls_come_before_the_samples_they_stand_for(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    lines = path.read_bytes().splitlines()
    assert [b'"control"' in line for line in lines[:7]] == [True] * 2 + [False] * 5
    assert [number for number, line in enumerate(lines) if b'"seal"' in line] == [7, 11]


def test_damage_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"flagged":false', b'"flagged":true', 1))
    with pytest.raises(MalformedError, match=r"line 8 of .*samples\.jsonl"):
        read(tmp_path)


def test_only_what_the_key_at_hand_sealed_is_resumed(tmp_path: Path) -> None:
    path, samples = write(tmp_path)
    before = path.read_bytes()
    for other in (None, signer("mallory")):
        with pytest.raises(MalformedError, match="expected it signed by"):
            read(tmp_path, other)
    assert path.read_bytes() == before
    assert read(tmp_path).samples == samples


def test_samples_planted_before_the_run_are_refused(tmp_path: Path) -> None:
    """Who can write into the state folder, but does not have the key."""
    store = FolderRunStore(tmp_path)
    with store.open(HEADER) as log:
        log.append(make_samples(log.secret), controls())
    assert len(read(tmp_path, None).samples) == 8
    with pytest.raises(MalformedError, match="signed by nobody, expected it signed by key"):
        read(tmp_path)


def test_a_log_of_another_run_is_refused(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    other = HEADER._replace(closure="0" * 64)
    store = FolderRunStore(tmp_path, KEY)
    with store.open(other):
        pass
    (store.folder(other) / "samples.jsonl").write_bytes(path.read_bytes())
    with pytest.raises(MalformedError, match="taken from another run"), store.open(other):
        pass


def test_a_header_changed_after_the_first_batch_is_refused(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    header = path.with_name("run.json")
    secret = read(tmp_path).secret.hex().encode()
    header.write_bytes(header.read_bytes().replace(secret, b"0" * 64))
    with pytest.raises(MalformedError, match="taken from another run"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"), [(b'"onnx/4"', b'"onnx/1"'), (b'"secret":"', b'"secret":"zz'), (b"}", b"")]
)
def test_a_changed_header_is_an_error(tmp_path: Path, old: bytes, new: bytes) -> None:
    path, _ = write(tmp_path)
    header = path.with_name("run.json")
    header.write_bytes(header.read_bytes().replace(old, new, 1))
    with pytest.raises(MalformedError, match=r"run\.json"):
        read(tmp_path)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    store = FolderRunStore(tmp_path)
    with (
        store.open(HEADER),
        pytest.raises(ServiceError, match="another process"),
        store.open(HEADER),
    ):
        pass
    with store.open(HEADER):
        pass


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, samples = write(tmp_path)
    before = path.read_bytes()
    real = os.write

    def full(descriptor: int, content: bytes) -> int:
        if real(descriptor, bytes(content)[:10]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return 0

    with FolderRunStore(tmp_path, KEY).open(HEADER) as log, monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(ServiceError, match="No space left"):
            log.append(samples, ())
    assert path.read_bytes() == before


def test_the_ledger_keeps_runs_in_order(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    assert ledger.read() == EMPTY
    other = RUN._replace(records="f" * 64)
    ledger.add(RUN)
    longer, entered = ledger.add(other)
    assert entered == other
    assert longer.runs == ledger.read().runs == (RUN, other)
    assert FileLedger(tmp_path).read().head == longer.head


def test_the_same_run_is_entered_once(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    ledger.add(RUN)
    later = RUN._replace(finished_on="2027-01-01T00:00:00Z")
    longer, entered = ledger.add(later)
    assert (entered, longer.runs) == (RUN, (RUN,))


def test_a_ledger_that_lost_a_line_is_refused(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    for digit in "123":
        ledger.add(RUN._replace(records=digit * 64))
    path = tmp_path / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(MalformedError, match="chain is broken"):
        ledger.read()
    with pytest.raises(MalformedError, match="chain is broken"):
        ledger.add(RUN)


def test_an_append_that_a_crash_cut_off_is_no_run(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path)
    ledger.add(RUN)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes() + b'{"closure":"')
    cut = path.read_bytes()
    assert ledger.read().runs == (RUN,)
    assert path.read_bytes() == cut, "it may be the beginning of what somebody writes just now"
    ledger.add(RUN._replace(records="1" * 64))
    assert len(ledger.read().runs) == 2


def test_of_two_that_end_at_once_both_are_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may have taken hours: nobody fails because another one is being written down."""
    ledger = FileLedger(tmp_path)
    with (tmp_path / "ledger.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ending = threading.Timer(0.2, lambda: fcntl.flock(other, fcntl.LOCK_UN))
        ending.start()
        ledger.add(RUN)
        ending.join()
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(runs, "_LEDGER_SECONDS", 0.05)
        with pytest.raises(ServiceError, match="another process writes the ledger"):
            ledger.add(RUN._replace(records="1" * 64))
    assert ledger.read().runs == (RUN,)


def test_a_state_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with (
        pytest.raises(ServiceError, match="cannot make"),
        FolderRunStore(tmp_path / "state").open(HEADER),
    ):
        pass
    with pytest.raises(ServiceError):
        FileLedger(tmp_path / "state" / "deep").add(RUN)
