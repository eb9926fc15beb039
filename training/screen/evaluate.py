"""Judge the shipped int8 file on the held-out parts, beside a word list, and write the figures down.

``python -m training.screen.evaluate --bundle BUNDLE --data DIR --prepared DIR [--full FP32.onnx]`` writes
``training/screen/metrics.json``, the summary in ``scorer.json`` and the tables in the bundle's ``README.md``.
Every text is scored alone (batch 1), in overlapping windows, the highest window counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from training.screen.calibrate import read_jsonl
from training.screen.card import write_tables
from training.screen.sources import normalised
from training.screen.statistics import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

HERE = Path(__file__).parent
THRESHOLD = 0.5
PROSE_SENTENCES = 2000
FAMILY_CAP = 120


class BundleScorer:
    """Score texts with a bundle as the product does: alone, at exact length, in windows."""

    def __init__(self, bundle: Path, graph: Path | None = None) -> None:
        """Load ``bundle``; ``graph`` replaces its model file (to compare precisions)."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.description = json.loads((bundle / "scorer.json").read_text(encoding="utf-8"))
        self.tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        path = str(graph or bundle / "model.onnx")
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        kinds = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}
        self.kind = kinds[self.session.get_inputs()[0].type]

    def score(self, text: str) -> float:
        """Return the highest probability over the windows of ``text``."""
        size = self.description["window"]["tokens"]
        step = size - self.description["window"]["overlap"]
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        starts = range(0, max(1, len(ids) - self.description["window"]["overlap"]), step)
        return max(self._window(ids[start : start + size]) for start in starts)

    def _window(self, ids: list[int]) -> float:
        whole = np.asarray(
            [[*self.description["prefix"], *ids, *self.description["suffix"]]], dtype=self.kind
        )
        feed = {"input_ids": whole, "attention_mask": np.ones_like(whole)}
        logit = float(self.session.run(["logits"], feed)[0][0, 0])
        return 1 / (1 + float(np.exp(-logit)))

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the scores of ``texts``, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            return np.asarray(list(pool.map(self.score, texts)))


class LabelledSet(NamedTuple):
    """Texts and whether each is toxic."""

    texts: tuple[str, ...]
    toxic: NDArray[np.bool_]


@cache
def listed_words(data: Path) -> re.Pattern[str]:
    """Return a pattern of the LDNOOBW English list, as whole words."""
    words = (data / "ldnoobw/en").read_text(encoding="utf-8").split("\n")
    return re.compile(
        r"\b(" + "|".join(re.escape(w) for w in words if w.strip()) + r")\b", re.IGNORECASE
    )


def python_prose() -> LabelledSet:
    """Return neutral sentences that ship with Python: its language reference."""
    text = " ".join(re.sub(r"\s+", " ", topics[name]) for name in sorted(topics))
    found = re.findall(r"[A-Z][A-Za-z ,;'()-]{40,200}\.(?= )", text)
    kept = tuple(dict.fromkeys(found))[:PROSE_SENTENCES]
    return LabelledSet(kept, np.zeros(len(kept), dtype=bool))


def labelled_sets(path: Path, cap: int) -> dict[str, LabelledSet]:
    """Return the test sets by name; our functional families also as two wholes."""
    sets: dict[str, list[dict[str, object]]] = {}
    for row in read_jsonl(path):
        source = str(row["source"])
        sets.setdefault(source, []).append(row)
        if ":" in source:
            sets.setdefault(source.split(":", maxsplit=1)[0], []).append(row)
    found = {}
    for name, rows in sorted(sets.items()):
        limit = min(cap, FAMILY_CAP) if ":" in name else cap
        picked = sorted(rows, key=lambda r: hash_of(str(r["text"])))[:limit]
        toxic = np.asarray([float(str(r["label"])) >= THRESHOLD for r in picked])
        found[name] = LabelledSet(tuple(str(r["text"]) for r in picked), toxic)
    return found


def hash_of(text: str) -> str:
    """Return a stable order key of a text."""
    import hashlib

    return hashlib.sha256(normalised(text).encode()).hexdigest()


def judged(scorer: BundleScorer, sets: dict[str, LabelledSet], data: Path) -> dict[str, object]:
    """Return the figures of the scorer and of the word list for every set."""
    words = listed_words(data)
    report: dict[str, object] = {}
    for name, one in sets.items():
        scores = scorer.scores(one.texts)
        listed = np.asarray([float(len(words.findall(text))) for text in one.texts])
        report[name] = {
            "screen": figures(scores, one.toxic, THRESHOLD),
            "word_list": figures(listed, one.toxic, 1.0),
        }
        print(name, json.dumps(report[name]), flush=True)
    return report


def precision_gap(
    bundle: BundleScorer, full: BundleScorer, texts: Sequence[str]
) -> dict[str, object]:
    """Return how far int8 scores are from fp32 scores, and how many decisions flip."""
    small, large = bundle.scores(texts), full.scores(texts)
    gap = np.abs(small - large)
    flips = int(((small >= THRESHOLD) != (large >= THRESHOLD)).sum())
    return {
        "n": len(texts),
        "max_delta": f"{gap.max():.4f}",
        "p99_delta": f"{np.quantile(gap, 0.99):.4f}",
        "mean_delta": f"{gap.mean():.4f}",
        "flips": flips,
    }


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--full", type=Path, default=None)
    parser.add_argument("--cap", type=int, default=4000)
    parser.add_argument("--dry", action="store_true", help="print only, write nothing")
    options = parser.parse_args()
    scorer = BundleScorer(options.bundle)
    sets = labelled_sets(options.prepared / "test.jsonl", options.cap)
    sets["python_prose"] = python_prose()
    report: dict[str, object] = {
        "environment": {"onnxruntime": ort.__version__, "machine": platform.machine()},
        "threshold": str(THRESHOLD),
        "cap": options.cap,
        "sets": judged(scorer, sets, options.data),
    }
    if options.full:
        texts = [t for name, one in sets.items() if ":" not in name for t in one.texts[:200]]
        full = BundleScorer(options.bundle, options.full)
        report["int8_against_fp32"] = precision_gap(scorer, full, texts)
        print(report["int8_against_fp32"])
    if not options.dry:
        text = json.dumps(report, indent=1) + "\n"
        (HERE / "metrics.json").write_text(text, encoding="utf-8")
        write_tables(report, options.bundle)


if __name__ == "__main__":
    main()
