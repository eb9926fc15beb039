"""Gather the sources and the grammar into one tokenised training file and one test file.

``python -m training.screen.prepare --data DIR --out DIR`` writes ``train.npz``, ``val.jsonl`` and ``test.jsonl``.
The output holds rows of the sources: it stays outside the repository.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.screen.mixtures import joined, mixed
from training.screen.sources import SOURCES, Row, normalised, slurs
from training.screen.vocabulary import CONTENT_TOKENS, PREFIX, SUFFIX, build_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_CHARACTERS = 3


def gathered(data: Path, *, grammar: bool, seed: int, per_family: int) -> list[Row]:
    """Return all rows of all sources and, when ``grammar``, of the template families."""
    rows = [row for source in SOURCES for row in source(data) if len(row.text) >= MIN_CHARACTERS]
    if grammar:
        from training.screen.templates import generated

        rows.extend(generated(seed=seed, per_family=per_family, slurs=slurs(data)))
    return rows


def without_overlap(rows: Iterable[Row]) -> list[Row]:
    """Drop twins inside each part, and from train and val what is also in a test part."""
    rows = list(rows)
    tested = {normalised(row.text) for row in rows if row.part == "test"}
    seen: set[tuple[str, str]] = set()
    kept: list[Row] = []
    for row in rows:
        key = normalised(row.text)
        place = row.source if row.part == "test" else "train"
        if (place, key) in seen or (row.part != "test" and key in tested):
            continue
        seen.add((place, key))
        kept.append(row)
    return kept


def mixtures(rows: list[Row], options: argparse.Namespace) -> list[Row]:
    """Return mixtures of harmless rows and grammar, for train and val apart."""
    words = slurs(options.data)
    made: list[Row] = []
    for part, count in (("train", options.mixed), ("val", options.mixed // 20)):
        hosts = [row for row in rows if row.part == part]
        made.extend(mixed(hosts, count, options.seed + 1, words))
        made.extend(joined(hosts, count // 2, options.seed + 2))
    return made


def write_train(rows: list[Row], path: Path) -> None:
    """Write token ids (flat, with offsets), labels and weights; texts are cut at 128 tokens."""
    tokenizer = build_tokenizer()
    encoded = tokenizer.encode_batch([row.text for row in rows], add_special_tokens=False)
    lists = [[*PREFIX, *item.ids[:CONTENT_TOKENS], *SUFFIX] for item in encoded]
    np.savez(
        path,
        ids=np.concatenate([np.asarray(x, dtype=np.uint16) for x in lists]),
        lengths=np.asarray([len(x) for x in lists], dtype=np.int32),
        labels=np.asarray([row.label for row in rows], dtype=np.float32),
        weights=np.asarray([row.weight for row in rows], dtype=np.float32),
    )


def write_jsonl(rows: list[Row], path: Path) -> None:
    """Write rows of a val or test part, one JSON object a line."""
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            record = {"source": row.source, "label": row.label, "text": row.text}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--per-family", type=int, default=900)
    parser.add_argument("--mixed", type=int, default=6000, help="mixtures of either label")
    parser.add_argument("--no-grammar", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = without_overlap(
        gathered(
            options.data,
            grammar=not options.no_grammar,
            seed=options.seed,
            per_family=options.per_family,
        )
    )
    if not options.no_grammar:
        rows.extend(mixtures(rows, options))
    parts = {part: [r for r in rows if r.part == part] for part in ("train", "val", "test")}
    write_train(parts["train"], options.out / "train.npz")
    write_jsonl(parts["val"], options.out / "val.jsonl")
    write_jsonl(parts["test"], options.out / "test.jsonl")
    for part, members in parts.items():
        counts = Counter((row.source, row.label >= 0.5) for row in members)
        for (source, toxic), count in sorted(counts.items()):
            print(f"{part:6s} {source:24s} {'toxic' if toxic else 'benign':7s} {count}")


if __name__ == "__main__":
    main()
