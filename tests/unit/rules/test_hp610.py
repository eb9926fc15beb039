# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp610
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.storage import StoredObject

A, B = "a" * 64, "b" * 64
PAGE = "https://huggingface.co/acme/tern/settings"


def stored(name: str = "", size: int = 30, *digests: str) -> StoredObject:
    return StoredObject(digests or (A,), size, name, "2026-11-02T10:00:00+00:00")


@pytest.mark.parametrize(
    ("each", "shown", "orphan"),
    [
        (stored("model.safetensors"), {B}, True),
        (stored("model.safetensors"), {A}, False),
        (stored("model.safetensors", 30, A, B), {B}, False),
        (stored(""), set(), True),  # what nobody ever committed has no name
        (stored("x.bin"), set(), True),
        (stored("notes"), set(), True),
        (stored("picture.png"), set(), False),
        (stored("picture.png", 1 << 30), set(), True),
        (stored(".hubpolicy/evidence/" + A + ".jsonl.gz"), set(), False),
    ],
)
def test_what_is_like_weights_and_shown_nowhere(
    each: StoredObject, shown: set[str], orphan: bool
) -> None:
    assert hp610.orphans((each,), frozenset(shown)) == ((each,) if orphan else ())


def test_it_is_named_by_all_that_is_known() -> None:
    finding = hp610.check(stored("model.safetensors"), PAGE)
    assert finding.severity is Severity.ERROR
    assert "model.safetensors (30 bytes, sha256 " + A in finding.message
    assert "since 2026-11-02" in finding.message
    assert PAGE in finding.fix
    odd = hp610.check(stored("\x1b[31m\ud800.bin")._replace(pushed="\x1b"), PAGE)
    assert "\x1b" not in odd.message
    assert "since an unknown day" in odd.message
    assert "an object without a name" in hp610.check(stored(""), PAGE).message
