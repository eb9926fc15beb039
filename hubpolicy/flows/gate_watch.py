# SPDX-License-Identifier: Apache-2.0
"""What all decisions about requests share: who decides, the answer, and how a tree is judged.

Everything is judged as of now: a gate opens for what passes today, not for what once passed.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.evidence_files import RECORDS_LIMIT
from hubpolicy.core.filetypes import LARGE, classify
from hubpolicy.core.judge import judge
from hubpolicy.core.rules import hp510
from hubpolicy.core.rules.hp412 import evidence_kind
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import CHILD_FILE, CHILD_LIMIT
from hubpolicy.errors import ServiceError
from hubpolicy.flows.fetching import read_evidence, read_listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hubpolicy.domain.finding import Decision, Finding
    from hubpolicy.domain.manifest import ListedFile, Listing
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import Court
    from hubpolicy.ports import Hub, KnownRelease, KnownReleases, RemoteRef, RemoteRepo


class Watch(NamedTuple):
    """Who decides: the court (policy, trust, now), the hub to look at, releases known before.

    ``under``: the policy with what the release's own ``hubpolicy.toml`` makes stricter.
    ``governs``: raises ConfigError for a namespace that another trust speaks for.
    ``remedy``: what to type where evidence must be known before bytes; ``{repo}`` stands in it.
    ``receives``: pushes by git are received here, and judged then.
    """

    court: Court
    hub: Hub
    known: KnownReleases
    under: Callable[[bytes], Policy] | None = None
    governs: Callable[[str], None] | None = None
    remedy: str = "hubpolicy push PATH {repo}"
    receives: bool = False


class Permission(NamedTuple):
    """Allowed or not, why, by which rule, and what to type next (empty where nothing is to do).

    ``pinned`` is the commit that was judged as the parent of a commit: it must still be the head
    when the hub takes it. ``judged`` is the tree that would stand there. ``refs``: where every ref
    stood that a flip, a copy or a move shows, as it was judged.
    """

    allowed: bool
    reason: str
    rule: str = ""
    next: str = ""
    findings: tuple[Finding, ...] = ()
    pinned: str = ""
    judged: Listing | None = None
    refs: tuple[RemoteRef, ...] = ()


class Source(NamedTuple):
    """Where a tree stands or would stand: a commit of a repository, and contents known already.

    ``contents`` maps sha256 to what a request brings; ``target`` is where it would be published.
    """

    repo: RepoId
    oid: str
    listing: Listing
    contents: tuple[tuple[str, bytes], ...] = ()


def allow(reason: str, *, pinned: str = "", judged: Listing | None = None) -> Permission:
    """Yes, and why."""
    return Permission(allowed=True, reason=reason, pinned=pinned, judged=judged)


def deny(finding: Finding, *, others: tuple[Finding, ...] = ()) -> Permission:
    """No, by a rule's finding."""
    return Permission(
        allowed=False,
        reason=finding.message,
        rule=finding.rule,
        next=finding.fix,
        findings=(finding, *others),
    )


def blocked(decision: Decision, target: RepoId) -> Permission:
    """No, by the judge; the worst of it speaks."""
    errors = tuple(f for f in decision.findings if f.severity is Severity.ERROR)
    worst = (errors or decision.findings)[0]
    named = worst.fix.replace("NAMESPACE/NAME", shlex.quote(target.text))
    return deny(worst._replace(fix=named))._replace(findings=decision.findings)


def remedy(watch: Watch, target: RepoId) -> str:
    """What to type so that evidence for that target is known here."""
    return watch.remedy.replace("{repo}", shlex.quote(target.text))


def is_workspace(repo: RepoId, watch: Watch) -> bool:
    """True where the policy lets checkpoints lie, as long as nobody else sees them."""
    return repo.namespace in watch.court.policy.workspaces


def is_free(repo: RepoId, standing: RemoteRepo, watch: Watch) -> bool:
    """True for a workspace that is private now, by the hub's own word."""
    return is_workspace(repo, watch) and standing.exists and standing.private


def outside(repo: RepoId, watch: Watch) -> Permission | None:
    """A refusal where the policy does not speak for that namespace, else None.

    Raises:
        ConfigError: another trust is pinned for it.

    """
    policy = watch.court.policy
    known = (*policy.namespaces, *policy.workspaces)
    if policy.namespaces and repo.namespace not in known:
        return deny(hp510.outside(repo.text, known))
    if watch.governs is not None:
        watch.governs(repo.namespace)
    return None


def judge_tree(source: Source, target: RepoId, watch: Watch) -> Decision:
    """What the judge says of a tree that would stand at ``target``.

    Raises:
        AccessError, ServiceError: its evidence could not be read.
        ConfigError: policy or trust expired, or the child policy loosens it.

    """
    court = watch.court
    contents = dict(source.contents)
    files = read_evidence(source.repo, source.oid, source.listing, watch.hub, contents)
    policy = court.policy
    child = _child(source, contents, watch)
    if watch.under is not None and child is not None:
        policy = watch.under(child)
    return judge(court.assemble(source.listing, files, target, policy, court.trust, court.now))


def _child(source: Source, contents: dict[str, bytes], watch: Watch) -> bytes | None:
    file = next((each for each in source.listing.files if each.path == CHILD_FILE), None)
    if file is None:
        return None
    if file.size > CHILD_LIMIT:
        message = f"got {file.size} bytes of {CHILD_FILE}, expected at most {CHILD_LIMIT}"
        raise ServiceError(message)
    if file.sha256 in contents:
        return contents[file.sha256 or ""]
    return read_listed(source.repo, source.oid, file, watch.hub, CHILD_LIMIT)


def judge_known(release: KnownRelease, target: RepoId, watch: Watch) -> Decision:
    """What the judge says of evidence that came before its bytes."""
    court = watch.court
    return judge(
        court.assemble(release.listing, release.files, target, court.policy, court.trust, court.now)
    )


def known_passed(target: RepoId, watch: Watch) -> Iterator[KnownRelease]:
    """Known releases for that target that pass now, newest first."""
    for release in watch.known.of(target):
        if judge_known(release, target, watch).verdict == "passed":
            yield release


def is_weighty(path: str, size: int, head: bytes | None) -> bool:
    """True for weights, pickles, and what is large or by LFS and of no known kind.

    ``head`` is None where the content is by Git LFS: too large or too binary for git.
    """
    if evidence_kind(path) is not None and size <= RECORDS_LIMIT:
        return False
    kind = classify(path, size, head)
    return kind in {"weight", "pickle"} or (kind == "unknown" and (head is None or size > LARGE))


def changed(before: Listing, after: Listing) -> tuple[ListedFile, ...]:
    """What stands in the second tree and not so in the first."""
    known = {file.path: file for file in before.files}
    return tuple(file for file in after.files if not same(known.get(file.path), file))


def same(one: ListedFile | None, other: ListedFile) -> bool:
    """Equal by sha256 where both have it, else by size and git blob id."""
    if one is None or one.size != other.size:
        return False
    if one.sha256 is not None and other.sha256 is not None:
        return one.sha256 == other.sha256
    return one.git_blob is not None and one.git_blob == other.git_blob


def ref_of(repo: RepoId, revision: str, hub: Hub) -> str | None:
    """The commit of a branch or of a pull request; None if there is none of that name.

    Raises:
        AccessError, ServiceError: the hub does not say.

    """
    heads = {ref.name: ref.oid for ref in hub.refs(repo)}
    wanted = revision if revision.startswith("refs/") else f"refs/heads/{revision}"
    return heads.get(wanted)
