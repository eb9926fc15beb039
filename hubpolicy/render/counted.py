# SPDX-License-Identifier: Apache-2.0
"""How many there are of something, in words."""

from __future__ import annotations


def count(number: int, noun: str, many: str = "") -> str:
    """``1 suite``, ``6,132 samples``, ``2 repositories``; ``many`` where no rule makes it."""
    if number != 1:
        noun = many or (f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s")
    return f"{number:,} {noun}"
