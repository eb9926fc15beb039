# SPDX-License-Identifier: Apache-2.0
"""Safetensors headers: what the format allows, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from hubpolicy.core.safetensors_format import LENGTH_BYTES, header_length, parse_header
from hubpolicy.errors import MalformedError


def names(content: bytes) -> frozenset[str]:
    length = header_length(content[:LENGTH_BYTES], len(content), "w")
    return parse_header(content[LENGTH_BYTES : LENGTH_BYTES + length], len(content), "w")


def test_what_the_library_writes() -> None:
    tensors = {
        "a.weight": np.zeros((2, 3), np.float32),
        "b": np.zeros((), np.int64),
        "empty": np.zeros((0, 4), np.float16),
        "flag": np.zeros(5, np.bool_),
    }
    assert names(save(tensors, {"format": "pt"})) == tensors.keys()


GOOD = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "U8", "shape": [3], "data_offsets": [8, 11]}}  # fmt: skip


def build(header: object, data: bytes = b"\0" * 11, *, pad: bytes = b"") -> bytes:
    text = pad + json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**changes: object) -> dict[str, object]:
    return {**GOOD, "b": {**GOOD["b"], **changes}}


def test_the_example_is_good() -> None:
    assert names(build(GOOD)) == {"a", "b"}
    assert names(build({**GOOD, "__metadata__": {"format": "pt"}})) == {"a", "b"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "header of 0 bytes"),
        (b"\x01\0\0\0", "expected 2 to"),
        ((10**9).to_bytes(8, "little") + b"{}", "1000000000 bytes"),
        ((2**63).to_bytes(8, "little") + b"{}", "header of"),
        (build([]), "JSON object"),
        (build(GOOD, pad=b" "), "at once"),
        (build(GOOD, b"\0" * 10), "of 11 bytes in 10"),
        (build(GOOD, b"\0" * 12), "of 11 bytes in 12"),
        (build({}), "of 0 bytes in 11"),
        (build(entry(data_offsets=[9, 12]), b"\0" * 12), "at 9, expected it at 8"),
        (build(entry(data_offsets=[7, 10])), "at 7, expected it at 8"),
        (build(entry(shape=[4])), "agree"),
        (build(entry(shape=[-3])), "agree"),
        (build(entry(shape=[3.0])), "agree"),
        (build(entry(shape="3")), "agree"),
        (build(entry(dtype="F33")), "agree"),
        (build(entry(data_offsets=[8])), "agree"),
        (build(entry(data_offsets=[11, 8])), "agree"),
        (build(entry(note="x")), "agree"),
        (build({**GOOD, "c": 1}), "agree"),
        ((26).to_bytes(8, "little") + b'{"a":{},"a":{},"b":{}    }', "twice"),
    ],
)
def test_refusals(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        names(content)


@given(st.binary(max_size=60))
def test_rubbish_is_one_kind_of_error(content: bytes) -> None:
    with pytest.raises(MalformedError):
        names(content)
