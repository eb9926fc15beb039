# SPDX-License-Identifier: Apache-2.0
"""A run in N parts: which samples are whose, and whether the parts together are the whole.

Part I of N has every N-th sample of the derived order, beginning with the I-th: fixed by closure,
plan and scorer like everything else that is drawn.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.records import Key, key_of, text_leaf
from hubpolicy.core.sampling import derive_salt
from hubpolicy.errors import ConfigError, MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubpolicy.domain.evaluation import Control, Request, Sample

MAX_SHARDS = 1000
_HINT = "hubpolicy test PATH --shard I/N"
_SHARD = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


class Shard(NamedTuple):
    """Part ``number`` of ``parts``, from 1."""

    number: int
    parts: int

    @property
    def text(self) -> str:
        """``I/N``."""
        return f"{self.number}/{self.parts}"


class KeptShard(NamedTuple):
    """A shard as it came from a machine: its header's words, its log as proven, its secret.

    ``keyid``: the key that sealed it, "" = nobody. ``generator``: ``name/level``.
    """

    where: str
    closure: str
    plan: str
    scorer: str
    seed: str
    generator: str
    runtime: tuple[tuple[str, str], ...]
    shard: str
    secret: bytes
    samples: tuple[Sample, ...]
    controls: tuple[Control, ...]
    complete: bool
    keyid: str


def parse_shard(text: str) -> Shard:
    """``I/N`` with 1 <= I <= N <= 1000.

    Raises:
        ConfigError: anything else.

    """
    match = _SHARD.fullmatch(text)
    shard = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.parts <= MAX_SHARDS:
        message = f"got shard {text!r}, expected I/N with 1 <= I <= N <= {MAX_SHARDS}"
        raise ConfigError(message, hint="hubpolicy test PATH --shard 1/4")
    return shard


def part_of(requests: Sequence[Request], shard: Shard) -> tuple[Request, ...]:
    """The samples of one part, in the order of the whole."""
    return tuple(requests[shard.number - 1 :: shard.parts])


def check_parts(parts: Sequence[KeptShard], requests: Sequence[Request]) -> None:
    """Refuse anything but every part of one run, each complete and exactly once.

    Raises:
        VerificationError: a part is missing, twice, of another draw, not complete, or has other
            samples than are its own.

    """
    first = parts[0]
    for part in parts:
        same = (part.seed, part.generator) == (first.seed, first.generator)
        if not same or parse_shard(part.shard).parts != parse_shard(first.shard).parts:
            got = f"shard {part.shard} by {part.generator} in {part.where}"
            whole = f"{first.shard} by {first.generator} in {first.where}"
            message = f"got {got}, expected a part of the same run as {whole}"
            raise VerificationError(message, hint=_HINT)
    indices = [parse_shard(part.shard).number for part in parts]
    count = parse_shard(first.shard).parts
    missing = sorted(set(range(1, count + 1)) - set(indices))
    if missing:
        left = ", ".join(f"{number}/{count}" for number in missing[:8])
        message = f"got {len(set(indices))} of {count} shards, expected also {left}"
        raise VerificationError(message, hint=f"hubpolicy test PATH --shard {missing[0]}/{count}")
    if len(indices) != len(set(indices)):
        message = f"got shards {sorted(indices)} of {count}, expected each once"
        raise VerificationError(message, hint=_HINT)
    for part in parts:
        _check_part(part, requests)


def joined(parts: Iterable[KeptShard], secret: bytes) -> tuple[Sample, ...]:
    """All samples, salted with the secret of the whole run.

    Raises:
        MalformedError: a text is not the one of its record.

    """
    return tuple(_resalt(sample, part.secret, secret) for part in parts for sample in part.samples)


def _resalt(sample: Sample, old: bytes, new: bytes) -> Sample:
    record, key = sample.record, key_of(sample.record)
    if not record.leaf:
        return sample
    if record.leaf != text_leaf(derive_salt(old, key), sample.text):
        message = f"got a text that is not the recorded one, in sample {key}"
        raise MalformedError(message, hint="copy the shard's folder again")
    return sample._replace(
        record=record._replace(leaf=text_leaf(derive_salt(new, key), sample.text))
    )


def joined_runtime(parts: Sequence[KeptShard]) -> tuple[tuple[str, str], ...]:
    """What the machines ran on: every (package, version) that any of them had, each once."""
    return tuple(dict.fromkeys(pair for part in parts for pair in part.runtime))


def _check_part(part: KeptShard, requests: Sequence[Request]) -> None:
    shard = parse_shard(part.shard)
    wanted: set[Key] = {key_of(request) for request in part_of(requests, shard)}
    found = [key_of(sample.record) for sample in part.samples]
    if not part.complete or wanted - set(found):
        left = len(wanted - set(found))
        message = f"shard {part.shard} in {part.where} is not complete: {left} samples are missing"
        hint = f"on its machine: hubpolicy test PATH --shard {part.shard}; then copy it again"
        raise VerificationError(message, hint=hint)
    if len(found) != len(wanted):
        message = f"got {len(found)} samples, expected {len(wanted)}, in shard {part.shard}"
        raise VerificationError(message, hint=_HINT)
