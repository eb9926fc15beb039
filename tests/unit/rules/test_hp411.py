"""HP411: a file cannot be read."""

from __future__ import annotations

from hubpolicy.core.rules import hp411


def test_inconclusive_with_the_reason() -> None:
    (finding,) = hp411.check([("secret.bin", "Permission denied")])
    assert (finding.rule, finding.effect) == ("HP411", "inconclusive")
    assert "secret.bin cannot be read (Permission denied)" in finding.message


def test_none() -> None:
    assert hp411.check(()) == ()
