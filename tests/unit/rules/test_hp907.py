"""HP907: the token."""

from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp907
from hubpolicy.domain.surroundings import Login


@pytest.mark.parametrize(
    ("login", "word"),
    [
        (Login("", "", ""), ""),
        (Login("ana", "read", ""), ""),
        (Login("ana", "fineGrained", ""), ""),
        (Login("ana", "write", ""), "warning"),
        (Login("ana", "", ""), "warning"),
        (Login("ana", "somethingNew", ""), "warning"),
        (Login("", "", "HTTP 401"), "error"),
    ],
)
def test_role(login: Login, word: str) -> None:
    assert [f.severity.word for f in hp907.check(login)] == ([word] if word else [])
