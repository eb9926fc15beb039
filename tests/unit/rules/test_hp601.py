# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp601
from hubpolicy.core.rules.hp601 import SentBlob


def test_the_rule_names_blob_bytes_and_the_way_out() -> None:
    weights = SentBlob("old/model.safetensors", "ab" * 20, 7, "cd" * 32, b"", is_pointer=False)
    card = SentBlob("README.md", "ab" * 20, 7, "ef" * 32, b"# card", is_pointer=False)
    (finding,) = hp601.check((weights, card), frozenset())
    assert finding.rule == "HP601"
    assert "old/model.safetensors (7 bytes, blob cdcdcdcdcd)" in finding.message
    assert "--find-object=abababababab" in finding.fix
    assert hp601.check((weights,), frozenset(("cd" * 32,))) == ()


@pytest.mark.parametrize(
    ("path", "size", "weight"),
    [
        (f".hubpolicy/evidence/{'a' * 64}.jsonl.gz", 1000, False),
        (f".hubpolicy/evidence/{'a' * 64}.jsonl.gz", 20_000_000, True),
        (f"x/.hubpolicy/evidence/{'a' * 64}.jsonl.gz", 1000, True),
        (".hubpolicy/evidence/weights.gz", 1000, True),
        ("training_args.bin", 10, True),
        ("notes.unknown", 11_000_000, True),
        ("notes.unknown", 1000, False),
    ],
)
def test_records_of_an_earlier_release_are_no_weights(path: str, size: int, weight: bool) -> None:
    blob = SentBlob(
        path,
        "ab" * 20,
        size,
        "cd" * 32,
        b"\x1f\x8b\x08\x00" if path.endswith("gz") else b"t",
        is_pointer=False,
    )
    assert hp601.is_weight(blob) is weight


def test_hostile_paths_are_escaped() -> None:
    blob = SentBlob("a\x1b[31m\udcff.bin", "ab" * 20, 1, "cd" * 32, b"", is_pointer=False)
    (finding,) = hp601.check((blob,), frozenset())
    assert finding.message.isprintable()


def test_a_pointer_whose_bytes_are_here_is_judged_by_them() -> None:
    def pointer(head: bytes | None) -> SentBlob:
        return SentBlob("figure.png", "ab" * 20, 1000, "cd" * 32, head, is_pointer=True)

    assert hp601.is_weight(pointer(None))
    assert hp601.is_weight(pointer(b"GGUF\x03\0\0\0"))
    assert not hp601.is_weight(pointer(b"\x89PNG\r\n\x1a\n"))
