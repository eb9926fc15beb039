# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.alike import together
from hubpolicy.domain.finding import Finding, Location, Severity

LINES = ".hubpolicy/release.intoto.jsonl"


def stranger(path: str, line: int = 0, *, key: str = "ab12", fix: str = "look") -> Finding:
    where = f"{path} line {line}" if line else path
    message = f"got key {key!r}, expected one of the trust root, in {where}"
    return Finding("HP302", Severity.ERROR, message, Location(path, line), fix)


def test_one_reason_is_told_once_with_its_places() -> None:
    many = (*(stranger(LINES, n) for n in (1, 2, 3)), stranger("model.sig"))
    (told,) = together(many)
    assert told.message == (
        f"got key 'ab12', expected one of the trust root, in 4 places: {LINES} lines 1-3, model.sig"
    )
    assert told._replace(message="") == many[0]._replace(message="")


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([(LINES, 1), (LINES, 2)], f"in 2 places: {LINES} lines 1-2"),
        ([(LINES, 1), (LINES, 3), (LINES, 4), (LINES, 5), (LINES, 9)],
         f"in 5 places: {LINES} lines 1, 3-5, 9"),
        ([("a", 1), ("b", 1)], "in 2 places: a line 1, b line 1"),
        ([(f"{n}", 1) for n in range(9)],
         "in 9 places: " + ", ".join(f"{n} line 1" for n in range(8)) + " and 1 more"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rule", ["HP302", "HP303", "HP701"])
def test_every_line_is_named_in_few_words(
    rule: str, places: list[tuple[str, int]], told: str
) -> None:
    many = tuple(stranger(path, line)._replace(rule=rule) for path, line in places)
    (one,) = together(many)
    assert one.message.endswith(told)


def test_a_copy_of_a_line_is_told_by_itself() -> None:
    copies = tuple(stranger(LINES, n)._replace(rule="HP305") for n in (2, 3))
    assert together(copies) == copies


def test_other_reasons_and_places_in_the_sentence_stay_apart() -> None:
    other = stranger(LINES, 2, key="cd34")
    named = Finding("HP412", Severity.ERROR, "a is not known", Location("a"), "look")
    alike = named._replace(location=Location("b"))
    less = stranger(LINES, 1)._replace(effect="inconclusive")
    mended = stranger(LINES, 3, fix="mend")
    apart = (
        stranger(LINES, 1),
        other,
        named,
        alike,
        less,
        mended,
        Finding("HP1", Severity.INFO, "x"),
    )
    assert together(apart) == apart
    assert together(()) == ()


def test_the_first_place_is_the_first_that_is_told() -> None:
    mixed = (stranger(LINES, 1), stranger(LINES, 2, key="cd34"), stranger("model.sig"))
    first, second = together(mixed)
    assert (first.location, second) == (Location(LINES, 1), mixed[1])
    assert first.message.endswith(f"in 2 places: {LINES} line 1, model.sig")
