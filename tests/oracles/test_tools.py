# SPDX-License-Identifier: Apache-2.0
"""What is missing is named, and in CI it fails."""

from __future__ import annotations

import pytest

from tests.oracles.tools import need, need_package


def test_what_is_missing_is_named_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    said = r"left out: no_such_thing \(make tools\)"
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=said):
        need_package("no_such_thing")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=said):
        need_package("no_such_thing")
    need_package("pytest")
    need(present=True, name="whatever")
