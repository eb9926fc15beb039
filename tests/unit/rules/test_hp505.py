# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp505
from hubpolicy.domain.finding import verdict_of


def test_what_is_under_embargo_does_not_become_public() -> None:
    (found,) = hp505.check("refs/heads/main (41c7d0a1b2c3)", embargoed=True)
    assert found.rule == "HP505"
    assert (
        "the card at refs/heads/main (41c7d0a1b2c3) says license_name: pre-release" in found.message
    )
    assert "push it, then publish" in found.fix
    assert verdict_of((found,)) == "failed"


def test_any_other_licence_is_no_matter_of_this_rule() -> None:
    assert hp505.check("./model", embargoed=False) == ()
