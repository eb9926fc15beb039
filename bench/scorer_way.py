# SPDX-License-Identifier: Apache-2.0
"""One way to score texts, in a process of its own, so that its memory is its own.

Started by ``bench.scorer``. Says when it is loaded; then each line on standard input is a round,
answered by one line of JSON: wall and CPU seconds, the peak of resident memory so far, scores.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIST = 32
"""How many texts a user of Detoxify hands over at a time."""
MIB = 1024

Row = tuple[dict[str, float], str]


def memory(field: str) -> int:
    """A line of this process's status (``VmHWM`` is the peak, ``VmRSS`` now) in MiB.

    Not ``ru_maxrss``: that one remembers the process that started this one.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) // MIB
    raise SystemExit(f"no {field} in /proc/self/status")


def detoxify(checkpoint: Path) -> Callable[[list[str]], list[Row]]:
    """Detoxify as its own loader makes it, offline: the base model is a folder of that name."""
    from detoxify import Detoxify

    os.chdir(checkpoint.parent)
    model = Detoxify(checkpoint=str(checkpoint))

    def score(texts: list[str]) -> list[Row]:
        rows: list[Row] = []
        for start in range(0, len(texts), LIST):
            found = model.predict(texts[start : start + LIST])
            columns = [value if isinstance(value, list) else [value] for value in found.values()]
            rows += [
                (dict(zip(found, row, strict=True)), "fp32") for row in zip(*columns, strict=True)
            ]
        return rows

    return score


def hubpolicy(bundle: Path) -> Callable[[list[str]], list[Row]]:
    """A bundle as ``hubpolicy test`` scores with it."""
    from hubpolicy.adapters.scorers.session import open_scorer

    scorer = open_scorer(bundle)

    def score(texts: list[str]) -> list[Row]:
        return [(dict(found.labels), found.precision) for found in scorer.score(texts)]

    return score


def peak() -> None:
    """Per line of standard input, the machine's best matrix products, in operations per second."""
    from bench.scorer_peak import probes

    made = probes()
    _say({})
    for _ in sys.stdin:
        _say({kind: max(probe() for probe in found) for kind, found in made.items()})


def rounds(way: str, place: Path, texts: list[str]) -> None:
    """Load, warm up, and do a round per line of standard input."""
    began = time.perf_counter()
    score = {"detoxify": detoxify, "hubpolicy": hubpolicy}[way](place)
    loaded = time.perf_counter() - began
    score(texts[:LIST])
    _say({"loaded": loaded, "rss": memory("VmHWM")})
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        rows = score(texts)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        _say({"wall": wall, "cpu": cpu, "rss": memory("VmHWM"), "rows": rows})


def stream(bundle: Path, count: int) -> None:
    """Score so many different texts; say how much memory is held on the way."""
    from hubpolicy.adapters.scorers.session import open_scorer

    scorer = open_scorer(bundle)
    marks = {count // 10, count // 2, count}
    began = time.perf_counter()
    missing = 0
    for number, score in enumerate(scorer.score(_different(count)), 1):
        missing += not score.labels
        if number in marks:
            seconds = time.perf_counter() - began
            _say({"texts": number, "rss": memory("VmRSS"), "s": seconds, "unscored": missing})


def _different(count: int) -> Iterator[str]:
    words = ("the", "old", "house", "near", "a", "river", "had", "small", "red", "doors", "that",
             "nobody", "in", "town", "would", "open")  # fmt: skip
    return (
        " ".join(words[(number * 7 + place * place) % len(words)] for place in range(length))
        + f" {number}"
        for number, length in ((number, 20 + number * 37 % 101) for number in range(count))
    )


def _say(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "stream":
        stream(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "peak":
        peak()
    else:
        rounds(sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_bytes()))
