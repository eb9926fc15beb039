# SPDX-License-Identifier: Apache-2.0
"""What an organisation demands of a release, resolved: plans and schemas are digests here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hubpolicy.domain.named import NamedTuple
from hubpolicy.domain.statement import metric

if TYPE_CHECKING:
    from hubpolicy.domain.finding import Severity
    from hubpolicy.domain.statement import Comparison, EvidenceFormat, Sampling, SuiteKind

CHILD_FILE = "hubpolicy.toml"
"""At the top of a release: what tightens the policy for it."""

CHILD_LIMIT = 64 * 1024
"""Bytes of a child policy at most."""

Binds = Literal["closure", "card", "manifest"]
Asked = Literal["always", "generates-text", "generates-other"]
"""Of which models third-party evidence is asked: of every one, or by what comes out of it."""
Tier = Literal["screen", "detoxify"]
History = Literal["all", "tips"]
"""Which revisions must hold when a repository becomes public: every one, or the refs' heads."""
Condition = Literal["always", "chat", "declared"]
"""When a suite is asked for: of every model, of one with a chat template, of one whose card
declares the suite's language."""


class SuiteGate(NamedTuple):
    """One suite and its bound. ``upper_bound_max`` is a decimal string in (0, 1).

    ``difference_max`` bounds the largest difference between groups of a parity suite,
    ``corrected_max`` the bound that allows for what the scorer misses, ``reference_max`` the
    difference to the policy's reference model; "" where nothing is asked.
    """

    id: str
    prompts_sha256: str
    n: int
    k: int
    sampling: Sampling
    upper_bound_max: str
    kind: SuiteKind = "toxicity"
    language: str = "en"
    chat: bool = False
    system: str = ""
    when: Condition = "always"
    difference_max: str = ""
    corrected_max: str = ""
    reference_max: str = ""

    @property
    def metric(self) -> str:
        """The number of draws is part of the name: a bound on p_any means nothing without it."""
        return metric(self.kind, self.k)


class CanaryGate(NamedTuple):
    """The control texts and what a working scorer must do on them (decimal strings)."""

    sha256: str
    min_toxic_flagged: str = "0.95"
    max_benign_flagged: str = "0.05"


class DegenerationGate(NamedTuple):
    """What a suite's answers must look like: words an answer, and share of repeated runs of four.

    Whether a model says anything at all is HP211's question.
    """

    min_mean_pieces: int = 6
    max_repeated: str = "0.20"


class QuantizedPlan(NamedTuple):
    """The smaller plan, for quantisations of a closure that passed the policy's own."""

    plan: str
    plan_sha256: str
    suites: tuple[SuiteGate, ...]


class Labelled(NamedTuple):
    """How a scorer did on texts whose answer is known: how many, and how many it flagged."""

    toxic: int
    toxic_flagged: int
    benign: int
    benign_flagged: int


class ReferenceCounts(NamedTuple):
    """What one suite counted of the reference model, as :class:`SuiteCounts` has it."""

    suite: str
    n: int
    hits: int
    imputed: int


class Reference(NamedTuple):
    """The model that others are compared with; ``sha256`` is that of its calibration's file."""

    name: str
    sha256: str
    closure: str
    suites: tuple[ReferenceCounts, ...]

    def of(self, suite: str) -> ReferenceCounts | None:
        """Its counts in that suite, if it was asked."""
        return next((counts for counts in self.suites if counts.suite == suite), None)


class ToxicityPolicy(NamedTuple):
    """The toxicity part. ``confidence`` is a decimal string such as ``"0.95"``.

    ``templates``: sha256 of launch templates that are as good as the shipped ones. ``quantized`` is
    None where quantisations need the whole plan too.
    """

    plan: str
    plan_sha256: str
    opens_gate: bool
    suites: tuple[SuiteGate, ...]
    canaries: CanaryGate
    require_tier: Tier
    scorers: frozenset[str]
    confidence: str
    max_age_days: int
    max_attempts: int
    records: Literal["publish", "keep"]
    degeneration: DegenerationGate | None = None
    templates: frozenset[str] = frozenset()
    quantized: QuantizedPlan | None = None
    labelled: Labelled | None = None
    reference: Reference | None = None


class CardPolicy(NamedTuple):
    """Which profile the card must satisfy, pinned by the digest of its schema document."""

    profile: str
    schema_sha256: str
    rules: tuple[str, ...]


class EvidenceMetric(NamedTuple):
    """One number of somebody else's file: where it stands, and what it has to be.

    ``source`` are (key, text) pairs sorted by key; ``threshold`` is a decimal string.
    ``min_samples`` = answers that must stand behind it; 0 asks for none.
    """

    name: str
    source: tuple[tuple[str, str], ...]
    comparison: Comparison
    threshold: str
    min_samples: int = 0


class EvidenceItem(NamedTuple):
    """Third-party evidence that a release needs, bound to every file of the closure.

    ``date`` is a JSON pointer to when it was measured (format ``json`` only; the others say so).
    """

    name: str
    format: EvidenceFormat
    metrics: tuple[EvidenceMetric, ...]
    when: Asked = "always"
    max_age_days: int = 90
    date: str = ""


class RoleRequirement(NamedTuple):
    """How many principals of a role must sign; for approvers also what they bind."""

    role: str
    threshold: int
    binds: Binds = "manifest"
    distinct_from: str = ""


class RuleSetting(NamedTuple):
    """What the policy says about one rule."""

    rule: str
    severity: Severity
    waivable: bool


class Tightening(NamedTuple):
    """One key that a child policy made stricter: its name in the file, both values, which child."""

    key: str
    was: str
    now: str
    where: str


class Policy(NamedTuple):
    """A resolved, signed policy. ``sha256`` is the digest of the signed payload bytes.

    ``expires`` is an ISO date (UTC), the last day on which the policy holds; ``observe_until`` the
    last one on which a policy of mode ``observe`` only observes, empty in mode ``enforce``.
    ``tightened`` is no part of what was signed: what children made stricter (docs/adr/0010).
    """

    id: str
    version: int
    expires: str
    mode: Literal["enforce", "observe"]
    namespaces: tuple[str, ...]
    workspaces: tuple[str, ...]
    weights: tuple[str, ...]
    allowed_files: frozenset[str]
    min_level: int
    card: CardPolicy
    toxicity: ToxicityPolicy
    roles: tuple[RoleRequirement, ...]
    rules: tuple[RuleSetting, ...]
    exempt: tuple[str, ...]
    sha256: str
    observe_until: str = ""
    evidence: tuple[EvidenceItem, ...] = ()
    history: History = "all"
    tightened: tuple[Tightening, ...] = ()

    def setting(self, rule: str) -> RuleSetting | None:
        """What the policy says about that rule, if anything."""
        return next((setting for setting in self.rules if setting.rule == rule), None)
