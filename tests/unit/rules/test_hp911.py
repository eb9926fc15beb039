# SPDX-License-Identifier: Apache-2.0
"""HP911: what the machine reserves, and for whom."""

from __future__ import annotations

from hubpolicy.core.rules import hp911
from hubpolicy.domain.surroundings import Reservations, ReservedName

OURS = ReservedName("acme", "", "")
THEIRS = ReservedName("other", "'other' is reserved for root 4bf5", "hubpolicy trust pin ...")


def test_ours_or_nothing_is_fine() -> None:
    assert hp911.check(Reservations(())) == ()
    assert hp911.check(Reservations((OURS, OURS))) == ()


def test_each_that_is_anothers_is_a_warning() -> None:
    found = hp911.check(Reservations((OURS, THEIRS, THEIRS)))
    assert [(f.severity.word, f.message, f.fix) for f in found] == [
        ("warning", THEIRS.problem, THEIRS.hint)
    ] * 2


def test_what_cannot_be_read_is_an_error() -> None:
    (found,) = hp911.check(Reservations((), problem="line 3"))
    assert (found.severity.word, "line 3" in found.message) == ("error", True)


def test_names_of_the_team_that_nobody_reserves_are_mentioned() -> None:
    (found,) = hp911.check(Reservations((OURS,), ("acme-labs", "acme-x"), "4bf5"))
    assert found.severity.word == "info"
    assert "acme-labs, acme-x" in found.message
    assert found.fix == "git config --system hubpolicy.acme-labs.pin 4bf5"
