# SPDX-License-Identifier: Apache-2.0
"""The ``audit`` trip: every branch, tag and pull-request ref, judged without downloading weights.

As of then and as of now (DESIGN.md §5): a release is judged under the policy that its release line
names, at the time that it states, with today's revocations. What holds so but would not pass the
policy in force today is STALE. A time without a timestamp token is self-declared.

Where the state says until when older policies count, a line under one that counts no more is of
then only if a timestamp proves it (``core/as_of_then.py``).

What nobody attested and a signed baseline lists, commit by commit, is BASELINE: known to have
stood there, not judged. It is never more than that, and hides nothing that was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from hubpolicy.core import coverage
from hubpolicy.core.as_of_then import unproven
from hubpolicy.core.baseline import Baseline
from hubpolicy.core.documents import verify_policy
from hubpolicy.core.evidence_files import POLICY_FOLDER
from hubpolicy.core.judge import judge, require_current
from hubpolicy.core.lines import at_hand, select, signed_digests
from hubpolicy.core.listed_weights import digest_of, is_part, publishes_weights
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.proposed import content_of, is_proposal, judge_beside, rejections
from hubpolicy.core.rules import hp301, hp309, hp703
from hubpolicy.core.rules.hp310 import unnamed
from hubpolicy.core.signing_history import signings
from hubpolicy.core.state_terms import find_older
from hubpolicy.core.timestamps import told
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import ReleaseSummary
from hubpolicy.errors import AccessError, HubpolicyError, ServiceError
from hubpolicy.flows.fetching import read_evidence

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.signing_history import Signing
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.manifest import EvidenceFile, Listing
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import HubReader, Progress, RemoteRef

Status = Literal[
    "ATTESTED",
    "ATTESTED_WAIVED",
    "STALE",
    "BASELINE",
    "UNATTESTED",
    "MODIFIED",
    "REVOKED",
    "EXPOSED",
    "UNREADABLE",
]
GREEN = frozenset({"ATTESTED", "ATTESTED_WAIVED", "STALE", "BASELINE"})
"""STALE and BASELINE are not red unless asked: one held when it was released, the other was there
before the policy."""

_HELD = frozenset({"ATTESTED", "ATTESTED_WAIVED", "STALE"})
_REVOKED = frozenset({"HP701", "HP702", "HP703"})
_MODIFIED = frozenset({"HP302", "HP304", "HP305", "HP308", "HP310", "HP412"})
"""What shows that files or evidence are not as the releaser left them, where a release line holds.
"""


class RefVerdict(NamedTuple):
    """What is known of one ref.

    ``weights``: whether something like weights was seen there. ``signings``: every release line
    there that verifies, the one that was judged and others. ``covers``: hex digests, each way to
    name it, of what is run or loaded and belongs to the release that holds. ``content``: a digest
    of what was released, or of what waits for a release line and has nothing against it.
    """

    repo: RepoId
    ref: str
    oid: str
    status: Status
    detail: str
    findings: tuple[Finding, ...] = ()
    dir_hash: str = ""
    time: str = ""
    signer: str = ""
    weights: bool = False
    signings: tuple[Signing, ...] = ()
    covers: frozenset[str] = frozenset()
    content: str = ""


class AssembleListing(Protocol):
    """How evidence is put together from a hub listing (``flows/assemble.py``)."""

    def __call__(
        self,
        listing: Listing,
        files: tuple[EvidenceFile, ...],
        target: RepoId,
        policy: Policy,
        trust: Trust,
        now: str,
    ) -> Evidence:
        """Everything that the judge sees."""


class Court(NamedTuple):
    """Who judges: policy and trust in force, the moment, and how evidence is read.

    ``baseline`` lists what was adopted; verified, and empty where nothing was. ``governing`` is the
    policy as it was signed, where children make the one of today stricter.
    """

    policy: Policy
    trust: Trust
    now: str
    assemble: AssembleListing
    baseline: Baseline = Baseline()
    governing: Policy | None = None


def audit(repo: RepoId, hub: HubReader, court: Court, progress: Progress) -> tuple[RefVerdict, ...]:
    """A verdict per ref. Refs of one commit are read once, and so is evidence that they share.

    Raises:
        AccessError, ServiceError: the refs themselves could not be listed.

    """
    return tuple(map(without_digests, audit_refs(repo, hub.refs(repo), hub, court, progress)))


def audit_refs(
    repo: RepoId,
    refs: tuple[RemoteRef, ...],
    hub: HubReader,
    court: Court,
    progress: Progress,
) -> tuple[RefVerdict, ...]:
    """The same of refs that were listed before.

    Raises:
        AccessError: the login may not read one.

    """
    advance = progress.start(f"auditing {repo.text}", len(refs), "refs")
    known: dict[str, RefVerdict | None] = {}
    contents: dict[str, bytes] = {}
    # What a branch shows, too, is no proposal any more.
    strictest = {ref.oid: ref for ref in sorted(refs, key=lambda ref: not is_proposal(ref.name))}
    found = []
    for ref in refs:
        if ref.oid not in known:
            known[ref.oid] = _judge_ref(repo, strictest[ref.oid], hub, court, contents)
        verdict = known[ref.oid]
        if verdict is not None:
            found.append(verdict._replace(ref=ref.name))
        advance(1)
    held = (each for each in reversed(found) if each.content and each.status in _HELD)
    released = {each.content: each for each in held}
    return tuple(_unless_released(each, released.get(each.content)) for each in found)


def _unless_released(verdict: RefVerdict, same: RefVerdict | None) -> RefVerdict:
    """What waited in a pull request, after another ref released exactly these bytes."""
    if same is None or verdict.status != "UNATTESTED" or not is_proposal(verdict.ref):
        return verdict
    detail = f"the files of {same.ref}, with evidence of its own and no release line; {same.detail}"
    return verdict._replace(
        status=same.status, detail=detail, findings=(), dir_hash=same.dir_hash
    )  # fmt: skip


def _judge_ref(
    repo: RepoId, ref: RemoteRef, hub: HubReader, court: Court, contents: dict[str, bytes]
) -> RefVerdict | None:
    """None: it is no release, a dataset or a Space without anything like weights in it."""
    try:
        listing = hub.listing(repo, ref.oid)
        if repo.repo_type != "model" and not any(map(publishes_weights, listing.files)):
            return None
        files = read_evidence(repo, ref.oid, listing, hub, contents)
    except AccessError:
        raise
    except HubpolicyError as error:
        return RefVerdict(repo, ref.name, ref.oid, "UNREADABLE", error.message)
    return judge_listing(repo, ref, listing, files, court)


def resolve_revision(hub: HubReader, repo: RepoId, revision: str) -> str:
    """The commit id of a branch, a tag, a full ref name, or of itself.

    Raises:
        ServiceError: the repository has no such ref.

    """
    found = revision if _is_oid(revision) else named_revision(hub.refs(repo), revision)
    if not found:
        raise unknown_revision(repo, revision)
    return found


def named_revision(refs: tuple[RemoteRef, ...], revision: str) -> str:
    """What a full id, a ref or the name of a branch or tag is; empty: none of them."""
    if _is_oid(revision):
        return revision
    heads = {ref.name: ref.oid for ref in refs}
    names = (revision, f"refs/heads/{revision}", f"refs/tags/{revision}")
    return next((heads[name] for name in names if name in heads), "")


def _is_oid(revision: str) -> bool:
    return len(revision) in {40, 64} and not set(revision) - set("0123456789abcdef")


def unknown_revision(repo: RepoId, revision: str) -> ServiceError:
    """The error for a name that a repository does not have."""
    message = f"{repo.text} has no revision {revision!r}"
    hint = f"hubpolicy audit {repo.text} lists the refs; of a commit say 7 digits or more"
    return ServiceError(message, hint=hint)


def judge_listing(
    repo: RepoId,
    ref: RemoteRef,
    listing: Listing,
    files: tuple[EvidenceFile, ...],
    court: Court,
) -> RefVerdict:
    """Pure: the verdict on one tree, as of then and as of now."""
    verdict = _unless_adopted(_judge_tree(repo, ref, listing, files, court), court)
    return verdict._replace(weights=any(map(publishes_weights, listing.files)))


def _unless_adopted(verdict: RefVerdict, court: Court) -> RefVerdict:
    """BASELINE in place of UNATTESTED for a commit that was adopted.

    Whatever is known to be wrong stays as it is: revoked, modified, or measured and toxic.
    """
    entry = court.baseline.find(verdict.repo, verdict.oid, court.now)
    measured = any(f.effect == "failed" and f.rule.startswith("HP2") for f in verdict.findings)
    if entry is None or verdict.status != "UNATTESTED" or measured:
        return verdict
    detail = f"adopted {entry.adopted[:10]}, until {entry.until}; never judged"
    return verdict._replace(status="BASELINE", detail=detail, findings=())


def _judge_tree(
    repo: RepoId,
    ref: RemoteRef,
    listing: Listing,
    files: tuple[EvidenceFile, ...],
    court: Court,
) -> RefVerdict:
    base = RefVerdict(repo, ref.name, ref.oid, "UNATTESTED", "")
    today = court.assemble(listing, files, repo, court.policy, court.trust, court.now)
    require_current(today)
    releases = select(today.lines, ReleaseSummary)
    if not releases:
        revoked = (*hp703.check(today), *(f for f in today.rejected if f.rule in _REVOKED))
        if revoked:
            return base._replace(status="REVOKED", detail=revoked[0].message, findings=revoked)
        return _unreleased(base, today)
    line, summary = releases[-1]
    base = base._replace(
        time=summary.time_verified, signer=line.principal, dir_hash=at_hand(today),
        signings=signings(today, lambda sha256: _named_policy(sha256, files, court)),
    )  # fmt: skip
    beside = unnamed(today) if is_proposal(ref.name) else frozenset()
    try:
        policy = policy_then(summary.policy_sha256, files, court)
        as_of_then = today._replace(policy=policy, now=summary.time_verified)
        then = judge_beside(as_of_then, beside, court.now)
    except HubpolicyError as error:
        return base._replace(detail=error.message, findings=(_unattested(error.message),))
    if then.verdict != "passed":
        return _refused(base, then.findings)
    why_not = unproven(policy, court.policy, line.stamps, court.trust.state, court.now)
    if why_not:
        fix = "hubpolicy attest PATH signs the release line again; nothing is tested twice"
        late = Finding(hp309.ID, hp309.SEVERITY, why_not, None, fix, "inconclusive")
        return base._replace(detail=f"{hp309.ID} {why_not}", findings=(late,))
    time = told(line.stamps, summary.time_verified)
    if beside:
        time += f"; {len(beside)} piece(s) of evidence proposed beside it, which nobody released"
    base = base._replace(covers=_covered(line, today), content=content_of(today))
    return _as_of_now(base, then.waived, time, today, beside)


def _as_of_now(
    base: RefVerdict,
    waived: tuple[Finding, ...],
    time: str,
    today: Evidence,
    beside: frozenset[str],
) -> RefVerdict:
    """What held then, with what today's policy says of it, and always by whose word it is of then.

    The bytes and the evidence are the same; ``waived`` is what was forgiven then.
    """
    now = judge_beside(today, beside, today.now)
    if now.verdict != "passed":
        worst = _errors(now.findings)[0]
        detail = f"today: {worst.rule} {worst.message}; {time}"
        return base._replace(status="STALE", detail=detail)
    if waived:
        rules = ", ".join(sorted({finding.rule for finding in waived}))
        return base._replace(status="ATTESTED_WAIVED", detail=f"waived: {rules}; {time}")
    return base._replace(status="ATTESTED", detail=time)


def _covered(line: VerifiedStatement, today: Evidence) -> frozenset[str]:
    files = today.listing.files if today.listing is not None else ()
    parts = {file.path: digest_of(file) for file in files if is_part(file)}
    return frozenset(parts.values()) | signed_digests(line, parts)


def without_digests(verdict: RefVerdict) -> RefVerdict:
    """The verdict as it is kept: nobody asks any more what it covers, and there may be many."""
    return verdict._replace(covers=frozenset())


def _unreleased(base: RefVerdict, today: Evidence) -> RefVerdict:
    """No release line that counts. What other evidence there is says why nobody signed one."""
    if today.rejected:
        return base._replace(detail=today.rejected[0].message, findings=today.rejected)
    if not today.lines:
        detail = "no evidence about these bytes"
        return base._replace(detail=detail, findings=(_unattested(detail),))
    # Without a release line a listing gives no dirHash: what binds the whole cannot be judged.
    errors = _errors(judge(today, (hp301.check, coverage.check)).findings)
    others = sorted({f.rule for f in errors} - {"HP301"})
    detail = "; ".join(("no release line", *others))
    waits = not any(f.effect == "failed" for f in errors) and not rejections(today)
    content = content_of(today) if waits else ""
    return base._replace(detail=detail, findings=errors, content=content)


def policy_then(sha256: str, files: tuple[EvidenceFile, ...], court: Court) -> Policy:
    """The policy named in the release line, trusted by its signature only."""
    if sha256 == court.policy.sha256:
        return court.governing or court.policy
    path = f"{POLICY_FOLDER}{sha256}.json"
    for file in files:
        if file.path == path:
            payload = verify_policy(file.content, court.trust, sha256=sha256, where=path)
            return parse_policy(payload, where=path)
    message = f"the policy {sha256[:12]} that the release names is not in the repository"
    raise HubpolicyError(message)


def _named_policy(sha256: str, files: tuple[EvidenceFile, ...], court: Court) -> tuple[str, int]:
    """Id and version of the policy that a line names, as far as its document is at hand."""
    try:
        policy = policy_then(sha256, files, court)
    except HubpolicyError:
        older = find_older(court.trust.state, sha256)
        return ("", 0 if older is None else older.version)
    return (policy.id, policy.version)


def _refused(base: RefVerdict, findings: tuple[Finding, ...]) -> RefVerdict:
    errors = _errors(findings)
    rules = {finding.rule for finding in errors}
    status: Status = "UNATTESTED"
    if rules & _REVOKED:
        status = "REVOKED"
    elif rules & _MODIFIED:
        status = "MODIFIED"
    first = next((f for f in errors if f.rule in _REVOKED | _MODIFIED), errors[0])
    return base._replace(status=status, detail=f"{first.rule} {first.message}", findings=errors)


def _errors(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)


def _unattested(detail: str) -> Finding:
    fix = "hubpolicy test PATH, then hubpolicy push PATH NAMESPACE/NAME"
    return Finding("HP301", Severity.ERROR, detail, None, fix, "inconclusive")
