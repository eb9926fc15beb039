# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp511
from hubpolicy.domain.finding import verdict_of


def test_what_no_release_holds_is_named_and_was_not_evaluated() -> None:
    (finding,) = hp511.check("acme/m", ["a.safetensors", "b", "c", "d"], "submit it")
    assert finding.message.startswith("a.safetensors, b, c and 1 more: no release for acme/m")
    assert finding.fix == "submit it"
    assert verdict_of((finding,)) == "inconclusive"


def test_where_nothing_is_missing_there_is_nothing_to_say() -> None:
    assert hp511.check("acme/m", (), "x") == ()
