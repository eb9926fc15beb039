# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy diff`` against a hub: revisions there, and a folder here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.author import Author

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def test_what_a_push_would_change_is_told_before_it(ada: Author, model: Path, repo: str) -> None:
    ada.put_run(model)
    ada.ok("push", str(model), repo)
    same = ada.ok("diff", repo, str(model), "--exit-code")
    assert "the same bytes, the same evidence" in same.out
    weights = model / "model.onnx"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    found = json.loads(ada.ok("diff", repo, str(model), "--format", "json").out)
    assert [(one["path"], one["change"]) for one in found["files"]] == [("model.onnx", "changed")]
    assert "hubpolicy test PATH" in found["to_make_anew"]
    assert ada.type("diff", repo, str(model), "--exit-code").code == 1
    assert f"  hubpolicy attest {model} --repo {repo}\n" in ada.ok("diff", repo, str(model)).out
    assert ada.type("diff", f"{repo}@nowhere", str(model)).code == 3
    oid = ada.ok("audit", repo, "--format", "json").document["refs"][0]["oid"]
    assert ada.ok("diff", f"{repo}@{oid[:7]}", repo, "--exit-code").code == 0
    assert ada.type("verify", f"{repo}@{oid[:7]}").code == 0
    few = ada.type("verify", f"{repo}@{oid[:6]}")
    assert (few.code, "of a commit say 7 digits or more" in few.err) == (1, True), few.text
    unknown = ada.type("diff", f"{repo}@deadbee", str(model))
    assert (unknown.code, "expected all of it" in unknown.err) == (3, True), unknown.text
