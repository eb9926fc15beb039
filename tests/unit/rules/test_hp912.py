# SPDX-License-Identifier: Apache-2.0
"""HP912: the upload guard."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp912
from hubpolicy.domain.surroundings import UploadGuard

SITE = "/venv/lib/python3.11/site-packages"


@pytest.mark.parametrize("enabled", [True, False])
def test_whole_or_not_asked_for_is_fine(enabled: bool) -> None:
    assert hp912.check(UploadGuard(enabled, "", SITE)) == ()


def test_enabled_and_broken_is_an_error_that_says_where() -> None:
    (found,) = hp912.check(UploadGuard(True, "some of the guard's files are missing", SITE))
    assert (found.rule, found.severity.word) == ("HP912", "error")
    assert found.message == f"some of the guard's files are missing, in {SITE}"
    assert "hubpolicy guard enable" in found.fix
