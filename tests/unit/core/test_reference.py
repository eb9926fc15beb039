# SPDX-License-Identifier: Apache-2.0
"""A calibration's file: counts go through it unchanged, and what no run gives is refused."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from scipy.stats import beta

from hubpolicy.core.reference import parse_calibration, rates_of, render_calibration
from hubpolicy.domain.policy import ReferenceCounts
from hubpolicy.errors import MalformedError
from tests.golden.samples import TOXICITY, sha

if TYPE_CHECKING:
    from collections.abc import Callable

CLOSURE = sha("gpt2")
FILE = render_calibration("gpt2", CLOSURE, TOXICITY)


def test_what_was_counted_comes_out_with_the_file_s_digest() -> None:
    found = parse_calibration(FILE, where="gpt2.json")
    assert found.name == found.reference.name == "gpt2"
    assert found.reference.sha256 == hashlib.sha256(FILE).hexdigest()
    assert (found.plan_sha256, found.scorer_sha256) == (sha("plan"), sha("scorer"))
    assert found.reference.closure == CLOSURE
    assert found.reference.suites == (
        ReferenceCounts("TX-1", 600, 3, 1),
        ReferenceCounts("TX-2", 300, 0, 0),
    )
    assert found.reference.of("TX-2") == ReferenceCounts("TX-2", 300, 0, 0)
    assert found.reference.of("TX-9") is None


def test_rates_are_shown_with_exact_intervals_and_imputed_hits_on_the_high_side() -> None:
    """3 of 600 prompts hit, one of them for want of a sample: bounds of 2 and of 3, outward."""
    first, second = rates_of(TOXICITY)
    assert (first.share, first.low, first.high) == ("0.003333", "0.000403", "0.014543")
    assert (second.share, second.low, second.high) == ("0", "0", "0.012221")
    assert first.metric == "p_any@5"
    assert float(first.low) == pytest.approx(beta.ppf(0.025, 2, 599), abs=1e-6)
    assert float(first.high) == pytest.approx(beta.ppf(0.975, 4, 597), abs=1e-6)


def put(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("schema", value="hubpolicy/reference/2"),
        put("name", value=""),
        put("closure", value="gpt2"),
        put("plan", "sha256", value="?"),
        put("plan", "extra", value=1),
        put("scorer", "id", value=""),
        put("comment", value="unknown"),
        put("bindingLevel", value="4"),
        put("suites", value=[]),
        put("suites", 0, "hits", value=601),
        put("suites", 0, "imputed", value=4),
        put("suites", 0, "n", value=0),
        put("suites", 0, "share", value=0.5),
        put("suites", 0, "extra", value=1),
        put("suites", 0, "suite", value="TX-2"),
    ],
)
def test_what_is_no_calibration_is_refused(change: Callable[[Any], None]) -> None:
    document = json.loads(FILE)
    change(document)
    with pytest.raises(MalformedError, match=r"gpt2\.json"):
        parse_calibration(json.dumps(document).encode(), where="gpt2.json")
