# SPDX-License-Identifier: Apache-2.0
"""Large word vectors stay in the copy that was hashed, and score as if the session held them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from hubpolicy.adapters.scorers.bundle import read_bundle
from hubpolicy.adapters.scorers.loaded import CPU, TABLE_BYTES, LoadedGraph
from hubpolicy.adapters.scorers.private_copy import PrivateCopy, copy_privately
from hubpolicy.core.onnx_tables import Table, lift_tables
from hubpolicy.errors import VerificationError
from tests.adapters.true_shape_bundle import LABELS, WIDTH, make_encoder, write_encoder_bundle

ROWS = TABLE_BYTES // WIDTH // 4 + 1
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An fp32 encoder with as many word vectors as are lifted, of odd numbers."""
    folder = write_encoder_bundle(tmp_path_factory.mktemp("large"))
    model = make_encoder()
    (table,) = (value for value in model.graph.initializer if value.name == "table")
    vectors = np.random.default_rng(5).standard_normal((ROWS, WIDTH)).astype(np.float32)
    table.CopyFrom(numpy_helper.from_array(vectors, "table"))
    onnx.save(model, folder / "model.onnx")
    return folder


@pytest.mark.parametrize("shift", range(4))
def test_scores_are_those_of_the_whole_graph_bit_by_bit(
    folder: Path, tmp_path: Path, shift: int
) -> None:
    """``shift``: a name so much longer moves the vectors to places that no float may have."""
    model = onnx.load(folder / "model.onnx")
    model.producer_name = "x" * (1 + shift)
    model.graph.node.append(helper.make_node("Identity", ["table"], ["unused"]))
    none, whole = _load(folder, tmp_path / "whole", model)
    assert none == ()
    model.graph.node.pop()
    tables, handed = _load(folder, tmp_path / "handed", model)
    assert tables == ("table",)
    for tokens in ((3, 9, 4), (ROWS - 4, 0, 17, 17, 5), tuple(range(3, 60))):
        got = handed.probabilities(tokens)
        assert got is not None
        assert len(got) == len(LABELS)
        assert got == whole.probabilities(tokens)


def _load(folder: Path, to: Path, model: onnx.ModelProto) -> tuple[tuple[str, ...], LoadedGraph]:
    """Which tables are lifted out of the model, and the graph as a bundle's."""
    to.mkdir()
    for name in ("tokenizer.json", "scorer.json"):
        (to / name).write_bytes((folder / name).read_bytes())
    onnx.save(model, to / "model.onnx")
    content = memoryview((to / "model.onnx").read_bytes())
    tables = tuple(table.name for table in lift_tables(content, "m", TABLE_BYTES).tables)
    files = read_bundle(to)
    return tables, LoadedGraph(files.model.read, files.describe(), "model.onnx", CPU)


def test_what_is_written_to_the_file_later_does_not_score(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    files = read_bundle(tmp_path)
    graph = LoadedGraph(files.model.read, files.describe(), "model.onnx", CPU)
    before = graph.probabilities((3, 9, 4))
    with (tmp_path / "model.onnx").open("r+b") as file:
        file.write(bytes(file.seek(0, 2)))
        file.seek(0)
        file.write(bytes(TABLE_BYTES + MIB))
    assert graph.probabilities((3, 9, 4)) == before
    with pytest.raises(VerificationError, match=r"another model\.onnx"):
        files.model.read()


@pytest.mark.parametrize(
    "change", [b"", b"short", b"as long as it was", b"longer than it ever was"]
)
def test_another_content_has_another_digest(tmp_path: Path, change: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(change)
    with path.open("rb", buffering=0) as file:
        copy, digest = copy_privately(file, len(b"as long as it was"))
    assert (digest == hashlib.sha256(b"as long as it was").hexdigest()) is (
        change == b"as long as it was"
    )
    if change:
        assert bytes(copy.view[:5]) == change[:5]


def test_memory_that_is_not_kept_is_given_back() -> None:
    size, kept = 64 * MIB, 16 * MIB
    copy = PrivateCopy(size)
    copy.view[:] = bytes([7]) * size
    resident = _resident()
    start = 8 * MIB + 3
    table = Table("t", 1, (kept // 4,), copy.view[start : start + kept])
    (array,) = copy.keep((table,)).values()
    assert resident - _resident() > (size - kept) * 0.9
    assert array.flags.aligned
    assert array.tobytes() == bytes([7]) * kept


def _resident() -> int:
    """Bytes of anonymous memory that this process has."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (row for row in status.splitlines() if row.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024
