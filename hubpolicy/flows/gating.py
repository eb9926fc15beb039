# SPDX-License-Identifier: Apache-2.0
"""May this request be sent? The one answer of the upload guard, the write gateway and ``publish``.

Judged as of now, under the policy in force, on what would stand there afterwards:

* reads, talk, and requests without a login are free; so is hiding; for all else policy and trust
  must be in force and speak for the namespace, in a workspace and of a dataset too;
* a private repository in a workspace of the policy takes everything, and nothing leaves it;
* names, announcements, LFS contents and Xet tokens come before the commit: a release for that
  target must be known that holds them and passes;
* a commit is judged by its resulting tree, a merge by the pull request's, a copy, a move, a tag, a
  branch and a squash by the tree that they show, a flip by everything that it shows;
* datasets and spaces are judged where what changes looks like weights; buckets say no sha256, and
  take nothing;
* a push by git is judged where it is received, by whoever can: the gateway, a hook; else denied;
* deletions and what nobody understands are denied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.core.lines import WHOLE, select
from hubpolicy.domain import hub_request as hub
from hubpolicy.domain.manifest import ListedFile, Listing, git_blob_id
from hubpolicy.domain.statement import ReleaseSummary
from hubpolicy.errors import MalformedError
from hubpolicy.flows import gate_content as content
from hubpolicy.flows import gate_places as places
from hubpolicy.flows import gate_push
from hubpolicy.flows.gate_watch import Permission, Watch, allow
from hubpolicy.ports import KnownRelease

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust

__all__ = ["Permission", "Watch", "decide", "known_release"]


def _free(intent: Any, watch: Watch) -> Permission:
    del watch
    return allow(f"{type(intent).__name__.lower()}: nothing becomes visible by it")


TABLE: dict[type, Callable[[Any, Watch], Permission]] = {
    hub.Read: _free,
    hub.Harmless: _free,
    hub.Signed: _free,
    hub.LfsVerify: _free,
    hub.Discussion: _free,
    hub.GitFetch: _free,
    hub.CreateRepo: places.create,
    hub.Settings: places.settings,
    hub.Duplicate: places.duplicate,
    hub.Move: places.move,
    hub.Tag: places.mark,
    hub.Branch: places.mark,
    hub.SuperSquash: places.mark,
    hub.Delete: places.delete,
    hub.BucketWrite: places.bucket,
    hub.GitPush: gate_push.announced,
    hub.Unknown: places.unknown,
    hub.Preupload: content.preupload,
    hub.LfsBatch: content.lfs_batch,
    hub.LfsDuplicate: content.lfs_batch,
    hub.XetToken: content.xet_token,
    hub.Commit: content.commit,
    hub.Merge: content.merge,
}
"""Every intent has its row; a test sees to it."""


def decide(intent: Intent, watch: Watch) -> Permission:
    """Whether this may be sent to the hub, now.

    Raises:
        AccessError, ServiceError: the hub could not be asked. Callers deny then.
        ConfigError: policy or trust do not hold. Callers deny then.

    """
    try:
        if _asks(intent):
            _require_authority(intent, watch)
        return TABLE[type(intent)](intent, watch)
    except MalformedError as error:
        return places.unknown(hub.Unknown(type(intent).__name__, "", error.message), watch)


def _asks(intent: Intent) -> bool:
    """True for what may be allowed and is no more than hiding; the rest is free, or denied."""
    if isinstance(intent, hub.Settings):
        return intent.private is False or intent.opens
    if isinstance(intent, hub.BucketWrite):
        return not intent.hides
    return TABLE[type(intent)] is not _free and not isinstance(intent, hub.Unknown)


def _require_authority(intent: Any, watch: Watch) -> None:
    """Policy and trust hold now, and speak for the namespace, whatever kind of thing is there.

    Raises:
        ConfigError: they ended, ask for a later hubpolicy, or another trust speaks for it.

    """
    from hubpolicy.core.judge import require_in_force

    court = watch.court
    require_in_force(court.policy, court.trust, court.now)
    if watch.governs is not None:
        place = getattr(intent, "target", None) or getattr(intent, "repo", intent)
        watch.governs(place.namespace)
        if isinstance(intent, hub.Move):
            watch.governs(intent.source.namespace)


def known_release(
    files: tuple[EvidenceFile, ...],
    sizes: tuple[tuple[str, int], ...],
    target: RepoId,
    trust: Trust,
    now: str,
) -> KnownRelease | None:
    """What :class:`hubpolicy.ports.KnownReleases` gives, from evidence files and sizes by path.

    Digests are those that the newest verified release line for ``target`` names; what it does not
    name is not in it. None where there is no such line, or a size is not known. Not judged here.
    """
    from hubpolicy.core.verify import verify_lines

    lines, _ = verify_lines(files, trust, now=now)
    released = [
        line
        for line, summary in select(lines, ReleaseSummary)
        if summary.resource_uri == target.purl
    ]
    if not released:
        return None
    known = dict(sizes)
    named = [subject for subject in released[-1].statement.subjects if subject.name != WHOLE]
    if any(subject.name not in known for subject in named):
        return None
    listed = [ListedFile(s.name, known[s.name], s.get("sha256"), s.get("gitBlob")) for s in named]
    listed += [ListedFile(path, len(raw), _sha256(raw), git_blob_id(raw)) for path, raw in files]
    ordered = sorted(listed, key=lambda file: file.path.encode("utf-8", "surrogatepass"))
    return KnownRelease(Listing(tuple(ordered)), files)


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()
