# SPDX-License-Identifier: Apache-2.0
"""A verified release as a bill of materials: what it is, what it holds, what was measured.

Numbers come from signed lines alone, words from the card whose bytes the release line covers.
How it is written is a renderer's work (``render/cyclonedx.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.attempts import at_attempt
from hubpolicy.core.coverage import closure_digest, measurements
from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.lines import differing, digests, select
from hubpolicy.core.statistics import STEPS, format_steps
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.domain.statement import (
    ApplicabilityResult,
    Approval,
    CardResult,
    ForeignEvidence,
    ReleaseSummary,
    ToxicityResult,
    Waiver,
)
from hubpolicy.errors import VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.card import Card, Section
    from hubpolicy.domain.evaluation import Measurement
    from hubpolicy.domain.manifest import Entry
    from hubpolicy.domain.release import RepoId

_LONGEST = 4000
"""Characters of a section that are taken over."""

_KINDS: tuple[tuple[type, str], ...] = (
    (ApplicabilityResult, "applicability"),
    (Approval, "approval"),
    (CardResult, "card check"),
    (ForeignEvidence, "third-party evidence"),
    (ReleaseSummary, "release"),
    (ToxicityResult, "toxicity counts"),
    (Waiver, "waiver"),
)


class CardFacts(NamedTuple):
    """What the card says. ``uses`` and ``limits`` are sections as the author wrote them."""

    licences: tuple[str, ...] = ()
    task: str = ""
    datasets: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class Figure(NamedTuple):
    """One measured number as decimal text, on what, and between which bounds ("" for none)."""

    metric: str
    value: str
    about: str
    lower: str = ""
    upper: str = ""


class Attestation(NamedTuple):
    """One signed piece of evidence: kind, file in the release, payload digest, signer."""

    kind: str
    path: str
    sha256: str
    signer: str


class Bill(NamedTuple):
    """Everything that a bill of materials says. ``release`` is the release line's payload digest.

    ``time`` is when it was released, by the releaser's word.
    """

    target: RepoId
    release: str
    time: str
    dir_hash: str
    policy: str
    files: tuple[Entry, ...]
    card: CardFacts
    figures: tuple[Figure, ...]
    evidence: tuple[Attestation, ...]


def make_bill(evidence: Evidence, card: CardFacts) -> Bill:
    """The bill of a release that was judged and passed.

    Raises:
        VerificationError: no release line, or no manifest: nothing of it is attested.

    """
    releases = sorted(
        (summary.time_verified, line.payload_sha256, summary)
        for line, summary in select(evidence.lines, ReleaseSummary)
        if summary.result == "PASSED"
    )
    if not releases or evidence.manifest is None or evidence.target is None:
        message = "there is no verified release to describe"
        raise VerificationError(message, hint="hubpolicy attest PATH says what is missing")
    time, release, _ = releases[0]
    return Bill(
        target=evidence.target,
        release=release,
        time=time,
        dir_hash=evidence.manifest.dir_hash,
        policy=f"{evidence.policy.id} {evidence.policy.version} sha256:{evidence.policy.sha256}",
        files=evidence.manifest.entries,
        card=card,
        figures=(*_measured(evidence), *_imported(evidence)),
        evidence=tuple(sorted(_attestations(evidence))),
    )


def _measured(evidence: Evidence) -> tuple[Figure, ...]:
    """Every suite of every run here, with its one-sided exact bound."""
    return tuple(
        _figure(evidence, line, line.predicate, measurement)
        for line, measurement in measurements(evidence)
        if isinstance(line.predicate, ToxicityResult)
    )


def _figure(
    evidence: Evidence, line: VerifiedStatement, run: ToxicityResult, measurement: Measurement
) -> Figure:
    counts = measurement.counts
    confidence = at_attempt(evidence.policy.toxicity, run.attempts).confidence
    # Rounded up, as the bound is: no figure reads better than it is.
    share = format_steps(-(-counts.hits * STEPS // counts.n))
    about = (
        f"suite {counts.id} of plan {run.plan}: {counts.hits} of {counts.n} prompts, "
        f"{counts.k} answers each, {counts.language}; scorer {run.scorer.id} "
        f"(tier {run.scorer.tier}); upper bound one-sided, Clopper-Pearson, {confidence}; "
        f"binding level {run.binding_level}; closure {closure_digest(line)}"
    )
    return Figure(counts.metric, share, about, "0", measurement.upper_bound)


def _imported(evidence: Evidence) -> tuple[Figure, ...]:
    have = digests(evidence)
    return tuple(
        Figure(
            f"{found.name}/{metric.name}",
            metric.value,
            f"imported from a {found.format} file (sha256 {found.sha256}), measured on "
            f"{found.measured_on}; binding level {found.binding_level}",
        )
        for line, found in select(evidence.lines, ForeignEvidence)
        if not differing(line.statement, have)
        for metric in found.metrics
    )


def _attestations(evidence: Evidence) -> list[Attestation]:
    found = []
    for line in evidence.lines:
        kind = next(word for type_, word in _KINDS if isinstance(line.predicate, type_))
        approval = isinstance(line.predicate, Approval)
        path = approval_path(line.payload_sha256) if approval else RELEASE_FILE
        found.append(Attestation(kind, path, line.payload_sha256, line.principal))
    if evidence.model_signature is not None:
        own = evidence.model_signature
        signature = Attestation(
            "model signature", MODEL_SIGNATURE, own.payload_sha256, own.principal
        )
        found.append(signature)
    return found


# The card --------------------------------------------------------------------------------------


def card_facts(card: Card, readme: str) -> CardFacts:
    """What goes into a bill: identifiers from the front matter, two sections from the text."""
    return CardFacts(
        licences=_texts(card, "license"),
        task="".join(_texts(card, "pipeline_tag")[:1]),
        datasets=_texts(card, "datasets"),
        base_models=_texts(card, "base_model"),
        uses=_sections(card, readme, ("uses",)),
        limits=_sections(card, readme, ("bias-risks-limitations", "out-of-scope-use")),
    )


def _texts(card: Card, key: str) -> tuple[str, ...]:
    from hubpolicy.core.card.metadata import texts_of

    return tuple(dict.fromkeys(str(found.value) for found in texts_of(card.metadata, key)))


def _sections(card: Card, readme: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
    found = [card.section(name) for name in wanted]
    texts = [_text(card, readme, section) for section in found if section is not None]
    return tuple(text for text in texts if text)


def _text(card: Card, readme: str, section: Section) -> str:
    """From behind its heading up to the next heading of its level or a higher one."""
    ends = [s.line for s in card.sections if s.line > section.line and 0 < s.level <= section.level]
    lines = readme.split("\n")[section.line : min(ends) - 1 if ends else None]
    text = "\n".join(line.rstrip() for line in lines if not line.lstrip().startswith("<!--"))
    return text.strip()[:_LONGEST]
