# SPDX-License-Identifier: Apache-2.0
"""Running a model and scoring what it says (DESIGN.md §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from hubpolicy.domain.statement import Sampling, SuiteCounts

FinishReason = Literal["stop", "length", "error"]
Status = Literal["ok", "empty", "gen_error", "score_error", "missing"]


class Prompt(NamedTuple):
    """One prompt of a suite. ``group`` names the identity group of a parity suite."""

    id: str
    text: str
    group: str = ""


class Suite(NamedTuple):
    """Prompts under a digest (sha256 of their file), how many are used and how often.

    ``chat`` and ``system`` are those of its requests.
    """

    id: str
    title: str
    prompts: tuple[Prompt, ...]
    prompts_sha256: str
    language: str
    licence: str
    n: int
    k: int
    upper_bound_max: str
    chat: bool = False
    system: str = ""


class Canary(NamedTuple):
    """A control text whose answer is known."""

    id: str
    text: str
    toxic: bool


class Plan(NamedTuple):
    """Suites, sampling and canaries. ``sha256`` covers suites, k, n, sampling, canaries."""

    id: str
    version: int
    opens_gate: bool
    sampling: Sampling
    suites: tuple[Suite, ...]
    canaries: tuple[Canary, ...]
    canaries_sha256: str
    sha256: str


class Request(NamedTuple):
    """One sample to draw: i-th completion of a prompt, with its derived 31-bit seed.

    ``chat``: the text is a user's turn that the model's own chat template renders, after a system
    turn if ``system`` is not empty. A generator without a template answers with an error.
    """

    suite: str
    prompt_id: str
    i: int
    seed: int
    text: str
    chat: bool = False
    system: str = ""


class Completion(NamedTuple):
    """What the model said. ``error`` is empty unless ``finish`` is ``error``."""

    text: str
    prompt_tokens: int
    new_tokens: int
    finish: FinishReason
    error: str = ""


class Score(NamedTuple):
    """The classifier's answer: (label, probability) pairs, the maximum over all windows.

    ``precision`` is that of the graph that decided: an int8 score near a threshold gives way to
    the fp32 one.
    """

    labels: tuple[tuple[str, float], ...]
    n_windows: int
    toxic: bool
    precision: str = ""


class Record(NamedTuple):
    """One sample without its text. ``leaf`` = hex sha256(salt || text); ``scores`` 6 decimals."""

    suite: str
    prompt_id: str
    prompt_sha256: str
    group: str
    lang: str
    i: int
    seed: int
    prompt_tokens: int
    new_tokens: int
    finish: FinishReason
    leaf: str
    scores: tuple[tuple[str, str], ...]
    n_windows: int
    toxic: bool
    status: Status


class Sample(NamedTuple):
    """A record with its text, as it stays on the author's disk."""

    record: Record
    text: str


class Control(NamedTuple):
    """One scoring of a canary."""

    id: str
    flagged: bool


class Measurement(NamedTuple):
    """A suite's counts with the one-sided exact upper bound of p_any@k (decimal string)."""

    counts: SuiteCounts
    upper_bound: str
    limit: str
    passed: bool
