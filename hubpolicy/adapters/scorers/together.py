# SPDX-License-Identifier: Apache-2.0
"""Texts of one token count in one run, where that changes no score.

All weights pass through the cache once per run, so that short texts are scored faster together. In
fp32 a row of a matrix product does not depend on the rows beside it: the same numbers are added in
the same order. No runtime promises that, so it is tried on this very processor with this very
graph, in each size of a run that may be used; where one bit differs, or it cannot be tried, every
text runs alone. Graphs in int8 take one scale for all that is in a run: they are never asked.

Not responsible for scores: only for which texts stand together.
"""

from __future__ import annotations

from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Tokens = tuple[int, ...]

SIZES = (8, 4, 2)
"""How many texts a run may have, other than one."""
ROWS = 384
"""Tokens that a run may have in all; with more the products get no faster, and memory grows."""
WORTH = 48
"""Texts that have to gain by it before it is tried: trying costs about what so many gain."""
SHARES = 4
"""Runs that every worker shall have at least, so that none ends long before the others."""

_PROBES = ((13, SIZES), (29, SIZES[:1]))
# Kernels take rows by 16, 12, 8, 6 or 4: behind an odd length every text starts at another place.
_VOICES, _LEAST = 3, 2


class Graph(Protocol):
    """Of :class:`hubpolicy.adapters.scorers.loaded.LoadedGraph` what is needed here."""

    def logits(self, windows: Sequence[Sequence[int]]) -> Any:
        """Shape (windows, labels), or None; see there."""


class Terms(NamedTuple):
    """``extra``: tokens around each text. ``longest``: a text with more has several windows."""

    extra: int
    longest: int
    workers: int


class Together:
    """Puts texts together. What it found out about the graph holds as long as the graph does."""

    def __init__(self, graph: Graph, terms: Terms) -> None:
        """Nothing is tried yet."""
        self._graph, self._terms = graph, terms
        self._lock = Lock()
        self._is_same: bool | None = None

    def runs(self, texts: Sequence[Tokens]) -> list[list[Tokens]]:
        """The texts, which are sorted by length, in their order, in runs of one or several.

        Raises:
            ServiceError: the output of a single text has another shape than described.

        """
        found = list(share(texts, self._terms))
        gaining = [text for run in found if len(run) > 1 for text in run]
        if len(gaining) >= WORTH and self._changes_nothing(gaining):
            return found
        return [[text] for text in texts]

    def _changes_nothing(self, texts: Sequence[Tokens]) -> bool:
        with self._lock:
            if self._is_same is None:
                different = list(dict.fromkeys(texts))
                voices = different[:: max(1, len(different) // _VOICES)][:_VOICES]
                self._is_same = changes_nothing(self._graph, voices, self._terms.longest)
            return self._is_same


def changes_nothing(graph: Graph, texts: Sequence[Sequence[int]], longest: int) -> bool:
    """True if these texts, cut or repeated to some lengths, score together what they do alone.

    Bit by bit, in every size of :data:`SIZES`. Of texts that are equal it says nothing: False.
    """
    for length, sizes in _PROBES:
        probes = [_ending(text, min(length, longest)) for text in texts]
        alone = [graph.logits([probe]) for probe in probes]
        if len(set(probes)) < _LEAST or not all(map(_is_number, alone)):
            return False
        for count in sizes:
            which = [number % len(probes) for number in range(count)]
            want = b"".join(alone[number].tobytes() for number in which)
            if _bytes(graph, [probes[number] for number in which]) != want:
                return False
    return True


def _ending(text: Sequence[int], length: int) -> Tokens:
    return ((*text,) * (length // len(text) + 1))[-length:]


def _is_number(row: Any) -> bool:
    return row is not None and bool(np.isfinite(row).all())


def _bytes(graph: Graph, windows: Sequence[Sequence[int]]) -> bytes | None:
    """None as well where the graph takes one text at a time."""
    try:
        logits = graph.logits(windows)
    except ServiceError:
        return None
    return None if logits is None else bytes(logits.tobytes())


def share(texts: Sequence[Tokens], terms: Terms) -> Iterator[list[Tokens]]:
    """The texts, sorted by length, in runs: neighbours of one length, as many as pay."""
    fair = len(texts) // (SHARES * terms.workers)
    for length, group in groupby(texts, len):
        left = list(group)
        fits = 0 < length <= terms.longest
        while left:
            allowed = min(fair, len(left), ROWS // (length + terms.extra) if fits else 1)
            size = next((size for size in SIZES if size <= allowed), 1)
            yield left[:size]
            left = left[size:]
