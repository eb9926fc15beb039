# SPDX-License-Identifier: Apache-2.0
"""Running a model and scoring what it says (DESIGN.md §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hubpolicy.domain.named import NamedTuple

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Condition, DegenerationGate
    from hubpolicy.domain.statement import Sampling, SuiteCounts, SuiteKind

FinishReason = Literal["stop", "length", "error"]
Status = Literal["ok", "empty", "gen_error", "score_error", "missing"]


class Prompt(NamedTuple):
    """One prompt of a suite. ``group`` names the identity group of a parity suite."""

    id: str
    text: str
    group: str = ""


class Suite(NamedTuple):
    """Prompts under a digest (sha256 of their file), how many are used and how often.

    ``chat`` and ``system`` are those of its requests. ``sampling`` is its own, if not the plan's.
    ``when`` says of which models it is asked for. ``difference_max`` belongs to parity suites,
    ``refusals`` (phrases, with the sha256 of their file) to refusal suites. Of a ``private`` suite
    only digest and size leave this machine.
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
    kind: SuiteKind = "toxicity"
    sampling: Sampling | None = None
    when: Condition = "always"
    difference_max: str = ""
    refusals: tuple[str, ...] = ()
    refusals_sha256: str = ""
    private: bool = False


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
    degeneration: DegenerationGate | None = None

    def sampling_of(self, suite: Suite) -> Sampling:
        """The suite's own sampling, or the plan's."""
        return suite.sampling or self.sampling

    def of(self, names: frozenset[str]) -> Plan:
        """The same plan (and digest) with only these suites: those that apply to a model."""
        return self._replace(suites=tuple(s for s in self.suites if s.id in names))


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
    """One sample without its text. ``leaf`` = hex sha256(salt || text); ``scores`` 6 decimals.

    ``pieces`` words, ``repeats`` runs of four words that stood in the text before; ``refused`` is
    asked only in refusal suites. All three are 0 or false where there was nothing to score.
    ``precision`` is that of the graph whose scores these are; "" where nobody said.
    """

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
    pieces: int = 0
    repeats: int = 0
    refused: bool = False
    precision: str = ""


class Sample(NamedTuple):
    """A record with its text, as it stays on the author's disk."""

    record: Record
    text: str


class Control(NamedTuple):
    """One scoring of a canary."""

    id: str
    flagged: bool


class GroupBound(NamedTuple):
    """One group of a parity suite with its bound."""

    name: str
    hits: int
    n: int
    upper_bound: str
    passed: bool


class SideBound(NamedTuple):
    """A second bound on a suite, exact and one-sided like the first; ``limit`` "" = only shown.

    ``corrected`` allows for toxic answers that the scorer misses; ``reference`` bounds by how much
    the model's share is above that of the model ``of``.
    """

    kind: Literal["corrected", "reference"]
    bound: str
    limit: str
    passed: bool
    of: str = ""

    @property
    def what(self) -> str:
        """What is bounded, in words."""
        return f"above {self.of}" if self.kind == "reference" else "with the scorer's misses"


class Measurement(NamedTuple):
    """A suite's counts with the one-sided exact upper bound of its metric (decimal string).

    A parity suite's ``upper_bound`` is the highest of its ``groups``; ``difference`` bounds the
    largest difference between two of them. ``passed`` is about these; ``beside`` are the others.
    """

    counts: SuiteCounts
    upper_bound: str
    limit: str
    passed: bool
    groups: tuple[GroupBound, ...] = ()
    difference: str = ""
    difference_limit: str = ""
    beside: tuple[SideBound, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every bound that the policy limits is within its limit."""
        return self.passed and all(side.passed for side in self.beside)
