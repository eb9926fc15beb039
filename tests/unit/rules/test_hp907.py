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


@pytest.mark.parametrize("login", [Login("ana", "write", ""), Login("", "", "HTTP 401")])
def test_a_login_is_no_mend_while_a_variable_holds_the_token(login: Login) -> None:
    (stored,) = hp907.check(login)
    (held,) = hp907.check(login._replace(variable="HF_TOKEN"))
    assert stored.fix.startswith("hf auth login, with")
    assert held.fix.startswith("export HF_TOKEN=TOKEN, with")
