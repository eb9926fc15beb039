"""HP904: the scorer."""

from __future__ import annotations

from hubpolicy.core.rules import hp904
from hubpolicy.domain.surroundings import ScorerBundle

GOOD = ScorerBundle("screen", "a" * 64, "a" * 64, "")


def test_the_pinned_scorer_and_one_that_nobody_pinned_yet() -> None:
    assert hp904.check([GOOD, GOOD._replace(pinned="")]) == ()


def test_another_digest_and_an_unreadable_bundle() -> None:
    other, broken = hp904.check(
        [GOOD._replace(pinned="b" * 64), GOOD._replace(problem="cannot read model.onnx")]
    )
    assert "aaaaaaaaaaaa" in other.message
    assert "bbbbbbbbbbbb" in other.message
    assert "cannot read model.onnx" in broken.message
