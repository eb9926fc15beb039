# SPDX-License-Identifier: Apache-2.0
"""Compares a bundle with Detoxify's own ``predict``, text by text and label by label.

The reference is the package ``detoxify`` itself around the network that was read safely: its own
loader would unpickle with code, and asks the Hub even when it is given a folder.
"""

from __future__ import annotations

import hashlib
import math
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.core.records import format_probability, is_toxic
from hubpolicy.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.adapters.scorers.session import BundleScorer

TEXTS = ("scorers", "parity.jsonl")
FP32_LIMIT = "0.0001"
"""Largest difference of any score between the fp32 graph and Detoxify."""

INT8_LIMIT = "0.25"
"""Largest difference of any score that an int8 graph may have by default."""

_LEAST_WITHIN, _MARGIN, _MOST_WITHIN = Decimal("0.05"), Decimal("1.5"), Decimal("0.99")
_CHUNK = 16

Scores = tuple[tuple[float, ...], ...]
"""One row per text, one column per label."""


class Difference(NamedTuple):
    """How far scores are from Detoxify's: over ``texts`` texts; ``flips`` = other decisions."""

    texts: int
    largest: float
    mean: float
    flips: int

    def table(self) -> dict[str, object]:
        """As ``scorer.json`` has it."""
        return {
            "texts": self.texts,
            "largest_difference": f"{self.largest:.7f}",
            "mean_difference": f"{self.mean:.7f}",
            "flips": self.flips,
        }


class TextSet(NamedTuple):
    """Texts that both can score whole, and the sha256 of exactly these."""

    texts: tuple[str, ...]
    sha256: str


def text_set(languages: tuple[str, ...]) -> TextSet:
    """The shipped texts in the languages of a scorer, and some of odd lengths."""
    from hubpolicy.adapters import assets

    what = TEXTS[-1]
    rows = [strictjson.parse(line, what=what) for line in assets.read(*TEXTS).splitlines() if line]
    own = [row["text"] for row in rows if row["lang"] in languages]
    ladder = [" ".join(own[start::7])[:length] for start, length in enumerate((40, 150, 400, 900))]
    texts = tuple(dict.fromkeys((*own, *ladder)))
    return TextSet(texts, hashlib.sha256("\0".join(texts).encode("utf-8")).hexdigest())


def detoxify_scores(
    network: Any,
    tokenizer: Any,
    classes: tuple[str, ...],
    labels: tuple[str, ...],
    texts: Sequence[str],
) -> Scores:
    """What ``Detoxify.predict`` says, in lists of 16 as a user would ask, labels by name."""
    from detoxify import Detoxify

    reference = Detoxify.__new__(Detoxify)
    reference.model, reference.tokenizer = network, tokenizer
    reference.class_names, reference.device = list(classes), "cpu"
    rows: list[tuple[float, ...]] = []
    for start in range(0, len(texts), _CHUNK):
        chunk = list(texts[start : start + _CHUNK])
        found = reference.predict(chunk)
        # A list of one comes back as a bare number.
        by_label = [found[label] if len(chunk) > 1 else [found[label]] for label in labels]
        rows += list(zip(*by_label, strict=True))
    return tuple(rows)


def bundle_scores(scorer: BundleScorer, texts: Sequence[str]) -> Scores:
    """What a bundle says.

    Raises:
        VerificationError: a text gets no score.

    """
    rows = []
    for text, score in zip(texts, scorer.score(texts), strict=True):
        if not score.labels or not all(math.isfinite(value) for _, value in score.labels):
            message = f"got no score for {text[:60]!r}, expected one as Detoxify gives"
            raise VerificationError(message)
        rows.append(tuple(value for _, value in score.labels))
    return tuple(rows)


def compare(
    got: Scores, want: Scores, labels: tuple[str, ...], thresholds: tuple[tuple[str, str], ...]
) -> Difference:
    """Differences over all texts and labels.

    Raises:
        MalformedError: there is nothing to compare.

    """
    if not want or len(got) != len(want):
        message = f"got {len(got)} scored texts, expected {len(want)} and not none"
        raise MalformedError(message)
    gaps = [abs(a - b) for row, other in zip(got, want, strict=True)
            for a, b in zip(row, other, strict=True)]  # fmt: skip
    flips = sum(
        _decision(row, labels, thresholds) != _decision(other, labels, thresholds)
        for row, other in zip(got, want, strict=True)
    )
    return Difference(len(want), max(gaps), math.fsum(gaps) / len(gaps), flips)


def refuse_far(found: Difference, limit: str, precision: str) -> None:
    """The limit is stated before, and kept.

    Raises:
        VerificationError: the largest difference is above it.

    """
    if not found.largest <= float(limit):
        message = (
            f"got scores up to {found.largest:.6f} away from Detoxify's ({found.flips} of "
            f"{found.texts} decisions differ), expected at most {limit}, from the {precision} graph"
        )
        hint = "--precision fp32 writes a bundle without int8" if precision == "int8" else ""
        raise VerificationError(message, hint=hint)


def recheck_within(found: Difference) -> str:
    """How near a threshold an int8 score has to be scored again in fp32, a decimal string.

    One and a half times the largest difference that was seen, since others were not: at least
    0.05, rounded up to two decimals.
    """
    wanted = Decimal(repr(found.largest)) * _MARGIN
    rounded = wanted.quantize(Decimal("0.01"), rounding=ROUND_CEILING)
    return str(min(max(rounded, _LEAST_WITHIN), _MOST_WITHIN))


def _decision(
    row: tuple[float, ...], labels: tuple[str, ...], thresholds: tuple[tuple[str, str], ...]
) -> bool:
    written = tuple(zip(labels, map(format_probability, row), strict=True))
    return is_toxic(written, thresholds)
