# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

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
        f"got key 'ab12', expected one of the trust root, in 4 places: {LINES} line 1, "
        f"{LINES} line 2, {LINES} line 3 and 1 more"
    )
    assert told._replace(message="") == many[0]._replace(message="")


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
