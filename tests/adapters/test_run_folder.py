# SPDX-License-Identifier: Apache-2.0
"""Runs on the disk, finished or not, are read as they are and left as they are."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.run_folder import (
    find_run,
    names_model,
    read_ledger,
    read_run,
    read_texts,
    runs_below,
)
from hubpolicy.core.kept_run import recount_kept
from hubpolicy.core.ledger import EMPTY
from hubpolicy.core.records import key_of, parse_records, text_leaf
from hubpolicy.domain.evaluation import Completion
from hubpolicy.domain.statement import ToxicityResult
from hubpolicy.errors import ConfigError, HubpolicyError, MalformedError, ServiceError
from hubpolicy.flows.testing import run_test
from tests.flows.testing_world import CLOSURE, World, make_world, say

if TYPE_CHECKING:
    from hubpolicy.core.kept_run import KeptRun, Recounted
    from hubpolicy.domain.evaluation import Request
    from hubpolicy.flows.testing import Evaluation

NOW = "2026-11-23T09:00:00Z"


def ran(folder: Path) -> tuple[World, Evaluation, Path]:
    """A finished run and its folder."""
    world = make_world(folder, say("kind words"))
    done = run_test(CLOSURE, world.demand, world.bench)
    return world, done, Path(done.texts_path).parent


def broken_off(folder: Path, after: int) -> tuple[World, Path]:
    """A run whose generator died."""

    def answer(request: Request) -> Completion:
        if len(world.generator.asked) > after:
            message = "the machine went away"
            raise ServiceError(message)
        return Completion(f"word {request.seed % 7}", 3, 5, "length")

    world = make_world(folder, answer)
    with pytest.raises(ServiceError):
        run_test(CLOSURE, world.demand, world.bench)
    (header,) = (world.state / "runs").glob("*/run.json")
    return world, header.parent


def recounted(world: World, kept: KeptRun, folder: Path) -> Recounted:
    pin = world.bench.open_scorer().pin
    return recount_kept(kept, world.demand.plan, pin, read_ledger(folder, world.state), NOW)


def everything(world: World, folder: Path) -> None:
    """Read all that a report reads."""
    recounted(world, read_run(folder), folder)
    read_texts(folder, frozenset())


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_finished_run_counts_again_to_what_was_signed(tmp_path: Path) -> None:
    world, done, folder = ran(tmp_path)
    assert isinstance(done.result, ToxicityResult)
    kept = read_run(folder)
    assert kept.complete
    assert kept.records == done.records
    again = recounted(world, kept, folder)
    assert again == (done.result, ())


def test_texts_are_those_of_the_records(tmp_path: Path) -> None:
    _, done, folder = ran(tmp_path)
    records = {key_of(record): record for record in parse_records(done.records)}
    some = frozenset(sorted(records)[:3])
    found = read_texts(folder, some)
    assert set(found) == some
    for key, (salt, text) in found.items():
        assert text == "kind words"
        assert text_leaf(bytes.fromhex(salt), text) == records[key].leaf


def test_a_run_under_way_is_shown_and_not_passed(tmp_path: Path) -> None:
    world, folder = broken_off(tmp_path, 70)
    before = contents(folder)
    kept = read_run(folder)
    assert not kept.complete
    result, findings = recounted(world, kept, folder)
    assert [(f.rule, f.effect) for f in findings] == [("HP201", "inconclusive")]
    assert "got 64 of 150 samples" in findings[0].message
    assert sum(suite.hits for suite in result.suites) > 0
    assert result.records.count == 150
    assert contents(folder) == before
    assert read_texts(folder, frozenset({("TX-1", "p-001", 0)})) == {}


def test_a_line_in_the_making_is_not_read_and_not_cut_off(tmp_path: Path) -> None:
    _, folder = broken_off(tmp_path, 70)
    log = folder / "samples.jsonl"
    whole = read_run(folder)
    torn = log.read_bytes() + b'{"record":{"fin'
    log.write_bytes(torn)
    assert read_run(folder) == whole
    assert log.read_bytes() == torn


def test_a_run_that_the_ledger_lost_is_not_passed(tmp_path: Path) -> None:
    world, _, folder = ran(tmp_path)
    pin = world.bench.open_scorer().pin
    _, findings = recount_kept(read_run(folder), world.demand.plan, pin, EMPTY, NOW)
    assert [(f.rule, f.effect) for f in findings] == [("HP207", "inconclusive")]


def test_changed_records_are_another_run(tmp_path: Path) -> None:
    world, _, folder = ran(tmp_path)
    path = folder / "records.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[1:]))
    _, findings = recounted(world, read_run(folder), folder)
    assert [f.rule for f in findings] == ["HP207"]


def test_a_run_of_another_plan_is_refused(tmp_path: Path) -> None:
    world, _, folder = ran(tmp_path)
    pin = world.bench.open_scorer().pin
    plan = world.demand.plan._replace(sha256="0" * 64)
    with pytest.raises(MalformedError, match="got plan"):
        recount_kept(read_run(folder), plan, pin, EMPTY, NOW)
    kept = read_run(folder)._replace(generator="onnx")
    with pytest.raises(MalformedError, match="NAME/LEVEL"):
        recount_kept(kept, world.demand.plan, pin, EMPTY, NOW)


def test_a_run_is_found_by_path_or_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    world, done, folder = ran(tmp_path)
    assert find_run(world.state, str(folder)) == folder
    for length in (4, 8, 32):
        assert find_run(world.state, folder.name[:length]) == folder
    twin = folder.parent / (folder.name[:8] + "0" * 24)
    shutil.copytree(folder, twin)
    assert find_run(world.state, folder.name) == folder
    assert runs_below(world.state, hashlib.sha256(done.records).hexdigest()) in {folder, twin}
    assert runs_below(world.state, "0" * 64) is None
    for name, said in (
        (folder.name[:8], "several runs"),
        (folder.name[:3], "neither"),
        ("", "neither"),
        ("../..", "neither"),
        ("zzzz", "neither"),
        ("a" * 5000, "neither"),
        ("a\0b", "neither"),
    ):
        with pytest.raises(ConfigError) as caught:
            find_run(world.state, name)
        assert not names_model(name) or name == "../.."
        assert said in caught.value.message
        assert folder.name in caught.value.hint


def test_where_nothing_was_run_the_next_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_run(tmp_path, "4b33")
    assert caught.value.hint == "hubpolicy test PATH"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", b""),
        ("run.json", b"[]"),
        ("run.json", b'{"closure": "x"}'),
        ("run.json", b'{"closure": 1, "plan": "", "scorer": "", "seed": "", "generator": ""}'),
        ("samples.jsonl", b"{\n"),
        ("samples.jsonl", b"[]\n"),
        ("samples.jsonl", b'{"record": {}, "text": ""}\n'),
        ("samples.jsonl", b"\xff\xfe\n"),
        ("records.jsonl", b'{"suite": "TX-1"'),
        ("records.jsonl", b"{}\n"),
        ("texts.jsonl", b"{}\n"),
        ("texts.jsonl", b"nonsense\n"),
    ],
)
def test_damage_is_one_sentence_with_its_place(tmp_path: Path, name: str, content: bytes) -> None:
    world, _, folder = ran(tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(HubpolicyError) as caught:
        everything(world, folder)
    assert "\n" not in caught.value.message


def test_a_file_that_cannot_be_read_is_a_service_error(tmp_path: Path) -> None:
    _, _, folder = ran(tmp_path)
    (folder / "samples.jsonl").unlink()
    (folder / "samples.jsonl").mkdir()
    with pytest.raises(ServiceError, match="cannot read"):
        read_run(folder)


def test_the_ledger_beside_the_runs_is_read_before_the_user_s(tmp_path: Path) -> None:
    world, _, folder = ran(tmp_path / "one")
    assert len(read_ledger(folder, tmp_path / "nowhere").runs) == 1
    (world.state / "ledger.jsonl").rename(tmp_path / "ledger.jsonl")
    assert len(read_ledger(folder, tmp_path).runs) == 1
    assert read_ledger(folder, tmp_path / "nowhere") == EMPTY
    (tmp_path / "ledger.jsonl").write_text(json.dumps({}) + "\n")
    with pytest.raises(MalformedError):
        read_ledger(folder, tmp_path)
