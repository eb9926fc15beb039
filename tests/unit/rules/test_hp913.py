# SPDX-License-Identifier: Apache-2.0
"""HP913: which hubs are behind one's gateways."""

from __future__ import annotations

from hubpolicy.core.rules import hp913
from hubpolicy.domain.surroundings import Asked

GATE, HUB = "https://gate.example", "https://huggingface.co"


def test_a_hub_or_a_gateway_is_fine() -> None:
    assert hp913.check(Asked(HUB, ""), "") == ()
    assert hp913.check(Asked(HUB, "")) == hp913.check(Asked(GATE, HUB)) == ()


def test_a_file_that_cannot_be_read_is_an_error_that_says_what_to_write() -> None:
    (found,) = hp913.check(Asked(GATE, "", "got 'x', expected two addresses", "[gateways]"))
    assert (found.rule, found.severity.word) == ("HP913", "error")
    assert (found.message, found.fix) == ("got 'x', expected two addresses", "[gateways]")


def test_a_hub_that_does_not_answer_is_unknown_and_not_fine() -> None:
    (found,) = hp913.check(Asked(HUB, ""), "ConnectError: refused")
    assert (found.severity.word, found.effect) == ("warning", "inconclusive")
    assert found.message == f"not reached: {HUB} (ConnectError: refused)"
    assert "--offline" in found.fix
