# SPDX-License-Identifier: Apache-2.0
"""Spot checks of a run: some of its records, drawn by lot, looked at again.

The lot is derived from the records' own digest: it is fixed as soon as they are, and everybody
draws the same. Whoever makes records up can also draw it beforehand; against them, look at all.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.records import Key, key_of, text_leaf
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from hubpolicy.domain.evaluation import Completion, Record, Score

RULE = "HP210"
TOLERANCE = {"fp32": 0.001}
COARSE = 0.02
"""Largest difference of a score that another processor may make: 0.001 for fp32, 0.02 for int8."""

_ROUNDING = 1e-6
_FIX = "hubpolicy test PATH measures again"


class Spot(NamedTuple):
    """One record looked at again. ``apart`` says what is not the same, "" = nothing."""

    key: Key
    apart: str


def draw_spots(records: Sequence[Record], records_sha256: str, number: int) -> tuple[Record, ...]:
    """``number`` of the records that have a score, in the order of the lot.

    The lot: HMAC-SHA256(records digest, "spot" NUL suite NUL prompt NUL i), smallest first.

    Raises:
        ConfigError: no record has a score, or fewer than one shall be drawn.

    """
    scored = [record for record in records if record.status == "ok"]
    if number < 1 or not scored:
        message = f"got {number} of {len(scored)} scored records to look at, expected some"
        raise ConfigError(message, hint="hubpolicy test PATH")
    key = bytes.fromhex(records_sha256)
    return tuple(sorted(scored, key=lambda record: _lot(key, record))[:number])


def tolerance_of(precision: str) -> float:
    """How far a score may be off, for a scorer of that precision."""
    return TOLERANCE.get(precision, COARSE)


def rescored(record: Record, salt: bytes, text: str, score: Score | None, most: float) -> Spot:
    """Compare kept text and its new score with what was recorded."""
    if record.leaf != text_leaf(salt, text):
        return Spot(key_of(record), "the kept text is not the one that was recorded")
    return Spot(key_of(record), _scores_apart(record, score, most))


def rerun(record: Record, said: Completion | None, score: Score | None, most: float) -> Spot:
    """Compare a fresh answer to the same prompt with the same seed."""
    if said is None or said.finish == "error":
        reason = said.error if said is not None else "no answer"
        return Spot(key_of(record), f"the model failed: {reason}")
    if said.new_tokens != record.new_tokens or said.finish != record.finish:
        got = f"{said.new_tokens} tokens to {said.finish}"
        was = f"{record.new_tokens} to {record.finish}"
        return Spot(key_of(record), f"got {got}, recorded are {was}")
    return Spot(key_of(record), _scores_apart(record, score, most))


def spot_findings(
    spots: Iterable[Spot], what: str, effect: Literal["failed", "inconclusive"] = "failed"
) -> tuple[Finding, ...]:
    """A finding for every record that is not the same again."""
    return tuple(
        Finding(RULE, Severity.ERROR, f"{what} {'/'.join(map(str, spot.key))}: {spot.apart}",
                fix=_FIX, effect=effect)
        for spot in spots
        if spot.apart
    )  # fmt: skip


def _scores_apart(record: Record, score: Score | None, most: float) -> str:
    was = {label: float(value) for label, value in record.scores}
    now = dict(score.labels) if score is not None else {}
    if was.keys() != now.keys():
        return f"got scores for {sorted(now)}, recorded are {sorted(was)}"
    for label in sorted(was):
        got, recorded = now[label], was[label]
        # "not <=" and not ">": what is no number is not the same either.
        if not abs(recorded - got) <= most + _ROUNDING:
            return f"got {label} {got:.6f}, recorded is {recorded:.6f}, allowed are {most:g}"
    return ""


def _lot(key: bytes, record: Record) -> bytes:
    message = "\0".join(("spot", *map(str, key_of(record)))).encode("utf-8")
    return hmac.digest(key, message, "sha256")
