# SPDX-License-Identifier: Apache-2.0
"""One token from one row of logits: the truncations against transformers', the draw against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.adapters.generators.drawing import draw, stream
from hubpolicy.domain.statement import Sampling

PLAIN = Sampling("1.0", "1.0", 0, 1)
ROW = np.log(np.array([0.5, 0.25, 0.125, 0.125]))
GRID = np.linspace(0, 1, 400, endpoint=False)


def possible(logits: object, sampling: Sampling) -> set[int]:
    return {draw(np.asarray(logits, dtype=np.float64), sampling, u) for u in GRID}


@pytest.mark.parametrize(
    ("uniform", "token"),
    [(0.0, 0), (0.499, 0), (0.5, 1), (0.749, 1), (0.75, 2), (0.874, 2), (0.875, 3), (0.9999, 3)],
)
def test_a_uniform_number_is_a_place_in_the_distribution(uniform: float, token: int) -> None:
    assert draw(ROW, PLAIN, uniform) == token


@pytest.mark.parametrize(
    ("sampling", "tokens"),
    [
        (PLAIN, {0, 1, 2, 3}),
        (PLAIN._replace(top_k=1), {0}),
        (PLAIN._replace(top_k=3), {0, 1, 2}),
        (PLAIN._replace(top_k=99), {0, 1, 2, 3}),
        (PLAIN._replace(top_p="0.4"), {0}),
        (PLAIN._replace(top_p="0.6"), {0, 1}),
        (PLAIN._replace(top_p="0.8"), {0, 1, 2}),
        # Of the three that top-k leaves, the first holds 4/7 of the mass.
        (PLAIN._replace(top_k=3, top_p="0.57"), {0}),
        (PLAIN._replace(temperature="0"), {0}),
        (PLAIN._replace(temperature="0.01"), {0}),
    ],
)
def test_truncations(sampling: Sampling, tokens: set[int]) -> None:
    assert possible(ROW, sampling) == tokens


def test_a_tie_goes_to_the_lower_id() -> None:
    assert possible([0.0, 0.0, 0.0], PLAIN._replace(top_k=2)) == {0, 1}
    assert possible([-1.0, 3.0, 3.0], PLAIN._replace(top_k=1)) == {1}


def test_what_cannot_be_is_never_drawn() -> None:
    assert possible([0.0, -np.inf, 0.0], PLAIN) == {0, 2}


@pytest.mark.parametrize("row", [[0.0, np.nan], [np.inf, 0.0], [-np.inf, -np.inf], []])
def test_logits_that_are_no_numbers_are_an_error(row: list[float]) -> None:
    with pytest.raises(ValueError, match="not finite"):
        draw(np.array(row), PLAIN, 0.5)


def test_shares_are_the_chances() -> None:
    numbers = stream(7)
    drawn = [draw(ROW, PLAIN, numbers.random()) for _ in range(4000)]
    shares = np.bincount(drawn, minlength=4) / 4000
    assert np.abs(shares - [0.5, 0.25, 0.125, 0.125]).max() < 0.03


def test_a_stream_is_its_seeds_for_ever() -> None:
    # NumPy promises PCG64's stream; a change here would make every kept run another draw.
    numbers = stream(12345)
    assert [round(numbers.random(), 12) for _ in range(2)] == [0.227336022467, 0.31675833971]
    assert stream(0).random() != stream(1).random()


@pytest.mark.torch
@given(
    # Thousandths: two scores so near that their shares are equal floats have no order.
    row=st.lists(st.integers(-8000, 8000), min_size=2, max_size=40, unique=True).map(
        lambda scores: [score / 1000 for score in scores]
    ),
    top_k=st.integers(0, 12),
    top_p=st.sampled_from(["0.05", "0.5", "0.9", "1.0"]),
    temperature=st.sampled_from(["0.5", "1.0", "1.7"]),
)
def test_the_same_tokens_stay_as_with_transformers(
    row: list[float], top_k: int, top_p: str, temperature: str
) -> None:
    import torch
    from transformers import (
        LogitsProcessorList,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    warpers = [TemperatureLogitsWarper(float(temperature))]
    warpers += [TopKLogitsWarper(top_k)] if top_k else []
    warpers += [TopPLogitsWarper(float(top_p))] if top_p != "1.0" else []
    scores = torch.tensor([row], dtype=torch.float64)
    theirs = torch.softmax(LogitsProcessorList(warpers)(torch.zeros(1, 1).long(), scores)[0], 0)
    sampling = Sampling(temperature, top_p, top_k, 1)
    edges = np.cumsum(np.sort(theirs.numpy())[::-1])
    order = np.argsort(-theirs.numpy(), kind="stable")
    middles = (np.concatenate([[0.0], edges[:-1]]) + edges) / 2
    kept = int((theirs > 0).sum())
    for token, middle in zip(order[:kept], middles[:kept], strict=True):
        if theirs[token] > 1e-9:
            assert draw(np.array(row), sampling, float(middle)) == token
