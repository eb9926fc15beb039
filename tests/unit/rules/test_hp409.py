"""HP409: weights in no tested closure, and that every file has a rule that looks at it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.closure import uncovered
from hubpolicy.core.filetypes import LARGE, kind_of_name, kinds
from hubpolicy.core.rules import hp406, hp407, hp408, hp409
from hubpolicy.domain.manifest import Entry, Manifest

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("path", "size", "head"),
    [
        ("model.safetensors", 5, None),
        ("notes.txt", LARGE + 1, None),
        ("notes.txt", 5, b"GGUF\x03\0"),
        ("a.tar.gz", 5, None),
    ],
)
def test_untested_weights_were_not_evaluated(path: str, size: int, head: bytes | None) -> None:
    heads = {path: head} if head else {}
    (finding,) = hp409.check({path: size}, heads, NOTHING)
    assert (finding.rule, finding.effect) == ("HP409", "inconclusive")
    assert path in finding.message
    assert hp409.check({path: size}, heads, frozenset({path})) == ()


@pytest.mark.parametrize("path", ["README.md", "notes.txt", "m.bin", "m.py", "config.json"])
def test_other_kinds_have_other_rules(path: str) -> None:
    assert hp409.check({path: 5}, {}, NOTHING) == ()


PATHS = st.sampled_from(
    ["README.md", "m.py", "m.bin", "m.gguf", "config.json", "x", "logo.png", "a/LICENSE", "y.zip"]
)
HEADS = st.sampled_from([b"", b"GGUF\0", b"\x80\x04.", b"#!x", b"PK\x03\x04", b"\x89PNG", b"text"])


@given(
    st.dictionaries(PATHS, st.integers(0, 2 * LARGE)),
    st.dictionaries(PATHS, HEADS),
    st.frozensets(PATHS),
)
def test_every_uncovered_file_has_exactly_one_finding(
    sizes: dict[str, int], heads: dict[str, bytes], covered: frozenset[str]
) -> None:
    findings = (
        *hp406.check(sizes, heads, (), covered, covered),
        *hp407.check(sizes, heads, covered, covered),
        *hp408.check(sizes, heads, covered, covered),
        *hp409.check(sizes, heads, covered),
    )
    manifest = Manifest(tuple(Entry(path, size, "0" * 64) for path, size in sizes.items()))
    left = {entry.path for entry in uncovered(manifest, covered, heads)}
    # A run took it for a configuration, by its name; its first bytes say that it is none.
    disguised = {
        path for path, kind in kinds(sizes, heads)
        if kind == "weight" and kind_of_name(path, 0) == "config"
    }  # fmt: skip
    expected = sorted(left | disguised)
    assert sorted(f.location.path for f in findings if f.location) == expected
    assert len(findings) == len(expected)
