# SPDX-License-Identifier: Apache-2.0
"""Files that changed while they were tested are named, not too many of them."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp416


@pytest.mark.parametrize(
    ("paths", "where", "message"),
    [
        (("a",), "", "1 files changed while they were tested: a"),
        (("a", "b", "c"), "", "3 files changed while they were tested: a, b, c"),
        (("a", "b", "c", "d"), "", "4 files changed while they were tested: a, b, c, ..."),
        (("a",), "on a worker's machine",
         "1 files changed on a worker's machine while they were tested: a"),
    ],
)  # fmt: skip
def test_what_changed_is_told(paths: tuple[str, ...], where: str, message: str) -> None:
    error = hp416.changed(paths, where)
    assert (error.message, error.rule, error.hint) == (message, hp416.ID, hp416.FIX)
