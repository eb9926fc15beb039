"""HP404: LFS pointers whose content is not what stands there."""

from __future__ import annotations

from hubpolicy.core.rules import hp404


def test_a_broken_pointer_fails() -> None:
    (finding,) = hp404.check(["a b.bin"])
    assert (finding.rule, finding.effect) == ("HP404", "failed")
    assert "not a canonical LFS pointer" in finding.message
    assert "git add 'a b.bin'" in finding.fix


def test_an_unfetched_pointer_is_inconclusive() -> None:
    (finding,) = hp404.check([], ["m.safetensors"])
    assert (finding.rule, finding.effect) == ("HP404", "inconclusive")
    assert finding.fix == "git lfs pull"


def test_none() -> None:
    assert hp404.check([]) == ()
