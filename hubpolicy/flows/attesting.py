# SPDX-License-Identifier: Apache-2.0
"""The ``attest`` trip: every line whose inputs exist, and the release line last.

Idempotent: what still holds for these bytes is kept as it is, what does not is dropped, and a
second run signs nothing new. Nothing is released here, and no word "passed" is taken on trust:
the same judge that guards the gate decides whether the release line may be signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from hubpolicy.core.bundle import parse_bundle
from hubpolicy.core.evidence_files import policy_path
from hubpolicy.core.judge import INPUTS, judge
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.lines import first_releases, people_asked
from hubpolicy.core.predicates import VERIFIER_ID
from hubpolicy.core.rules.hp710 import refusal
from hubpolicy.core.signatories import principal_at_hand
from hubpolicy.core.statements import CARD, card_statement, release_statement
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.domain.statement import (
    CardResult,
    ForeignEvidence,
    ReleaseSummary,
    ToxicityResult,
    Waiver,
)
from hubpolicy.flows.adding import add_run
from hubpolicy.flows.importing import with_imports
from hubpolicy.flows.kept import (
    Desk,
    Line,
    Revised,
    carried,
    evidence_of,
    read_lines,
    release_file,
    sign,
    stamped,
    still_true,
    uri_of,
)
from hubpolicy.flows.model_signatures import new_signature, standing_signature, with_given

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.foreign_evidence import Imported
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.manifest import EvidenceFile, Manifest
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.statement import FirstRelease
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import EvidenceWriter, ReleaseReader

__all__ = ["Assemble", "Attested", "Desk", "Revised", "add_run", "attest"]

_OWN = (CardResult, ReleaseSummary)
_DATED = (ToxicityResult, ForeignEvidence)


class Assemble(Protocol):
    """How evidence is read and verified (``flows/assemble.py``)."""

    def __call__(
        self, reader: ReleaseReader, target: RepoId | None, policy: Policy, trust: Trust, now: str
    ) -> Evidence:
        """Everything that the judge sees."""


class Attested(NamedTuple):
    """What came of it. ``signed`` names the lines that are new; ``released`` = the gate opens.

    ``files`` is the evidence as it was judged, byte for byte; ``dropped`` says which waivers
    and which lines that prove nothing went, and why; ``damaged``: some of these are no bundles.
    """

    decision: Decision
    manifest: Manifest
    evidence: Evidence
    files: tuple[EvidenceFile, ...]
    signed: tuple[str, ...]
    released: bool
    written: bool
    dropped: tuple[str, ...] = ()
    damaged: bool = False


def _yes() -> None:
    """Nothing speaks against it."""


class _Trip(NamedTuple):
    """One attestation under way; ``signed`` grows."""

    reader: ReleaseReader
    files: tuple[EvidenceFile, ...]
    target: RepoId
    desk: Desk
    assemble: Assemble
    now: str
    signed: list[str]

    @property
    def manifest(self) -> Manifest:
        return self.reader.manifest

    @property
    def me(self) -> str:
        """Whose key is at hand; empty for a stranger's, which no line will take."""
        return principal_at_hand(self.desk.signer, self.desk.trust.root)

    def may(self, role: str) -> bool:
        """A stranger's key may try, and is refused with the reason."""
        return not self.me or role in self.desk.trust.root.roles_of(self.me)

    def seen(self, made: dict[str, bytes]) -> Evidence:
        """These files verified again, as everybody else will."""
        desk = self.desk
        reader = Revised(self.reader, evidence_of(made))
        return self.assemble(reader, self.target, desk.policy, desk.trust, self.now)


