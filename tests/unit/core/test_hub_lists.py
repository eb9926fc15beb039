# SPDX-License-Identifier: Apache-2.0
"""Of a list that was made with another's login, what somebody may see."""

from __future__ import annotations

from typing import Any

import pytest

from hubpolicy.core.hub_lists import people, seen_by

OWN = {"id": "acme/own", "private": True}
OPEN = {"id": "bob/open", "private": False}
PAPER = {"id": "2404.1", "type": "paper"}


@pytest.mark.parametrize(
    "hidden",
    [
        {"id": "bob/secret", "private": True},
        {"id": "bob/secret"},
        {"id": "bob/secret", "private": "false"},
        {"id": "bob/secret", "type": "space", "private": None},
        {"id": "bob/talk", "type": "collection", "private": True},
        {"id": ["acme/own"]},
        {"private": True},
        "bob/secret",
    ],
)
def test_what_is_private_and_not_for_them_is_left_out(hidden: Any) -> None:
    listed = [OWN, hidden, OPEN, PAPER]
    for value, seen in (
        (listed, [OWN, OPEN, PAPER]),
        ({"slug": "acme/c", "items": listed}, {"slug": "acme/c", "items": [OWN, OPEN, PAPER]}),
    ):
        assert seen_by(value, lambda name: name.startswith("acme/")) == seen


def test_of_anything_else_an_error_is_left() -> None:
    said = {"error": "no such collection"}
    for value in (said, said | {"models": [OWN]}, said | {"message": [OWN]}):
        assert seen_by(value, lambda _: True) == people(value) == said
    assert seen_by("acme/own", lambda _: True) == people(7) == {}


def test_of_people_nothing_but_who_they_are() -> None:
    ada = {"user": "ada", "fullname": "Ada", "type": "user"}
    assert people([ada | {"email": "ada@acme.example", "role": "admin"}, "x"]) == [ada]
