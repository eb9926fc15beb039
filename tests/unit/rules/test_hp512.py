# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp512


@pytest.mark.parametrize(
    ("repo", "found"),
    [
        ("acme-dev/m", True),
        ("acme/m", False),
        ("acme-dev2/m", False),
        ("acme/acme-dev", False),
    ],
)
def test_only_workspaces_are_kept(repo: str, found: bool) -> None:
    findings = hp512.check(repo, ("acme-dev", "lab"))
    assert bool(findings) is found
    assert all("NAMESPACE/m" in finding.fix for finding in findings)


def test_without_workspaces_nothing_is_kept() -> None:
    assert hp512.check("acme/m", ()) == ()
