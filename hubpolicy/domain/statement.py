# SPDX-License-Identifier: Apache-2.0
"""in-toto statements and what our predicates say, after parsing (DESIGN.md §5).

Making and parsing the wire form is ``core/predicates.py``'s work; proving who signed it is
``core/verify.py``'s. Numbers that decide are integers or decimal strings.
"""

from __future__ import annotations

from typing import Any, Literal

from hubpolicy.domain.named import NamedTuple

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

OMS = "https://model_signing/signature/v1.0"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
TOXICITY = "https://hubpolicy.dev/toxicity-result/v0.1"
APPLICABILITY = "https://hubpolicy.dev/applicability/v0.1"
WAIVER = "https://hubpolicy.dev/waiver/v0.1"
APPROVAL = "https://hubpolicy.dev/approval/v0.1"
VSA = "https://slsa.dev/verification_summary/v1"

Applicability = Literal["generates-text", "no-generated-output", "generates-other"]
SuiteKind = Literal["toxicity", "parity", "refusal"]
EvidenceFormat = Literal["garak", "json", "lm-eval"]
Comparison = Literal["at least", "at most"]


class Subject(NamedTuple):
    """A name and its digests, as (algorithm, hex) pairs sorted by algorithm."""

    name: str
    digest: tuple[tuple[str, str], ...]

    def get(self, algorithm: str) -> str | None:
        """The hex digest under that algorithm, if the subject has one."""
        for name, value in self.digest:
            if name == algorithm:
                return value
        return None


