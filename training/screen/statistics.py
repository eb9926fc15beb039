"""Figures of a scorer on a labelled set: ROC-AUC, sensitivity, specificity, exact intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scipy.stats import beta, rankdata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Share(NamedTuple):
    """A share ``hits / n`` with its two-sided 95 % Clopper-Pearson interval."""

    hits: int
    n: int
    low: float
    high: float


def share(hits: int, n: int, confidence: float = 0.95) -> Share:
    """Return the share with its exact interval; ``n`` = 0 gives the interval [0, 1]."""
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return Share(hits, n, low, high)


def roc_auc(scores: NDArray[np.float64], toxic: NDArray[np.bool_]) -> float | None:
    """Return the chance that a toxic text outscores a benign one, ties half; None with one class."""
    positives, negatives = int(toxic.sum()), int((~toxic).sum())
    if not positives or not negatives:
        return None
    ranks = rankdata(scores)
    excess = ranks[toxic].sum() - positives * (positives + 1) / 2
    return float(excess / (positives * negatives))


def figures(
    scores: NDArray[np.float64], toxic: NDArray[np.bool_], threshold: float
) -> dict[str, object]:
    """Return n, AUC, sensitivity and specificity at ``threshold`` with intervals, as decimal strings."""
    flagged = scores >= threshold
    auc = roc_auc(scores, toxic)
    found = share(int(flagged[toxic].sum()), int(toxic.sum()))
    passed = share(int((~flagged[~toxic]).sum()), int((~toxic).sum()))
    return {
        "n": len(scores),
        "toxic": found.n,
        "auc": None if auc is None else f"{auc:.3f}",
        "sensitivity": _text(found),
        "sensitivity_95": _interval(found),
        "specificity": _text(passed),
        "specificity_95": _interval(passed),
    }


def _text(value: Share) -> str | None:
    return f"{value.hits / value.n:.3f}" if value.n else None


def _interval(value: Share) -> list[str] | None:
    return [f"{value.low:.3f}", f"{value.high:.3f}"] if value.n else None
