# SPDX-License-Identifier: Apache-2.0
"""Scoring: texts per second and peak memory, beside ``Detoxify.predict`` on the same weights.

Detoxify gets lists of 32, as a user would call it; hubpolicy gets all at once, as in a run. All in
one run: every way is a process of its own (so that its memory is its own), all are loaded, and
rounds go in turns; best of each. Texts have 20 to 120 tokens, evenly. Beside it stand the machine's
own matrix products, measured in the same rounds: what scoring could reach if nothing else took
time. At the end, so many texts on a small model that memory would show if anything were kept.

    python -m bench.scorer --cache ~/.cache/hubpolicy-bench
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from bench.scorer_models import SHAPES, Subject, continuations, prepare

ROOT = Path(__file__).resolve().parent.parent
FP32, INT8, BOTH = "hubpolicy fp32", "hubpolicy int8", "hubpolicy int8, fp32 near"
DETOXIFY, PEAK = "Detoxify.predict", "matrix products"
TARGETS = {FP32: 2.0, INT8: 6.0}
PARITY = 1e-4
GROWTH = 16
"""MiB that resident memory may grow between the middle and the end of a long run."""


class Best(NamedTuple):
    """Of all rounds: the shortest times, the highest memory; scores by label, and by which graph.

    Times are in seconds, memory in MiB.
    """

    wall: float
    cpu: float
    rss: int
    loaded: float
    rows: list[tuple[dict[str, float], str]]


class Way:
    """A process that does a round when it is told."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.scorer_way", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
                 "TQDM_DISABLE": "1"},
        )  # fmt: skip
        self.rounds: list[dict[str, Any]] = []
        self.ready = self._answer()

    def round(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.rounds.append(self._answer())

    def best(self) -> Best:
        return Best(
            min(one["wall"] for one in self.rounds),
            min(one["cpu"] for one in self.rounds),
            max(one["rss"] for one in self.rounds),
            self.ready["loaded"],
            self.rounds[0]["rows"],
        )

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self.process.args))} ended")  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(line)
        return answer


def main() -> int:
    """Make what is missing, measure, print tables and targets."""
    arguments = _parse()
    with tempfile.TemporaryDirectory(prefix="hubpolicy-bench-") as scratch:
        cache = Path(arguments.cache or scratch).expanduser().resolve()
        cache.mkdir(parents=True, exist_ok=True)
        lines: list[tuple[str, float, float, bool]] = []
        for name in arguments.shapes.split(",") if arguments.shapes else ():
            subject = prepare(name, cache)
            lines += _measure(subject, arguments, Path(scratch) / "texts.json")
        if arguments.count:
            lines += _stream(prepare("original", cache, tiny=True), arguments.count)
    print("\ntargets")
    for title, got, target, met in lines:
        print(f"  {title:58}{got:10.6g}   target {target:<8g} {'met' if met else 'MISSED'}")
    return 1 if arguments.strict and not all(line[3] for line in lines) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="which, by commas; '' = none")
    parser.add_argument("--texts", type=int, default=96, help="texts per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=100_000, help="texts of the long run; 0 = no")
    parser.add_argument("--cache", default=None, help="where the models stay (2.5 GB per shape)")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a target is missed")
    return parser.parse_args()


def _measure(
    subject: Subject, arguments: argparse.Namespace, place: Path
) -> list[tuple[str, float, float, bool]]:
    texts, lengths = continuations(subject.bundles["fp32"], arguments.texts)
    place.write_text(json.dumps(texts), encoding="utf-8")
    ways = {
        DETOXIFY: Way("detoxify", str(subject.checkpoint), str(place)),
        FP32: Way("hubpolicy", str(subject.bundles["fp32"]), str(place)),
        INT8: Way("hubpolicy", str(subject.bundles["int8"]), str(place)),
        BOTH: Way("hubpolicy", str(subject.bundles["both"]), str(place)),
        PEAK: Way("peak"),
    }
    for _ in range(arguments.rounds):
        for way in ways.values():
            way.round()
    peak = {kind: max(r[kind] for r in ways[PEAK].rounds) for kind in ("fp32", "int8")}
    for way in ways.values():
        way.close()
    best = {name: way.best() for name, way in ways.items() if name != PEAK}
    work = sum(subject.operations(length) for length in lengths)
    _print(subject.name, best, lengths, work, peak)
    return _targets(subject.name, best)


def _print(
    name: str, best: dict[str, Best], lengths: list[int], work: int, peak: dict[str, float]
) -> None:
    count, base = len(lengths), best[DETOXIFY]
    mean = sum(lengths) / count
    print(f"\n{name}: {count} texts of {min(lengths)} to {max(lengths)} tokens, mean {mean:.1f}, "
          f"{work / count / 1e9:.1f} GFLOP each; load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(f"  {'way':28}{'texts/s':>9}{'ratio':>7}{'CPU ratio':>11}{'of peak':>9}{'MiB':>7}"
          f"{'load s':>8}{'max delta':>11}")  # fmt: skip
    for title, found in best.items():
        share = work / found.wall / peak["int8" if title == INT8 else "fp32"]
        of_peak = "" if title == BOTH else f"{share:.0%}"
        print(f"  {title:28}{count / found.wall:9.2f}{base.wall / found.wall:7.2f}"
              f"{base.cpu / found.cpu:11.2f}{of_peak:>9}{found.rss:7}{found.loaded:8.1f}"
              f"{_delta(found, base):11.1e}")  # fmt: skip
    again = sum(row[1] == "fp32" for row in best[BOTH].rows)
    rates = " and ".join(f"{kind} {rate / 1e9:.0f}" for kind, rate in peak.items())
    limits = " and ".join(f"{rate * base.wall / work:.1f} x" for rate in peak.values())
    print(f"  {PEAK}: {rates} GFLOP/s, which would be {limits} Detoxify")
    print(f"  {again} of {count} texts were near the threshold and scored again", flush=True)


def _delta(found: Best, base: Best) -> float:
    return max(
        abs(value - theirs[label])
        for (ours, _), (theirs, _) in zip(found.rows, base.rows, strict=True)
        for label, value in ours.items()
    )


def _targets(name: str, best: dict[str, Best]) -> list[tuple[str, float, float, bool]]:
    base, lines = best[DETOXIFY], []
    for title, target in TARGETS.items():
        ratio = base.wall / best[title].wall
        lines.append((f"{name}: {title} against Detoxify (x)", ratio, target, ratio >= target))
    delta = _delta(best[FP32], base)
    lines.append((f"{name}: largest difference of an fp32 score", delta, PARITY, delta <= PARITY))
    memory = max(best[title].rss for title in (FP32, INT8, BOTH))
    lines.append((f"{name}: most memory of ours (MiB)", memory, base.rss, memory <= base.rss))
    return lines


def _stream(subject: Subject, count: int) -> list[tuple[str, float, float, bool]]:
    command = [sys.executable, "-m", "bench.scorer_way", "stream"]
    command += [str(subject.bundles["both"]), str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, check=True, text=True)
    marks = [json.loads(line) for line in done.stdout.splitlines()]
    print(f"\n{count} different texts, small model")
    for mark in marks:
        print(f"  {mark['texts']:9} texts{mark['s']:9.1f} s{mark['rss']:7} MiB resident")
    growth = marks[-1]["rss"] - marks[-2]["rss"]
    title = f"{count} texts: growth over the second half (MiB)"
    unscored = marks[-1]["unscored"]
    return [
        (title, growth, GROWTH, growth <= GROWTH),
        (f"{count} texts: without a score", unscored, 0, unscored == 0),
    ]


if __name__ == "__main__":
    sys.exit(main())
