# SPDX-License-Identifier: Apache-2.0
"""Decisions about places: names that are taken, shown, moved, copied, marked or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.rules import hp510, hp511, hp512
from hubpolicy.domain.finding import Decision, verdict_of
from hubpolicy.flows.gate_watch import (
    Source,
    allow,
    blocked,
    deny,
    is_free,
    is_weighty,
    is_workspace,
    judge_tree,
    known_passed,
    outside,
    remedy,
)

if TYPE_CHECKING:
    from hubpolicy.domain.hub_request import (
        Branch,
        BucketWrite,
        CreateRepo,
        Delete,
        Duplicate,
        Move,
        Settings,
        SuperSquash,
        Tag,
        Unknown,
    )
    from hubpolicy.domain.manifest import ListedFile, Listing
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.gate_watch import Permission, Watch
    from hubpolicy.ports import Advance, RemoteRef


_OURS = ("refs/heads/", "refs/tags/")
"""Refs that nobody moves who may not write here."""


class _Quiet:
    """Nobody looks while a request waits."""

    def start(self, title: str, total: int | None, unit: str) -> Advance:
        del title, total, unit
        return lambda _: None

    def note(self, text: str) -> None:
        pass

    def tell(self, text: str) -> None:
        pass


def create(intent: CreateRepo, watch: Watch) -> Permission:
    """A name is taken for a release that is known, in a private workspace, or it is there."""
    repo = intent.repo
    if repo.repo_type != "model":
        return allow(f"an empty {repo.repo_type} publishes nothing")
    if intent.private and is_workspace(repo, watch):
        return allow("a private workspace of the policy")
    if watch.hub.repo(repo).exists:
        return allow("it exists already: nothing is created")
    if (refusal := outside(repo, watch)) is not None:
        return refusal
    if next(known_passed(repo, watch), None) is not None:
        return allow("a release for this repository is known")
    return deny(hp511.check(repo.text, ("a new repository",), remedy(watch, repo))[0])


def settings(intent: Settings, watch: Watch) -> Permission:
    """Hiding is free. What shows more to anybody is judged: all of it."""
    repo, what = intent.repo, f"settings of {intent.repo.text}"
    if intent.others:
        return deny(hp510.check(what, f"nobody knows what {', '.join(intent.others)} publishes")[0])
    if intent.private is not False and not intent.opens:
        return allow("nobody sees more by it")
    if intent.private is True:
        return deny(hp510.check(what, "private and open to all at once cannot be judged")[0])
    return _everything(repo, watch)


def _everything(repo: RepoId, watch: Watch) -> Permission:
    """Every ref and every revision that becomes visible (``flows/publishing.py``)."""
    leaving = hp512.check(repo.text, watch.court.policy.workspaces)
    if leaving:
        return deny(leaving[0])
    if (refusal := outside(repo, watch)) is not None:
        return refusal
    refs = watch.hub.refs(repo)
    return _unmoved(repo, refs, _shown(repo, refs, watch), watch)


def _unmoved(
    repo: RepoId, before: tuple[RemoteRef, ...], found: Permission, watch: Watch
) -> Permission:
    """No commit can be pinned in these requests: where all refs stand is read once more."""
    if found.allowed and watch.hub.refs(repo) != before:
        why = "it moved while it was being judged"
        return deny(hp510.check(repo.text, why, "look at what came, then try again")[0])
    return found._replace(refs=before)


def _shown(repo: RepoId, refs: tuple[RemoteRef, ...], watch: Watch) -> Permission:
    tips = {ref.oid for ref in refs}
    shown = tips if watch.court.policy.history == "tips" else _revisions(repo, tips, watch)
    if repo.repo_type != "model" and not any(
        _has_weights(watch.hub.listing(repo, oid), watch) for oid in shown
    ):
        return allow(f"no weights in this {repo.repo_type}")
    from hubpolicy.flows.publishing import review  # reads cards: only a flip needs that
    from hubpolicy.flows.verifying import Law

    court = watch.court
    law = Law(court.policy, court.trust, court.now, watch.under)
    found = review(repo, watch.hub, law, refs, _Quiet())
    if found.passed:
        return allow("everything that becomes public passes")
    return blocked(Decision(verdict_of(found.findings), found.findings), repo)


def _revisions(repo: RepoId, tips: set[str], watch: Watch) -> set[str]:
    """Every commit that can be reached from a ref."""
    return tips.union(*(watch.hub.history(repo, oid) for oid in tips))


def _copy(source: RepoId, target: RepoId, watch: Watch) -> Permission:
    """All that a hub copies: refs are judged as if they stood at the target, and so is the past.

    Whether the copy is private says nothing: nobody judges its history again where the policy looks
    at tips only. A weight of the past must be part of a ref's tree that passes.
    """
    refs = watch.hub.refs(source)
    return _unmoved(source, refs, _copied(source, target, {ref.oid for ref in refs}, watch), watch)


def _copied(source: RepoId, target: RepoId, tips: set[str], watch: Watch) -> Permission:
    covered: set[str] = set()
    for oid in sorted(tips):
        listing = watch.hub.listing(source, oid)
        if target.repo_type != "model" and not _has_weights(listing, watch):
            continue
        decision = judge_tree(Source(source, oid, listing), target, watch)
        if decision.verdict != "passed":
            return blocked(decision, target)
        covered |= {_digest(file) for file in listing.files}
    for oid in sorted(_revisions(source, tips, watch) - tips):
        for file in watch.hub.listing(source, oid).files:
            if _matters(file, watch) and _digest(file) not in covered:
                what = f"copy of {source.text} with its history to {target.text}"
                why = f"{file.path} at {oid[:12]} is part of no release that passes there"
                return deny(hp510.check(what, why, f"hubpolicy push PATH {target.text}")[0])
    return allow("every ref passes at its new place, and its history holds nothing else")


def duplicate(intent: Duplicate, watch: Watch) -> Permission:
    """A copy is a release of what it copies, but into a private workspace."""
    source, target = intent.source, intent.target
    if intent.private and is_workspace(target, watch):
        return allow("a private workspace of the policy")
    leaving = hp512.check(source.text, watch.court.policy.workspaces)
    if leaving:
        return deny(leaving[0])
    if (refusal := outside(target, watch)) is not None and target.repo_type == "model":
        return refusal
    return _copy(source, target, watch)


def move(intent: Move, watch: Watch) -> Permission:
    """A new name is a new target: evidence names the old one. Workspaces keep what they have."""
    source, target = intent.source, intent.target
    standing = watch.hub.repo(source)
    if is_free(source, standing, watch) and is_workspace(target, watch):
        return allow("from workspace to workspace, in private")
    leaving = hp512.check(source.text, watch.court.policy.workspaces)
    if leaving:
        return deny(leaving[0])
    if (refusal := outside(target, watch)) is not None:
        return refusal
    return _copy(source, target, watch)


def mark(intent: Tag | Branch | SuperSquash, watch: Watch) -> Permission:
    """A tag, a branch, a squash: the tree that gets a name is judged where others can see it."""
    repo = intent.repo
    standing = watch.hub.repo(repo)
    if is_free(repo, standing, watch):
        return allow("a private workspace of the policy")
    from hubpolicy.flows.auditing import resolve_revision

    oid = resolve_revision(watch.hub, repo, intent.revision)
    if intent.revision.startswith("refs/") and not intent.revision.startswith(_OURS):
        # Whoever opened it moves it when they like, and branches and tags count as judged.
        what, why = f"{intent.revision} of {repo.text}", "it may move before the hub gets to it"
        return deny(hp510.check(what, why, f"name the commit: {oid}")[0])
    listing = watch.hub.listing(repo, oid)
    if repo.repo_type != "model" and not _has_weights(listing, watch):
        return allow(f"no weights in this {repo.repo_type}")
    if (refusal := outside(repo, watch)) is not None:
        return refusal
    decision = judge_tree(Source(repo, oid, listing), repo, watch)
    if decision.verdict == "passed":
        return allow("the tree passes")
    return blocked(decision, repo)


def delete(intent: Delete, watch: Watch) -> Permission:
    """Nothing is released by it, and nothing brings it back: only workspaces lose things."""
    repo = intent.repo
    if is_free(repo, watch.hub.repo(repo), watch):
        return allow("a private workspace of the policy")
    why = "what is deleted cannot be judged any more, nor brought back"
    fix = f'hubpolicy withdraw {repo.text} --reason "..."; or do it on the hub\'s own pages'
    return deny(hp510.check(f"deletion of {intent.what} in {repo.text}", why, fix)[0])


def bucket(intent: BucketWrite, watch: Watch) -> Permission:
    """A bucket lists no sha256 (hub protocol): what goes there cannot be compared with evidence."""
    if intent.hides:
        return allow("nobody sees more by it")
    workspace = intent.namespace in watch.court.policy.workspaces
    if workspace and intent.private and intent.what == "creation of":
        return allow("a private bucket in a workspace of the policy")
    what = f"{intent.what} bucket {intent.namespace}/{intent.name}"
    why = (
        "a bucket does not say the sha256 of what is in it, so nobody can compare it with evidence"
    )
    fix = f"hubpolicy push PATH {intent.namespace}/{intent.name}"
    return deny(hp510.check(what, why, fix)[0])


def unknown(intent: Unknown, watch: Watch) -> Permission:
    """Nobody allows what nobody understands."""
    del watch
    return deny(hp510.check(f"{intent.method} {intent.path[:200]}", intent.why)[0])


def _has_weights(listing: Listing, watch: Watch) -> bool:
    return any(_matters(file, watch) for file in listing.files)


def _matters(file: ListedFile, watch: Watch) -> bool:
    """True for weights, as far as a listing tells, and for what was revoked by its digest."""
    if file.sha256 in watch.court.trust.state.revoked_files:
        return True
    return is_weighty(file.path, file.size, None if file.sha256 else b"")


def _digest(file: ListedFile) -> str:
    return file.sha256 or file.git_blob or ""
