"""HP405: a named file is missing."""

from __future__ import annotations

from hubpolicy.core.layouts import Dangling
from hubpolicy.core.rules import hp405


def test_missing_and_unreadable() -> None:
    index = "model.safetensors.index.json"
    findings = hp405.check(
        (Dangling(index, "two.safetensors", "is not in the release"), Dangling(index, "", "is bad"))
    )
    assert [f.rule for f in findings] == ["HP405", "HP405"]
    assert f"{index} names 'two.safetensors', which is not in the release" in findings[0].message
    assert f"{index} is bad, so the model's files are not known" in findings[1].message
    assert all(f.location and f.location.path == index and f.fix for f in findings)
