# SPDX-License-Identifier: Apache-2.0
"""A claim that no text comes out has to hold too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp209
from tests.unit.rules.toxicity_values import NOT_APPLICABLE

if TYPE_CHECKING:
    from hubpolicy.domain.statement import ApplicabilityResult


def test_an_embedder_loaded_here_needs_no_toxicity_test() -> None:
    assert hp209.check(NOT_APPLICABLE, safety_approved=False) == ()


@pytest.mark.parametrize(
    ("claim", "effect"),
    [
        (NOT_APPLICABLE._replace(decision="generates-text"), "failed"),
        (NOT_APPLICABLE._replace(decision="generates-other"), "inconclusive"),
        (NOT_APPLICABLE._replace(decision="whatever"), "inconclusive"),  # type: ignore[arg-type]
        (NOT_APPLICABLE._replace(table="v0"), "inconclusive"),
        (NOT_APPLICABLE._replace(binding_level=3), "inconclusive"),
        (NOT_APPLICABLE._replace(binding_level=5), "inconclusive"),
        (NOT_APPLICABLE._replace(architecture=""), "inconclusive"),
        (NOT_APPLICABLE._replace(output_shape=()), "inconclusive"),
        (NOT_APPLICABLE._replace(output_shape=(1, 0)), "inconclusive"),
        (NOT_APPLICABLE._replace(architecture="MistralModel"), "pending"),
    ],
)
def test_claims_that_do_not_hold(claim: ApplicabilityResult, effect: str) -> None:
    (finding,) = hp209.check(claim, safety_approved=False)
    assert (finding.rule, finding.effect) == ("HP209", effect)


def test_a_decoder_passes_with_a_safety_approval_only() -> None:
    claim = NOT_APPLICABLE._replace(architecture="Qwen3Model")
    assert hp209.check(claim, safety_approved=True) == ()


def test_an_approval_does_not_mend_other_claims() -> None:
    claim = NOT_APPLICABLE._replace(decision="generates-text")
    assert hp209.check(claim, safety_approved=True)


def test_images_or_sound_by_another_table_are_tested_anew() -> None:
    """Table v1 took the author's word for it."""
    claim = NOT_APPLICABLE._replace(decision="generates-other")
    assert hp209.check(claim, safety_approved=False, stand_in=True) == ()
    (finding,) = hp209.check(claim._replace(table="v1"), safety_approved=False, stand_in=True)
    assert (finding.effect, finding.fix) == ("inconclusive", "hubpolicy test PATH")
    assert "got table 'v1', expected 'v2'" in finding.message
