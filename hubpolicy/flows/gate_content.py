# SPDX-License-Identifier: Apache-2.0
"""Decisions about bytes: what is announced, what large contents may leave, what a commit leaves.

Preupload, LFS batches and Xet tokens come before the commit and carry no evidence: they are judged
by releases that are known already (``ports.KnownReleases``). The commit is judged by its result.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.hub_commit import resulting
from hubpolicy.core.rules import hp510, hp511
from hubpolicy.domain.hub_request import (
    AddLarge,
    AddRegular,
    DeleteFolder,
    LfsDuplicate,
)
from hubpolicy.domain.manifest import ListedFile, Listing, is_evidence_path
from hubpolicy.flows.gate_watch import (
    Source,
    allow,
    blocked,
    changed,
    deny,
    is_free,
    is_weighty,
    judge_tree,
    known_passed,
    outside,
    ref_of,
    remedy,
    same,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.hub_request import (
        Commit,
        LfsBatch,
        LfsObject,
        Merge,
        Operation,
        Preupload,
        XetToken,
    )
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.gate_watch import Permission, Watch
    from hubpolicy.ports import RemoteRepo

_MAIN = "main"


def preupload(intent: Preupload, watch: Watch) -> Permission:
    """Announced weights must be files of a known release; small files are judged in the commit."""
    repo = intent.repo
    weighty = [f for f in intent.files if is_weighty(f.path, f.size, f.sample or None)]
    if not weighty:
        return allow("no weights are announced; the commit is judged")
    free = _place(repo, watch)
    if free is not None:
        return free
    missing = {(file.path, file.size) for file in weighty}
    for release in known_passed(repo, watch):
        missing -= {(file.path, file.size) for file in release.listing.files}
        if not missing:
            return allow("a known release holds these weights")
    missing -= {(file.path, file.size) for file in _standing(repo, watch).files}
    if not missing:
        return allow("the released tree there holds these weights")
    paths = sorted(path for path, _ in missing)
    return deny(hp511.check(repo.text, paths, remedy(watch, repo))[0])


def lfs_batch(intent: LfsBatch | LfsDuplicate, watch: Watch) -> Permission:
    """Every content must be one of a known release for that target, or stand there released."""
    repo = intent.target if isinstance(intent, LfsDuplicate) else intent.repo
    if isinstance(intent, LfsDuplicate) and intent.by_xet:
        return _by_xet(repo, watch)
    if repo.repo_type != "model":
        return allow("contents have no names yet; the commit is judged")
    free = _place(repo, watch)
    return free if free is not None else _contents(repo, intent.objects, watch)


def _by_xet(target: RepoId, watch: Watch) -> Permission:
    """Which of two digests a hub would take, and whether they agree, nobody can see from here."""
    if is_free(target, watch.hub.repo(target), watch):
        return allow("a private workspace of the policy")
    why = "it names contents by a Xet hash, of which evidence says nothing"
    fix = "download the files and upload them, or copy without xetHash"
    return deny(hp510.check(f"copy of large files to {target.text}", why, fix)[0])


def _contents(repo: RepoId, objects: tuple[LfsObject, ...], watch: Watch) -> Permission:
    missing = set(objects)
    for release in known_passed(repo, watch):
        missing = _lacking(missing, release.listing)
        if not missing:
            return allow("a known release holds these contents")
    missing = _lacking(missing, _standing(repo, watch))
    if not missing:
        return allow("the released tree there holds these contents")
    digests = sorted(f"sha256 {each.oid[:12]}…" for each in missing)
    return deny(hp511.check(repo.text, digests, remedy(watch, repo))[0])


def xet_token(intent: XetToken, watch: Watch) -> Permission:
    """A token to write says nothing of what: a release for that target must be known."""
    repo = intent.repo
    if repo.repo_type != "model":
        return allow("contents have no names yet; the commit is judged")
    free = _place(repo, watch)
    if free is not None:
        return free
    if next(known_passed(repo, watch), None) is not None:
        return allow("a release for this repository is known")
    return deny(hp511.check(repo.text, ("a Xet token to write",), remedy(watch, repo))[0])


def commit(intent: Commit, watch: Watch) -> Permission:
    """The tree after it is judged for that repository, evidence of its own operations included.

    In a private repository a part of a known release may be staged: becoming public is judged.
    """
    repo = intent.repo
    standing = watch.hub.repo(repo)
    if not standing.exists:
        finding = hp510.check(f"commit to {repo.text}", "the hub shows no such repository")[0]
        return deny(finding)
    free = is_free(repo, standing, watch)
    if not free and (refusal := outside(repo, watch)) is not None and _weights_of(intent):
        return refusal
    head = _head(intent, standing, watch)
    if head is None or not head.startswith(intent.parent):
        return deny(_not_at(intent, head))
    if free:
        return allow("a private workspace of the policy", pinned=head)
    if repo.repo_type != "model" and _adds_no_weights(intent):
        return allow(f"no weights in this change of a {repo.repo_type}", pinned=head)
    before = watch.hub.listing(repo, head)
    after = resulting(before, intent.operations)
    if repo.repo_type != "model" and not any(_weighs(f, intent) for f in changed(before, after)):
        return allow(f"no weights in this change of a {repo.repo_type}", pinned=head)
    decision = judge_tree(Source(repo, head, after, _brought(intent, watch)), repo, watch)
    if decision.verdict == "passed":
        return allow("the resulting tree passes", pinned=head, judged=after)
    if standing.private and _staged(intent, watch):
        return allow("a part of a known release, staged in private", pinned=head, judged=after)
    return blocked(decision, repo)._replace(pinned=head)


def _head(intent: Commit, standing: RemoteRepo, watch: Watch) -> str | None:
    """Where the commit goes. Of ``main`` the hub has said it with the repository: not asked twice.

    The gateway pins what was judged as the parent: a hub that was behind refuses the commit.
    """
    if intent.revision == _MAIN:
        return standing.head or None
    return ref_of(intent.repo, intent.revision, watch.hub)


def _adds_no_weights(intent: Commit) -> bool:
    """True if that can be told without the tree: it only adds, and the size of all is known."""
    return all(
        isinstance(o, AddRegular | AddLarge) and o.size >= 0 and not _is_weight(o)
        for o in intent.operations
    )


def _is_weight(added: AddRegular | AddLarge) -> bool:
    head = added.head if isinstance(added, AddRegular) else None
    return is_weighty(added.path, added.size, head)


def _brought(intent: Commit, watch: Watch) -> tuple[tuple[str, bytes], ...]:
    """By sha256, what the commit brings, and evidence that went ahead of it by Git LFS.

    Records are compressed, and ``*.gz`` is what hubs keep by LFS: no commit has their bytes, and
    the hub does not show them before it. Whoever knows the release has them.
    """
    own = [(o.sha256, o.content) for o in intent.operations if isinstance(o, AddRegular)]
    ahead = {
        o.sha256 for o in intent.operations if isinstance(o, AddLarge) and is_evidence_path(o.path)
    }
    if ahead:
        files = (file for release in watch.known.of(intent.repo) for file in release.files)
        known = ((hashlib.sha256(file.content).hexdigest(), file.content) for file in files)
        own += [(sha256, content) for sha256, content in known if sha256 in ahead]
    return tuple((sha256, content) for sha256, content in own if content)


def merge(intent: Merge, watch: Watch) -> Permission:
    """The result must be the pull request's own tree: ``main`` is an ancestor of it, and it passes.

    What a merge of two lines would make cannot be seen before; then nobody judges it. A merge names
    no commit: where the refs stand is read again last, and whoever sends it looks afterwards.
    """
    repo = intent.repo
    if is_free(repo, watch.hub.repo(repo), watch):
        return allow("a private workspace of the policy")
    what = f"merge of {repo.text} #{intent.number}"
    stood = _ends(intent, watch)
    head, main = stood
    if head is None or main is None:
        return deny(hp510.check(what, "there is no such pull request, or no main")[0])
    into = watch.hub.merges_into(repo, intent.number)
    if into != f"refs/heads/{_MAIN}":
        return deny(hp510.check(what, f"it goes into {into!r}, and only main is judged")[0])
    if main not in watch.hub.history(repo, head):
        why = "main went on since, so that its result cannot be judged before it stands there"
        fix = "bring main into the pull request, attest the result: hubpolicy push --create-pr"
        return deny(hp510.check(what, why, fix)[0])
    found = _merged(repo, (main, head), watch)
    if found.allowed and _ends(intent, watch) != stood:
        why = "it moved while it was being judged"
        return deny(hp510.check(what, why, "look at what came, then try again")[0])
    return found


def _ends(intent: Merge, watch: Watch) -> tuple[str | None, str | None]:
    """Where the pull request stands, and where ``main`` does."""
    head = ref_of(intent.repo, f"refs/pr/{intent.number}", watch.hub)
    return head, ref_of(intent.repo, _MAIN, watch.hub)


def _merged(repo: RepoId, ends: tuple[str, str], watch: Watch) -> Permission:
    main, head = ends
    listing = watch.hub.listing(repo, head)
    if repo.repo_type != "model":
        news = changed(watch.hub.listing(repo, main), listing)
        if not any(is_weighty(file.path, file.size, _unseen(file)) for file in news):
            why = f"no weights in this change of a {repo.repo_type}"
            return allow(why, pinned=head, judged=listing)
    if (refusal := outside(repo, watch)) is not None:
        return refusal
    decision = judge_tree(Source(repo, head, listing), repo, watch)
    if decision.verdict == "passed":
        return allow("the pull request's tree passes", pinned=head, judged=listing)
    return blocked(decision, repo)


def _place(repo: RepoId, watch: Watch) -> Permission | None:
    """A private workspace takes all; a foreign namespace takes nothing; else None."""
    if repo.namespace in watch.court.policy.workspaces and is_free(
        repo, watch.hub.repo(repo), watch
    ):
        return allow("a private workspace of the policy")
    return outside(repo, watch)


def _standing(repo: RepoId, watch: Watch) -> Listing:
    """What stands on ``main`` if it passes now; else nothing."""
    there: RemoteRepo = watch.hub.repo(repo)
    if not there.exists or not there.head:
        return Listing(())
    listing = watch.hub.listing(repo, there.head)
    decision = judge_tree(Source(repo, there.head, listing), repo, watch)
    return listing if decision.verdict == "passed" else Listing(())


def _lacking(wanted: Iterable[LfsObject], listing: Listing) -> set[LfsObject]:
    sizes = {file.sha256: file.size for file in listing.files if file.sha256}
    return {each for each in wanted if each.size not in {sizes.get(each.oid), -1}
            or each.oid not in sizes}  # fmt: skip


def _not_at(intent: Commit, head: str | None) -> Finding:
    what = f"commit to {intent.repo.text}"
    if head is None:
        return hp510.check(what, f"there is no branch or pull request {intent.revision!r}")[0]
    why = f"{intent.revision} is at {head[:12]}, not at {intent.parent[:12]}, its parent"
    return hp510.check(what, why, "look at the commit that came between, then try again")[0]


def _weights_of(intent: Commit) -> bool:
    """True if it is about a model, or brings weights to something else."""
    files = (o for o in intent.operations if isinstance(o, AddRegular | AddLarge))
    return intent.repo.repo_type == "model" or any(map(_is_weight, files))


def _weighs(file: ListedFile, intent: Commit) -> bool:
    heads = {o.path: o.head for o in intent.operations if isinstance(o, AddRegular)}
    return is_weighty(file.path, file.size, heads.get(file.path))


def _unseen(file: ListedFile) -> bytes | None:
    """No first bytes are at hand of what stands on a hub: names and sizes decide."""
    return None if file.sha256 else b""


def _staged(intent: Commit, watch: Watch) -> bool:
    """True if one known release that passes holds every added file, and loses none."""
    return any(
        _is_part(intent.operations, release.listing) for release in known_passed(intent.repo, watch)
    )


def _is_part(operations: tuple[Operation, ...], listing: Listing) -> bool:
    files = {file.path: file for file in listing.files}
    return all(_belongs(operation, files) for operation in operations)


def _belongs(operation: Operation, files: dict[str, ListedFile]) -> bool:
    found = files.get(operation.path)
    if isinstance(operation, AddRegular):
        path, size, sha256, git_blob, *_ = operation
        return same(found, ListedFile(path, size, sha256, git_blob))
    if isinstance(operation, AddLarge):
        if found is None or operation.size not in {found.size, -1}:
            return False
        return found.sha256 == operation.sha256
    if isinstance(operation, DeleteFolder):
        return not any(path.startswith(f"{operation.path}/") for path in files)
    return found is None
