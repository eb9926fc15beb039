# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp602
from hubpolicy.domain.finding import Severity, verdict_of


@pytest.mark.parametrize(
    ("refs", "words"),
    [
        (("refs/heads/main",), "acme/tern: 1 ref stands in the baseline alone"),
        (("refs/heads/main", "refs/tags/v1"), "acme/tern: 2 refs stand in the baseline alone"),
    ],
)
def test_what_was_adopted_is_remarked_and_never_blocks(refs: tuple[str, ...], words: str) -> None:
    found = hp602.check("acme/tern", refs)
    assert [finding.severity for finding in found] == [Severity.WARNING]
    assert found[0].message.startswith(words)
    assert "acme/tern" in found[0].fix
    assert verdict_of(found) == "passed"


def test_where_nothing_was_adopted_there_is_nothing_to_say() -> None:
    assert hp602.check("acme/tern", ()) == ()
