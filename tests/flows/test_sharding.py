# SPDX-License-Identifier: Apache-2.0
"""A run in parts on several machines: the same records and root as in one piece, or nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.runs import FolderRunStore
from hubpolicy.adapters.shards import read_shards
from hubpolicy.core.applicability import ClosureFacts
from hubpolicy.core.checkers import checker_pem
from hubpolicy.core.shards import Shard
from hubpolicy.domain.evaluation import Completion, Request
from hubpolicy.domain.statement import ToxicityResult
from hubpolicy.errors import ConfigError, MalformedError, ServiceError, VerificationError
from hubpolicy.flows.sharding import PartDone, merge_shards, run_shard
from hubpolicy.flows.testing import Evaluation, run_test
from tests.flows.testing_world import CLOSURE, KEY, FixedLoader, World, make_world, say, small_plan
from tests.golden.samples import TRUST, signer

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.adapters.signers.file import FileSigner
    from hubpolicy.core.shards import KeptShard


def mixed(request: Request) -> Completion:
    """A model that is rude to some, and now and then fails."""
    if request.seed % 11 == 0:
        return Completion("", 3, 0, "error", "out of memory")
    return Completion("rude word" if request.seed % 7 == 0 else f"word {request.i}", 3, 5, "stop")


def pem_of(keyid: str, where: str) -> str:
    return checker_pem(TRUST, keyid, what=where)


def machine(folder: Path, key: FileSigner | None = KEY, answer: object = mixed) -> World:
    """A machine with a state of its own, where one key is at hand."""
    world = make_world(folder, answer)  # type: ignore[arg-type]
    return world._replace(bench=world.bench._replace(runs=FolderRunStore(world.state, key)))


def shard(folder: Path, number: int, of: int, key: FileSigner | None = KEY) -> PartDone:
    world = machine(folder / f"machine-{number}", key)
    (done,) = run_shard((CLOSURE,), Shard(number, of), world.demand, world.bench)
    assert len(world.generator.asked) == done.samples
    assert world.bench.ledger.read().runs == ()
    return done


def merged(world: World, *folders: str) -> Evaluation:
    shards = read_shards(folders, pem_of)
    (evaluation,) = merge_shards((CLOSURE,), shards, world.demand, world.bench)
    assert world.generator.asked == []
    return evaluation


def result_of(evaluation: Evaluation) -> ToxicityResult:
    assert isinstance(evaluation.result, ToxicityResult)
    return evaluation.result


def whole(folder: Path) -> tuple[Evaluation, World]:
    """A run in one piece, and a machine where the same run has not begun but for its secret."""
    first = machine(folder / "whole")
    evaluation = run_test(CLOSURE, first.demand, first.bench)
    second = machine(folder / "merge", answer=say("never asked"))
    (header,) = first.state.glob("runs/*/run.json")
    target = second.state / "runs" / header.parent.name
    target.mkdir(parents=True)
    shutil.copy(header, target)
    return evaluation, second


@pytest.mark.parametrize("count", [1, 2, 3])
def test_merged_shards_are_the_run_in_one_piece(tmp_path: Path, count: int) -> None:
    one_piece, world = whole(tmp_path)
    parts = [shard(tmp_path, number, count) for number in range(1, count + 1)]
    assert sum(part.samples for part in parts) == 150
    evaluation = merged(world, *(part.folder for part in reversed(parts)))
    assert evaluation.records == one_piece.records
    got, wanted = result_of(evaluation), result_of(one_piece)
    assert got.records == wanted.records
    assert (got.suites, got.canaries, got.seed) == (wanted.suites, wanted.canaries, wanted.seed)
    assert (got.binding_level, got.generator) == (4, "onnx")
    assert got.runtime[: len(wanted.runtime)] == wanted.runtime
    sealed = [pair for pair in got.runtime if pair[0].startswith("shard ")]
    assert sealed == [
        (f"shard {n}/{count}", f"key {signer('ci').keyid}") for n in range(1, count + 1)
    ]
    assert evaluation.verdict == one_piece.verdict
    assert len(world.bench.ledger.read().runs) == 1


def test_merging_again_says_the_same(tmp_path: Path) -> None:
    folders = [shard(tmp_path, number, 2).folder for number in (1, 2)]
    world = machine(tmp_path / "merge", answer=say("never asked"))
    first = merged(world, *folders)
    assert merged(world, *folders) == first
    assert len(world.bench.ledger.read().runs) == 1


def test_a_folder_of_shards_is_all_of_them(tmp_path: Path) -> None:
    for number in (1, 2):
        done = shard(tmp_path, number, 2)
        shutil.copytree(done.folder, tmp_path / "all" / str(number))
    world = machine(tmp_path / "merge", answer=say("never asked"))
    assert result_of(merged(world, str(tmp_path / "all"))).records.count == 150


def test_a_shard_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    done = shard(tmp_path, 1, 2)
    log = (
        tmp_path / "machine-1" / "state" / "runs" / done.folder.rpartition("/")[2] / "samples.jsonl"
    )
    lines = log.read_bytes().splitlines(keepends=True)
    seals = [n for n, line in enumerate(lines) if line.startswith(b'{"seal"')]
    log.write_bytes(b"".join(lines[: seals[1] + 1]) + b'{"reco')
    other = shard(tmp_path, 2, 2)
    world = machine(tmp_path / "merge", answer=say("never asked"))
    with pytest.raises(VerificationError, match="not complete: 11 samples"):
        merged(world, done.folder, other.folder)
    again = machine(tmp_path / "machine-1")
    run_shard((CLOSURE,), Shard(1, 2), again.demand, again.bench)
    assert len(again.generator.asked) == 75 - 64
    assert result_of(merged(world, done.folder, other.folder)).records.count == 150


def refused(tmp_path: Path, *folders: str) -> str:
    """Why a merge is refused; nothing may come of it."""
    world = machine(tmp_path / "merge", answer=say("never asked"))
    with pytest.raises((VerificationError, MalformedError, ServiceError, ConfigError)) as caught:
        merged(world, *folders)
    assert world.bench.ledger.read().runs == ()
    assert not list(world.state.glob("runs/*/records.jsonl"))
    return caught.value.message


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "nobody's key"),
        (signer("mallory"), "expected one of the trust root"),
        (signer("rita"), "who holds releaser"),
    ],
    ids=["nobody", "a stranger", "a releaser"],
)
def test_only_shards_of_checkers_are_merged(
    tmp_path: Path, key: FileSigner | None, words: str
) -> None:
    folders = [shard(tmp_path, 1, 2).folder, shard(tmp_path, 2, 2, key).folder]
    assert words in refused(tmp_path, *folders)


def test_a_shard_that_was_touched_on_the_way_is_refused(tmp_path: Path) -> None:
    done = shard(tmp_path, 1, 1)
    folder = tmp_path / "copy"
    for name, old, new in (
        ("samples.jsonl", b'"toxic":true', b'"toxic":false'),
        ("samples.jsonl", b"rude word", b"kind word"),
        ("run.json", b"onnx/4", b"onnx/3"),
        ("run.json", b'"scripted","1"', b'"scripted","2"'),
    ):
        shutil.copytree(done.folder, folder)
        content = (folder / name).read_bytes()
        assert old in content
        (folder / name).write_bytes(content.replace(old, new))
        assert "changed, moved or taken from another run" in refused(tmp_path, str(folder))
        shutil.rmtree(folder)


def test_a_run_in_one_piece_is_no_shard(tmp_path: Path) -> None:
    world = machine(tmp_path / "whole")
    run_test(CLOSURE, world.demand, world.bench)
    (folder,) = world.state.glob("runs/*")
    assert "of a whole run" in refused(tmp_path, str(folder))
    assert "no run.json" in refused(tmp_path, str(tmp_path))


def test_shards_of_other_files_or_plans_are_refused(tmp_path: Path) -> None:
    done = shard(tmp_path, 1, 1)
    other = CLOSURE._replace(files=(CLOSURE.files[0]._replace(sha256="b" * 64),))
    world = machine(tmp_path / "merge", answer=say("never asked"))
    shards: tuple[KeptShard, ...] = read_shards([done.folder], pem_of)
    with pytest.raises(VerificationError, match="got a shard of closure"):
        merge_shards((other,), shards, world.demand, world.bench)
    with pytest.raises(VerificationError, match="got no shard of closure"):
        merge_shards((CLOSURE, other), shards, world.demand, world.bench)
    smaller = world.demand._replace(plan=world.demand.plan._replace(sha256="0" * 64))
    with pytest.raises(VerificationError, match="got plan"):
        merge_shards((CLOSURE,), shards, smaller, world.bench)


def test_weights_swapped_during_a_shard_leave_it_incomplete(tmp_path: Path) -> None:
    world = machine(tmp_path / "machine-1")
    bench = world.bench._replace(changed=lambda _: ("model.onnx.data",))
    with pytest.raises(VerificationError, match=r"model\.onnx\.data"):
        run_shard((CLOSURE,), Shard(1, 1), world.demand, bench)
    (folder,) = world.state.glob("runs/*")
    assert "not complete: 150 samples are missing" in refused(tmp_path, str(folder))


def test_what_writes_nothing_has_no_shards(tmp_path: Path) -> None:
    facts = ClosureFacts("safetensors", ("BertModel",), frozenset({"pooler.dense.weight"}))
    world = machine(tmp_path)
    bench = world.bench._replace(loader=FixedLoader(facts))
    with pytest.raises(ServiceError, match="no files that generate text"):
        run_shard((CLOSURE,), Shard(1, 1), world.demand, bench)
    (evaluation,) = merge_shards((CLOSURE,), (), world.demand, bench)
    assert evaluation.verdict == "passed"


def test_shards_run_the_suites_that_the_model_needs(tmp_path: Path) -> None:
    """A base model is not asked a chat model's suites, in parts as in one piece."""
    first, second = small_plan().suites
    plan = small_plan()._replace(suites=(first, second._replace(when="chat")))
    folders = []
    for number in (1, 2):
        world = machine(tmp_path / f"machine-{number}")
        demand = world.demand._replace(plan=plan)
        (done,) = run_shard((CLOSURE,), Shard(number, 2), demand, world.bench)
        folders.append(done.folder)
    world = machine(tmp_path / "merge", answer=say("never asked"))
    demand = world.demand._replace(plan=plan)
    (evaluation,) = merge_shards((CLOSURE,), read_shards(folders, pem_of), demand, world.bench)
    assert [suite.id for suite in result_of(evaluation).suites] == ["TX-1"]
    assert result_of(evaluation).records.count == 120
