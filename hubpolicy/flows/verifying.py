# SPDX-License-Identifier: Apache-2.0
"""The ``verify`` trip: bring bytes and evidence together, from wherever each of them is.

The bytes are a folder, a git tree, or what a hub lists; the evidence stands beside them, comes
from the hub, or was given apart. Nothing is decided here; ``core/judge.py`` decides.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.as_of_then import unproven
from hubpolicy.core.coverage import measurements
from hubpolicy.core.judge import judge, require_current
from hubpolicy.core.lines import at_hand, digests, select
from hubpolicy.core.partial import Coverage, coverage_of
from hubpolicy.core.rules import hp301, hp310, hp411
from hubpolicy.core.rules.hp412 import evidence_kind
from hubpolicy.domain.manifest import EvidenceFile, is_evidence_path
from hubpolicy.domain.policy import CHILD_FILE, CHILD_LIMIT
from hubpolicy.domain.statement import ReleaseSummary
from hubpolicy.domain.verification import Signatory, Verification
from hubpolicy.errors import HubpolicyError, ServiceError, VerificationError
from hubpolicy.flows.abbreviated import resolve
from hubpolicy.flows.assemble import assemble, assemble_listing, assemble_part
from hubpolicy.flows.auditing import Court, policy_then
from hubpolicy.flows.beside import with_bad_news
from hubpolicy.flows.fetching import read_evidence, read_listed
from hubpolicy.flows.kept import Revised, evidence_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.manifest import Listing
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import Hub, ReleaseReader

Files = tuple[EvidenceFile, ...]


class Law(NamedTuple):
    """What is judged by, from outside of what is judged, and when (ISO 8601 UTC).

    ``under``: the policy with what the release's own ``hubpolicy.toml`` makes stricter.
    """

    policy: Policy
    trust: Trust
    now: str
    under: Callable[[bytes], Policy] | None = None


class Upstream(NamedTuple):
    """Where a snapshot came from, and how to open the hub; None where nobody may be asked."""

    repo: RepoId
    commit: str
    hub: Callable[[], Hub] | None


class Gathered(NamedTuple):
    """Everything that the judge sees, and how much of the release was at hand.

    ``revision``: a commit id on the hub, a git revision, or empty. ``part``: files of the release
    may be absent.
    """

    evidence: Evidence
    files: Files
    coverage: Coverage
    revision: str = ""
    part: bool = False


def gather_whole(
    reader: ReleaseReader, target: RepoId | None, law: Law, given: Files | None, revision: str = ""
) -> Gathered:
    """A folder or a tree in which every file of the release must be.

    Raises:
        ServiceError: something cannot be read.

    """
    return _with_given(reader, given, target, law, revision, part=False)


def gather_part(
    reader: ReleaseReader,
    target: RepoId | None,
    law: Law,
    given: Files | None,
    upstream: Upstream | None = None,
) -> Gathered:
    """A folder with some files of a release, as a download leaves it.

    Evidence that is neither beside it nor given is fetched from where the files came from, and
    only then: what is complete here needs no hub.

    Raises:
        AccessError, ServiceError: something cannot be read, or the hub does not give it.

    """
    commit = upstream.commit if upstream is not None else ""
    found = _with_given(reader, given, target, law, commit, part=True)
    if upstream is None or upstream.hub is None:
        return _with_child(found, None, law)
    if given is None and not _complete(found.evidence):
        hub = upstream.hub()
        remote = read_evidence(upstream.repo, commit, hub.listing(upstream.repo, commit), hub)
        # What is here stays: it was downloaded, and is to be judged.
        made = evidence_of({**dict(remote), **dict(found.files)})
        found = _gathered(reader, made, target, law, commit, part=True)
    return _with_child(found, upstream, law)


def gather_listing(
    repo: RepoId, revision: str, hub: Hub, law: Law, given: Files | None
) -> Gathered:
    """What stands on a hub, by its listing; no weights are downloaded.

    Raises:
        AccessError, ServiceError: there is no such revision, or the hub does not give it.

    """
    oid = resolve(hub, repo, revision)
    listing = hub.listing(repo, oid)
    beside = read_evidence(repo, oid, listing, hub)
    policy = law.policy
    child = _child_of(repo, oid, listing, hub)
    if law.under is not None and child is not None:
        policy = law.under(child)

    def assembled(files: Files) -> Evidence:
        return assemble_listing(listing, files, repo, policy, law.trust, law.now)

    files = with_given(beside, given)
    evidence = assembled(files)
    if given is not None and (all_files := with_bad_news(files, beside, evidence)) != files:
        files, evidence = all_files, assembled(all_files)
    here = tuple(file.path for file in listing.files if not is_evidence_path(file.path))
    return Gathered(evidence, files, coverage_of(here, evidence.lines), oid)


def as_released(gathered: Gathered, law: Law) -> Gathered:
    """The same as of then: under the policy that the newest release line names, at its time.

    As an audit judges (``flows/auditing.py``): keys, payloads and files that are revoked today stay
    revoked, and a time without a timestamp is the releaser's word, unless the state says that the
    policy of then counts no more. Without a release line nothing changes.

    Raises:
        ConfigError: the policy or the trust of today has ended.
        VerificationError: the policy of then is not in the evidence, does not hold, or counts no
            more, and no timestamp shows that the line is of then.

    """
    evidence = gathered.evidence
    require_current(evidence)
    releases = select(evidence.lines, ReleaseSummary)
    if not releases:
        return gathered
    line, summary = releases[-1]
    # The policy in force, with what a child in the release made of it, if it is the one of then.
    court = Court(evidence.policy, law.trust, law.now, assemble_listing)
    try:
        policy = policy_then(summary.policy_sha256, gathered.files, court)
    except HubpolicyError as error:
        hint = error.hint or "--evidence DIR, with .hubpolicy/policy/ in it"
        raise VerificationError(error.message, hint=hint) from error
    why_not = unproven(policy, evidence.policy, line.stamps, law.trust.state, law.now)
    if why_not:
        raise VerificationError(why_not, hint="its publisher signs it again: hubpolicy attest PATH")
    then = evidence._replace(policy=policy, now=summary.time_verified)
    return gathered._replace(evidence=then)


def with_given(beside: Files, given: Files | None) -> Files:
    """The evidence that was given takes the place of that beside the files.

    But for what is no known kind of evidence: that may be anything, and stays to be refused. And
    but for bad news, which ``flows/beside.py`` adds once the bytes are known.
    """
    if given is None:
        return beside
    unknown = {file.path: file.content for file in beside if evidence_kind(file.path) is None}
    return evidence_of({**unknown, **dict(given)})


def verification_of(gathered: Gathered, decision: Decision) -> Verification:
    """The answer as a value."""
    evidence, coverage = gathered.evidence, gathered.coverage
    releases = select(evidence.lines, ReleaseSummary)
    summary = releases[-1][1] if releases else None
    return Verification(
        verdict=decision.verdict,
        findings=decision.findings,
        waived=decision.waived,
        target=evidence.target.purl if evidence.target is not None else "",
        attested_for=summary.resource_uri if summary is not None else "",
        revision=gathered.revision,
        dir_hash=at_hand(evidence),
        files_checked=coverage.here,
        files_total=coverage.total,
        absent=coverage.absent,
        measurements=tuple(measured for _, measured in measurements(evidence)),
        signers=signatories(evidence),
        released_at=summary.time_verified if summary is not None else "",
        policy_id=evidence.policy.id,
        policy_version=evidence.policy.version,
        policy_sha256=evidence.policy.sha256,
        solo=evidence.trust.root.solo,
        timestamps=tuple(
            (stamp.authority, stamp.time) for line, _ in releases[-1:] for stamp in line.stamps
        ),
    )


def whole_verification(evidence: Evidence, revision: str) -> Verification:
    """The answer about a manifest in which every file is, as far as it is evidence already."""
    here = tuple(digests(evidence))
    gathered = Gathered(evidence, (), coverage_of(here, evidence.lines), revision)
    return verification_of(gathered, judge(evidence))


def signatories(evidence: Evidence) -> tuple[Signatory, ...]:
    """Everybody whose signature holds, in each role that it was made in."""
    found = {
        Signatory(role, line.principal, line.keyid)
        for line in evidence.lines
        for role in line.roles
    }
    signature = evidence.model_signature
    if signature is not None:
        found.add(Signatory("releaser", signature.principal, signature.keyid))
    return tuple(sorted(found))


def _gathered(
    reader: ReleaseReader,
    files: Files,
    target: RepoId | None,
    law: Law,
    revision: str,
    *,
    part: bool,
) -> Gathered:
    put_together = assemble_part if part else assemble
    evidence = put_together(Revised(reader, files), target, law.policy, law.trust, law.now)
    if law.under is not None and any(e.path == CHILD_FILE for e in reader.manifest.entries):
        evidence = evidence._replace(policy=law.under(reader.read(CHILD_FILE)))
    here = tuple(entry.path for entry in reader.manifest.entries)
    return Gathered(evidence, files, coverage_of(here, evidence.lines), revision, part)


def _with_given(
    reader: ReleaseReader,
    given: Files | None,
    target: RepoId | None,
    law: Law,
    revision: str,
    *,
    part: bool,
) -> Gathered:
    """Judged by what was given, else by what lies beside; bad news from beside always counts."""
    beside = reader.evidence_files()
    files = with_given(beside, given)
    found = _gathered(reader, files, target, law, revision, part=part)
    if given is None or (more := with_bad_news(files, beside, found.evidence)) == files:
        return found
    return _gathered(reader, more, target, law, revision, part=part)


def _with_child(found: Gathered, upstream: Upstream | None, law: Law) -> Gathered:
    """A child policy that the release line names asks the same of those who did not download it.

    It is fetched from where the files came from; where nobody may be asked, nothing passes.

    Raises:
        AccessError, ServiceError: the hub does not give it, or gives another one.

    """
    manifest = found.evidence.manifest
    signed = [e for e in manifest.entries if e.path == CHILD_FILE] if manifest else []
    if law.under is None or not signed or CHILD_FILE not in found.coverage.absent:
        return found
    if upstream is None or upstream.hub is None:
        unknown = hp411.check([(CHILD_FILE, "it is of the release, and not here")])
        refusals = tuple(finding._replace(fix=f"download {CHILD_FILE} too") for finding in unknown)
        more = (*found.evidence.refusals, *refusals)
        return found._replace(evidence=found.evidence._replace(refusals=more))
    hub = upstream.hub()
    listing = hub.listing(upstream.repo, upstream.commit)
    child = _child_of(upstream.repo, upstream.commit, listing, hub)
    if child is None or hashlib.sha256(child).hexdigest() != signed[0].sha256:
        message = f"{CHILD_FILE} of {upstream.repo.text} is not the one that was released"
        raise ServiceError(message, hint=f"download {CHILD_FILE} too")
    return found._replace(evidence=found.evidence._replace(policy=law.under(child)))


def _child_of(repo: RepoId, oid: str, listing: Listing, hub: Hub) -> bytes | None:
    """The child policy in a commit, as it is listed; None where there is none.

    Raises:
        AccessError, ServiceError: the hub does not give it, or gives another one.

    """
    child = next((file for file in listing.files if file.path == CHILD_FILE), None)
    return None if child is None else read_listed(repo, oid, child, hub, CHILD_LIMIT)


def _complete(evidence: Evidence) -> bool:
    """A release line holds, and all of the evidence that it names is here."""
    return bool(digests(evidence)) and not (*hp301.check(evidence), *hp310.check(evidence))