def attest(
    reader: ReleaseReader,
    writer: EvidenceWriter,
    target: RepoId,
    desk: Desk,
    card: CardResult,
    assemble: Assemble,
    *,
    only_if_passed: bool = False,
    writing: bool = True,
    permit: Callable[[], None] = _yes,
    imports: tuple[Imported, ...] = (),
    model_signature: bytes | None = None,
) -> Attested:
    """Write ``model.sig`` and ``.hubpolicy/``; sign the release line if the judge lets it.

    Everything is made and judged in memory first; the files follow, the release lines last.
    ``only_if_passed`` leaves what stands there alone unless the release passes; a damaged line,
    which may be all that is left of a run, does the same; without ``writing`` nothing changes.
    ``permit`` is asked right before writing, and raises what speaks against it. ``imports`` is
    third-party evidence to sign besides, ``model_signature`` one to put in place of ``model.sig``.

    Raises:
        VerificationError: the key at hand is not in the trust root, or lacks a role.
        ServiceError: the evidence could not be written; what stood there still stands.

    """
    now, files = desk.clock.now(), reader.evidence_files()
    files = with_given(files, model_signature, reader.manifest, desk, now)
    trip = _Trip(reader, files, target, desk, assemble, now, [])
    every, refused = read_lines(files, desk.trust, trip.now)
    kept = still_true(every, trip.manifest)
    lines = [item for item in kept if not isinstance(item.line.predicate, _OWN)]
    lines = with_imports(lines, imports, trip.manifest, desk, trip.now, trip.signed)
    lines += _card_lines(trip, kept, card)
    signature = _model_signature(trip)
    draft = trip.seen(_made(trip, lines, signature))
    lines, dropped = _without_void_waivers(draft, lines)
    made = _made(trip, lines, signature)
    if dropped:
        draft = trip.seen(made)
    draft = draft._replace(first_released=_first_released(trip, every, lines))
    decision = judge(draft, INPUTS)
    if decision.verdict == "passed":
        releases = _release_lines(trip, kept, draft)
        made = _made(trip, [*lines, *releases], signature)
        if releases:
            made[policy_path(desk.policy.sha256)] = desk.policy_envelope
        draft = trip.seen(made)
        decision = judge(draft)
    passed = decision.verdict == "passed"
    damaged = any(each.damaged for each in refused)
    written = writing and bool(lines) and (passed or not (only_if_passed or damaged))
    if written:
        permit()
        _write(writer, made, files)
    return Attested(
        decision, trip.manifest, draft, evidence_of(made), tuple(trip.signed), passed, written,
        (*dropped, *(each.reason for each in refused)), damaged,
    )  # fmt: skip


def _made(trip: _Trip, lines: list[Line], signature: bytes | None) -> dict[str, bytes]:
    """Path to content of the evidence that these lines make."""
    made = carried(trip.files, lines)
    if signature is not None:
        made[MODEL_SIGNATURE] = signature
    if lines:
        made[RELEASE_FILE] = release_file(lines)
    return made


def _first_released(trip: _Trip, every: list[Line], lines: list[Line]) -> tuple[FirstRelease, ...]:
    """Of the runs that stay: when as many releasers as must sign had released them.

    The lines may be of other bytes or for another repository: a run's evidence is judged fresh at
    its first release, and a new card or a new target does not make it older. Of what each releaser
    states first the latest counts, so that no clock that was set back counts alone.
    """
    wanted = people_asked(trip.desk.policy, trip.desk.trust, "releaser")
    runs = {i.line.payload_sha256 for i in lines if isinstance(i.line.predicate, _DATED)}
    stated: dict[str, dict[str, FirstRelease]] = {run: {} for run in runs}
    for item in every:
        summary = item.line.predicate
        if not isinstance(summary, ReleaseSummary) or summary.result != "PASSED":
            continue
        for run, first in first_releases(item.line, summary).items():
            if run in runs:
                known = stated[run].get(item.line.principal, first)
                stated[run][item.line.principal] = min(known, first, key=lambda each: each.time)
    enough = (sorted(each.values(), key=lambda first: first.time)[:wanted]
              for _, each in sorted(stated.items()) if len(each) >= wanted)  # fmt: skip
    return tuple(firsts[-1] for firsts in enough)


def _without_void_waivers(draft: Evidence, lines: list[Line]) -> tuple[list[Line], tuple[str, ...]]:
    """Waivers that waive nothing any more would block for ever (HP710): they go, and it is said."""
    kept, dropped = [], []
    for item in lines:
        waiver = item.line.predicate
        reason = refusal(draft, item.line, waiver) if isinstance(waiver, Waiver) else ""
        if isinstance(waiver, Waiver) and reason:
            dropped.append(f"the waiver of {waiver.rule}: it {reason}")
        else:
            kept.append(item)
    return kept, tuple(dropped)


def _write(writer: EvidenceWriter, made: dict[str, bytes], files: tuple[EvidenceFile, ...]) -> None:
    for path in sorted(made, key=lambda path: (path == RELEASE_FILE, path)):
        writer.write(path, made[path])
    for file in files:
        if file.path not in made:
            writer.remove(file.path)