class Statement(NamedTuple):
    """An in-toto Statement v1. ``predicate`` is the parsed JSON object, not yet trusted."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: dict[str, Any]


class Sampling(NamedTuple):
    """How completions are drawn. Temperature and nucleus mass are decimal strings; top_k 0=off."""

    temperature: str
    top_p: str
    top_k: int
    max_new_tokens: int


def metric(kind: SuiteKind, k: int) -> str:
    """``p_any@k``: share of prompts with a toxic answer of k; ``p_refused@k``: with a refusal."""
    return f"p_refused@{k}" if kind == "refusal" else f"p_any@{k}"


class GroupCounts(NamedTuple):
    """One identity group of a parity suite, counted as a suite is."""

    name: str
    n: int
    hits: int
    imputed: int


class SuiteCounts(NamedTuple):
    """What one suite counted. The unit is the prompt; ``hits`` = prompts with >= 1 toxic of k.

    ``imputed`` = prompts counted as hits because a sample is missing, errored, empty or unscored;
    they are contained in ``hits``. In a suite of kind ``refusal`` a hit is a refused prompt.
    ``answered`` samples were scored; their texts have ``pieces`` words and ``ngrams`` runs of four
    words, ``repeated`` of which stood in the same text before. ``chat`` and ``system`` are those
    of its requests. Only suites of kind ``parity`` count ``groups``, sorted by name.
    """

    id: str
    prompts_sha256: str
    n: int
    k: int
    hits: int
    imputed: int
    samples: int
    toxic_samples: int
    sampling: Sampling
    kind: SuiteKind = "toxicity"
    language: str = "en"
    chat: bool = False
    system: str = ""
    refused_samples: int = 0
    answered: int = 0
    pieces: int = 0
    ngrams: int = 0
    repeated: int = 0
    groups: tuple[GroupCounts, ...] = ()

    @property
    def metric(self) -> str:
        """What is bounded; the number of draws is part of its name."""
        return metric(self.kind, self.k)


class Canaries(NamedTuple):
    """Scorer controls interleaved in the stream: how many, and how many were flagged."""

    sha256: str
    toxic: int
    toxic_flagged: int
    benign: int
    benign_flagged: int


class ScorerPin(NamedTuple):
    """The toxicity classifier: its id, tier and dirHash over its three files.

    ``languages`` are those that its bundle declares (ISO 639), sorted.
    """

    id: str
    tier: Literal["screen", "detoxify"]
    sha256: str
    precision: str
    languages: tuple[str, ...] = ("en",)


class RecordsPin(NamedTuple):
    """The per-sample records: sha256 of the JSON Lines bytes, Merkle root of leaves, count."""

    sha256: str
    merkle_root: str
    count: int  # type: ignore[assignment]


class ToxicityResult(NamedTuple):
    """Predicate ``toxicity-result/v0.1``: integer counts from which the verdict is recomputed.

    ``chat_template``: the files that were run have one, so that chat suites apply.
    ``quantized_from`` is the closure (hex dirHash) of which these files are a quantisation by the
    signer's word, if it was claimed.
    """

    plan: str
    plan_sha256: str
    opens_gate: bool
    scorer: ScorerPin
    generator: str
    binding_level: int
    suites: tuple[SuiteCounts, ...]
    canaries: Canaries
    records: RecordsPin
    ledger_head: str
    attempts: int
    seed: str
    finished_on: str
    runtime: tuple[tuple[str, str], ...] = ()
    chat_template: bool = False
    quantized_from: str = ""


class ApplicabilityResult(NamedTuple):
    """Predicate ``applicability/v0.1``: why no text can come out, and what was loaded."""

    decision: Applicability
    table: str
    architecture: str
    output_shape: tuple[int, ...]
    binding_level: int
    finished_on: str
    runtime: tuple[tuple[str, str], ...] = ()


class CardResult(NamedTuple):
    """in-toto test-result v0.1 about the card: rule ids, sorted, each in exactly one tuple.

    ``languages`` are those that the card declares, as primary subtags, sorted.
    """

    profile: str
    schema_sha256: str
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]
    languages: tuple[str, ...] = ()


class ForeignMetric(NamedTuple):
    """One number that somebody else's tool measured. ``value`` is a decimal string.

    ``source`` says where it stood in the tool's file, as (key, text) pairs sorted by key.
    ``samples`` = answers behind it, 0 where the file does not say. ``comparison`` (``at least``,
    ``at most``) and ``threshold`` are what the word of the signed line was said against; a gate
    applies its own.
    """

    name: str
    value: str
    source: tuple[tuple[str, str], ...]
    samples: int
    comparison: Comparison
    threshold: str


class ForeignEvidence(NamedTuple):
    """in-toto test-result v0.1 about a closure: numbers imported from a file made elsewhere.

    ``sha256`` is that file's digest, ``measured_on`` what it says of its time. ``binding_level``
    is 0, or 1 where the file names the closure: hubpolicy saw nothing of the run.
    """

    name: str
    format: EvidenceFormat
    sha256: str
    measured_on: str
    binding_level: int
    metrics: tuple[ForeignMetric, ...]


class Waiver(NamedTuple):
    """Predicate ``waiver/v0.1``: one rule, one dirHash, one reason, an end (UTC date)."""

    rule: str
    who: str
    why: str
    until: str


class Approval(NamedTuple):
    """Predicate ``approval/v0.1``. ``evidence`` = payload digests that were shown.

    ``approver``, where given, is the signer's principal: it keeps the payloads, and so the files,
    of two people who agree in the same words apart.
    """

    role: str
    decision: Literal["approve", "reject"]
    reason: str
    binds: Literal["closure", "card", "manifest"]
    evidence: tuple[str, ...]
    not_after: str
    approver: str = ""


class FirstRelease(NamedTuple):
    """When a run was first released: its payload digest, the instant, and that release line's."""

    run: str
    time: str
    release: str


class ReleaseSummary(NamedTuple):
    """SLSA VSA v1 as the release line: what was verified, for where, when, on what inputs.

    ``first_released``: inputs that an earlier release line named already.
    """

    verifier_id: str
    verifier_version: str
    resource_uri: str
    policy_sha256: str
    time_verified: str
    inputs: tuple[str, ...]
    result: Literal["PASSED", "FAILED"]
    first_released: tuple[FirstRelease, ...] = ()


Predicate = (
    CardResult
    | ForeignEvidence
    | ToxicityResult
    | ApplicabilityResult
    | Waiver
    | Approval
    | ReleaseSummary
)
