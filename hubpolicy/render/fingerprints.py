# SPDX-License-Identifier: Apache-2.0
"""What makes two results the same one, over runs: SARIF 2.1.0, §3.27.17 and appendix B.

Rule, file and sentence, without what changes while the problem stays: figures, times, and the line,
which moves with any edit above it (appendix B forbids it). A digest stays: an alert that somebody
dismissed was about those bytes, and other bytes are a new one. Results that are alike are counted,
as CodeQL does: ``hash:1``, ``hash:2``.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

OURS = "hubpolicyFinding/v1"
GITHUB = "primaryLocationLineHash"
"""The only one that code scanning takes. Where a result has a line its upload makes it of the file
itself, and complains of another; where there is none nobody makes it."""

_CHANGING = re.compile(
    r"\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?"  # a time
    r"|(?<![\w./-])\d[\d,_]*(?:\.\d+)?(?![\w-]|\.\w)"  # a figure, and no part of a name
)


def add_fingerprints(results: list[tuple[dict[str, Any], str]]) -> None:
    """Give each result its fingerprints. ``results``: with what was found, in words."""
    seen: Counter[str] = Counter()
    for result, message in results:
        physical = result["locations"][0]["physicalLocation"]
        same = (result["ruleId"], physical["artifactLocation"]["uri"], stable(message))
        digest = hashlib.sha256("\0".join(same).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        mark = f"{digest}:{seen[digest]}"
        result["partialFingerprints"] = {OURS: mark} | (
            {} if "region" in physical else {GITHUB: mark}
        )


def stable(message: str) -> str:
    """The sentence without what another run would say in another way."""
    return _CHANGING.sub("#", message)
