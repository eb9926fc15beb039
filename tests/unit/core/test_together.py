# SPDX-License-Identifier: Apache-2.0
"""A look at all files of a release together says what a look at each of them says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.core import filetypes
from hubpolicy.core.paths import path_findings, refuse_path, refused_paths, tree_findings
from hubpolicy.core.rules import hp413

STEMS = st.sampled_from(
    ["a", "A", "model", "config", "tokenizer", "x.onnx", "lib.so", "", ".", "..", "-", "license"]
) | st.text(min_size=1, max_size=5)
SUFFIXES = st.sampled_from(
    [
        "",
        *sorted(filetypes.WEIGHT_SUFFIXES | filetypes.PICKLE_SUFFIXES | filetypes.CODE_SUFFIXES),
        "md",
        "MD",
        "png",
        "pdf",
        "svg",
        "json",
        "txt",
        "model",
        "toml",
        "onnx_data",
        "Md",
        "bib",
    ]
)
FOLDERS = st.sampled_from(["", "docs/", "a.md/", ".git/", "x/../", "/", "model.sig/", "Model.sig"])


@st.composite
def paths(draw: st.DrawFn) -> str:
    suffix = draw(SUFFIXES)
    name = draw(STEMS) + (f".{suffix}" if suffix else "")
    return (draw(FOLDERS) + name).replace("\0", "") or "a"


SIZES = st.sampled_from([0, 1, 2**20, 2**20 + 1, 10 * 2**20, 10 * 2**20 + 1, 2**40])
RELEASES = st.dictionaries(paths(), SIZES, max_size=6)


@settings(max_examples=150, deadline=None)
@given(RELEASES)
def test_kinds(sizes: dict[str, int]) -> None:
    heads = dict.fromkeys(list(sizes)[:1], b"GGUF")
    each: dict[str, list[str]] = {}
    for path, kind in filetypes.kinds(sizes, heads):
        each.setdefault(kind, []).append(path)
    assert filetypes.by_kind(sizes, heads) == {kind: sorted(found) for kind, found in each.items()}


@settings(max_examples=150, deadline=None)
@given(paths(), SIZES)
def test_the_short_way_to_a_kind_is_the_long_one(path: str, size: int) -> None:
    name = path.rpartition("/")[2].lower()
    suffix = filetypes._suffix(name)
    long = filetypes._final(name, suffix)
    if long is None and size <= filetypes.CONFIG_CAP and filetypes._is_config(name, suffix):
        long = "config"
    cap = filetypes.inert_cap(path)
    if long is None:
        inert = cap is not None and size <= cap
        long = "inert" if inert else "weight" if size > filetypes.LARGE else "unknown"
    assert filetypes.kind_of_name(path, size) == long


@settings(max_examples=150, deadline=None)
@given(st.lists(paths(), max_size=6))
def test_names_of_weights_and_their_formats(listed: list[str]) -> None:
    each = any(map(filetypes.is_named_like_weights, listed))
    assert filetypes.some_named_like_weights(listed) == each
    wrong = sorted((hp413.format_of(path), path) for path in listed if hp413.format_of(path))
    assert len(hp413.check(listed, (), frozenset())) == len(wrong)


ODD = st.binary(min_size=1, max_size=6).map(lambda raw: raw.replace(b"\0", b"").decode(
    "utf-8", "surrogateescape") or "a")  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(paths() | ODD, max_size=5))
def test_refused_paths_and_twins(listed: list[str]) -> None:
    raw = [path.encode("utf-8", "surrogateescape") for path in listed]
    refused = refused_paths(listed)
    assert refused == {
        path for path, one in zip(listed, raw, strict=True) if refuse_path(one) is not None
    }
    modes = ["100644"] * len(listed)
    each = path_findings(zip(raw, modes, strict=True))
    assert tree_findings(listed, modes, refused) == each
