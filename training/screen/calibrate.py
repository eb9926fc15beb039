"""Choose the point of decision on the validation part and put it at 0.5.

Two demands on the raw logit's cut: not more than the allowed false alarms on neutral text, and the best mean of
sensitivity and specificity over the labelled sources. The higher cut wins.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import torch

from training.screen.vocabulary import CONTENT_TOKENS, PREFIX, SUFFIX, build_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from training.screen.model import ScreenModel

NEUTRAL_SOURCES = ("wiki", "wiki_parent")
# About 1 % of the neutral sources is toxic after all, and alarms there are right.
NEUTRAL_ALARMS = 0.014
NEUTRAL_SAMPLE = 1500
WEAK_SOURCES = ("spans",)


def read_jsonl(path: Path) -> list[dict[str, object]]:
    """Return the rows of a val or test file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def raw_logits(model: ScreenModel, texts: list[str]) -> NDArray[np.float64]:
    """Return the fp32 logits of ``texts``, each cut at the window, in batches of like length."""
    encoded = build_tokenizer().encode_batch(texts, add_special_tokens=False)
    ids = [[*PREFIX, *item.ids[:CONTENT_TOKENS], *SUFFIX] for item in encoded]
    logits = np.zeros(len(texts))
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(order), 32):
            rows = order[start : start + 32]
            width = max(len(ids[i]) for i in rows)
            block = torch.tensor([ids[i] + [0] * (width - len(ids[i])) for i in rows])
            logits[rows] = model(block, (block != 0).long())[:, 0].float().numpy()
    return logits


def best_cut(
    logits: NDArray[np.float64], toxic: NDArray[np.bool_], source: NDArray[np.str_]
) -> float:
    """Return the cut with the best balanced accuracy, averaged over the sources."""
    named = [n for n in np.unique(source) if n not in (*NEUTRAL_SOURCES, *WEAK_SOURCES)]
    names = [n for n in named if 0 < toxic[source == n].mean() < 1]
    cuts = np.quantile(logits, np.linspace(0.05, 0.95, 181))

    def balanced(cut: float) -> float:
        scores = []
        for name in names:
            here = source == name
            hits = logits[here] >= cut
            scores.append((hits[toxic[here]].mean() + (~hits[~toxic[here]]).mean()) / 2)
        return float(np.mean(scores))

    return float(max(cuts, key=balanced))


def calibration(
    score: Callable[[list[str]], NDArray[np.float64]], path: Path
) -> tuple[float, float]:
    """Return (scale, shift) for the logit that ``score`` gives: the cut goes to 0, the slope follows the validation loss."""
    rows = read_jsonl(path)
    neutral = [row for row in rows if row["source"] in NEUTRAL_SOURCES][:NEUTRAL_SAMPLE]
    rows = [row for row in rows if row["source"] not in NEUTRAL_SOURCES] + neutral
    logits = score([str(row["text"]) for row in rows])
    toxic = np.asarray([float(str(row["label"])) >= 0.5 for row in rows])
    names = (str(row["source"]).split(":")[0] for row in rows)
    source = np.asarray(list(names))
    alarms = np.quantile(logits[np.isin(source, NEUTRAL_SOURCES)], 1 - NEUTRAL_ALARMS)
    cut = max(best_cut(logits, toxic, source), float(alarms))
    print(
        json.dumps({"cut": cut, "best": best_cut(logits, toxic, source), "alarms": float(alarms)})
    )
    kept = ~np.isin(source, NEUTRAL_SOURCES)
    centred, sign = logits[kept] - cut, np.where(toxic[kept], 1.0, -1.0)
    slopes = np.linspace(0.3, 2.0, 35)
    scale = float(min(slopes, key=lambda a: np.logaddexp(0, -a * centred * sign).mean()))
    return scale, -scale * cut