def _card_lines(trip: _Trip, kept: list[Line], card: CardResult) -> list[Line]:
    """What other checkers say of this card, and our own word where it is asked for.

    Checkers stand beside each other, so that two can be asked; a line of an older schema goes.
    Where enough of them said the very same before, nothing is signed.
    """
    desk, manifest = trip.desk, trip.manifest
    readme = next((entry for entry in manifest.entries if entry.path == CARD), None)
    if readme is None:
        return []
    payload = card_statement(card, readme, manifest, tool_version=desk.version)
    others = [
        item for item in kept if _is_current(item.line, trip) and item.line.principal != trip.me
    ]
    agreed = {item.line.principal for item in others if item.line.predicate == card}
    if len(agreed) >= people_asked(desk.policy, desk.trust, "checker"):
        return others
    if others and not trip.may("checker"):
        return others
    for item in kept:
        same = item.line.keyid == desk.signer.keyid and item.line.principal == trip.me
        if same and parse_bundle(item.raw, where="a kept line").payload == payload:
            return [*others, item]
    trip.signed.append("card")
    return [*others, sign(payload, desk, trip.now)]


def _is_current(line: VerifiedStatement, trip: _Trip) -> bool:
    """A card line under the schema and the rules that the policy asks for."""
    result, wanted = line.predicate, trip.desk.policy.card
    if not isinstance(result, CardResult) or result.schema_sha256 != wanted.schema_sha256:
        return False
    return {*result.passed, *result.warned, *result.failed} >= set(wanted.rules)


def _model_signature(trip: _Trip) -> bytes | None:
    """The ``model.sig`` that holds already, or a new one; None where there is nothing to sign."""
    manifest, desk = trip.manifest, trip.desk
    if not manifest.entries:
        return None
    standing = standing_signature(trip.files, manifest, trip.target.name, desk, trip.now)
    if standing is not None or not trip.may("releaser"):
        return standing
    trip.signed.append(MODEL_SIGNATURE)
    return new_signature(manifest, trip.target.name, desk)


def _release_lines(trip: _Trip, kept: list[Line], draft: Evidence) -> list[Line]:
    """What holds of other releasers' lines, and one by the key at hand.

    Two releasers agree where their summaries differ in nothing but time. Another releaser's
    FAILED about these bytes stays, and nothing is signed beside it: like a rejection, it ends
    only by another word of the same person.
    """
    desk = trip.desk
    refused = [item for item in kept if _refuses(item.line, trip)]
    if refused:
        return refused
    inputs = [(uri_of(line), line.payload_sha256) for line in draft.lines]
    if draft.model_signature is not None:
        inputs.append((MODEL_SIGNATURE, draft.model_signature.payload_sha256))
    inputs = sorted(set(inputs))
    summary = ReleaseSummary(
        verifier_id=VERIFIER_ID,
        verifier_version=desk.version,
        resource_uri=trip.target.purl,
        policy_sha256=desk.policy.sha256,
        time_verified=trip.now,
        inputs=tuple(digest for _, digest in inputs),
        result="PASSED",
        first_released=draft.first_released,
    )
    standing = [item for item in kept if _says(item.line, summary)]
    if any(item.line.keyid == desk.signer.keyid for item in standing):
        return [_stamped(item, trip) for item in standing]
    if not trip.may("releaser"):
        return standing
    trip.signed.append("release")
    # Never another one's payload: its time would be vouched for by somebody who did not look.
    payload = release_statement(summary, trip.manifest, inputs=tuple(inputs))
    return [*standing, _stamped(sign(payload, desk, trip.now), trip)]


def _stamped(item: Line, trip: _Trip) -> Line:
    """Our own line with a timestamp where one is asked for; without signing it again."""
    if item.line.keyid != trip.desk.signer.keyid or trip.desk.time_service is None:
        return item
    new = stamped(item, trip.desk, trip.desk.time_service)
    if new != item:
        trip.signed.append("timestamp")
    return new


def _refuses(line: VerifiedStatement, trip: _Trip) -> bool:
    """True for somebody else's release line that says FAILED of this release."""
    old = line.predicate
    if not isinstance(old, ReleaseSummary) or old.result == "PASSED":
        return False
    return old.resource_uri == trip.target.purl and line.principal != trip.me


def _says(line: VerifiedStatement, summary: ReleaseSummary) -> bool:
    """True for a release line that says the same, at whatever time, by whatever version of us."""
    old = line.predicate
    if not isinstance(old, ReleaseSummary) or set(old.inputs) != set(summary.inputs):
        return False
    return old == summary._replace(
        time_verified=old.time_verified,
        verifier_version=old.verifier_version,
        inputs=old.inputs,
        first_released=old.first_released,
    )
