# SPDX-License-Identifier: Apache-2.0
"""Drawing one token from one row of logits: temperature, then top-k, then the nucleus.

The order is that of transformers' logits processors; the nucleus is Holtzman et al. 2020's: the
smallest set of most likely tokens that holds the mass ``top_p``. Ties go to the lower token id,
so that the draw does not depend on how somebody sorts. In float64 on the CPU: what a row says
depends on its logits and its own stream of random numbers, and on nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubpolicy.domain.statement import Sampling


def stream(seed: int) -> np.random.Generator:
    """The random numbers of one sample. PCG64's stream is fixed by NumPy's NEP 19."""
    return np.random.Generator(np.random.PCG64(seed))


def draw(logits: NDArray[np.floating[Any]], sampling: Sampling, uniform: float) -> int:
    """The token id at ``uniform`` in [0, 1) of the truncated distribution.

    ``logits`` has shape (vocabulary,). A temperature of 0 is greedy.

    Raises:
        ValueError: the logits are not numbers, or none is above minus infinity.

    """
    row = np.asarray(logits, dtype=np.float64)
    if np.isnan(row).any() or not np.isfinite(row.max(initial=-np.inf)):
        message = "the model's logits are not finite"
        raise ValueError(message)
    temperature = float(sampling.temperature)
    if temperature == 0:
        return int(row.argmax())
    mass = np.exp((row - row.max()) / temperature)
    chances = mass / mass.sum()
    kept = _nucleus(chances, _first(chances, sampling.top_k), float(sampling.top_p))
    steps = np.cumsum(chances[kept])
    at = int(np.searchsorted(steps, uniform * steps[-1], side="right"))
    return int(kept[min(at, len(kept) - 1)])


def _first(chances: NDArray[np.float64], top_k: int) -> NDArray[np.intp]:
    """Ids of tokens with any chance, most likely first; at most ``top_k`` unless that is 0."""
    candidates = np.flatnonzero(chances > 0)
    ordered = candidates[np.argsort(-chances[candidates], kind="stable")]
    return ordered[:top_k] if top_k else ordered


def _nucleus(
    chances: NDArray[np.float64], ordered: NDArray[np.intp], top_p: float
) -> NDArray[np.intp]:
    if top_p >= 1:
        return ordered
    reached = np.cumsum(chances[ordered]) / chances[ordered].sum()
    # The token that reaches the mass belongs to the nucleus.
    return ordered[: int(np.searchsorted(reached, top_p, side="left")) + 1]
