# SPDX-License-Identifier: Apache-2.0
"""The card rules, in the order of their ids. Ids are never reused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules import (
    hp101,
    hp102,
    hp103,
    hp104,
    hp105,
    hp106,
    hp107,
    hp108,
    hp109,
    hp110,
    hp111,
    hp112,
    hp113,
    hp114,
    hp115,
    hp116,
)

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import RuleModule

RULES: tuple[RuleModule, ...] = (
    hp101,
    hp102,
    hp103,
    hp104,
    hp105,
    hp106,
    hp107,
    hp108,
    hp109,
    hp110,
    hp111,
    hp112,
    hp113,
    hp114,
    hp115,
    hp116,
)
