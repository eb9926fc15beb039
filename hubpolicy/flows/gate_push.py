# SPDX-License-Identifier: Apache-2.0
"""Decisions about a push by git: may anything come at all, and which refs may move how.

What the refs bring is judged by ``flows/prepush.py``, as in every hook, once it is received.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.core.rules import hp510
from hubpolicy.domain.refs import is_ref_name
from hubpolicy.flows.gate_watch import allow, deny, is_free, outside

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.hub_request import GitPush
    from hubpolicy.domain.refs import Push, RefUpdate
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.gate_watch import Permission, Watch

BAD_NAME = "it is no name of a ref in printable ASCII (git check-ref-format)"
_REFS = re.compile(r"refs/(heads|tags)/.+|refs/pr/[1-9][0-9]{0,8}", re.DOTALL)


def announced(intent: GitPush, watch: Watch) -> Permission:
    """Before any byte: somebody judges it here, and that repository is one of ours."""
    repo = intent.repo
    what = f"git push to {repo.text}"
    if not watch.receives:
        why = "what git sends is judged by git's own hooks, not here"
        fix = f"hubpolicy hook install, then git push; or hubpolicy push PATH {repo.text}"
        return deny(hp510.check(what, why, fix)[0])
    standing = watch.hub.repo(repo)
    if not standing.exists:
        fix = f"hf repos create {repo.text} --private"
        return deny(hp510.check(what, "the hub shows no such repository", fix)[0])
    if is_free(repo, standing, watch):
        return allow("a private workspace of the policy")
    if repo.repo_type == "model" and (refusal := outside(repo, watch)) is not None:
        return refusal
    return allow("what comes is judged before any ref moves")


def refused_refs(
    repo: RepoId, push: Push, is_ahead: Callable[[RefUpdate], bool], *, free: bool
) -> Permission | None:
    """A refusal where a ref would be lost or rewritten, or is none that a hub shows; else None.

    ``is_ahead``: the new commit has the old one in its history.
    """
    for update in push.updates:
        why = _why_not(update, is_ahead, free=free)
        if why:
            fix = "do it on the hub's own pages" if _REFS.fullmatch(update.remote_ref) else ""
            what = f"git push of {update.remote_ref[:200]} to {repo.text}"
            return deny(hp510.check(what, why, fix)[0])
    return None


def _why_not(update: RefUpdate, is_ahead: Callable[[RefUpdate], bool], *, free: bool) -> str:
    if not _REFS.fullmatch(update.remote_ref):
        return "only branches, tags and pull requests can be pushed"
    if not is_ref_name(update.remote_ref):
        return BAD_NAME
    if free or update.creates:
        return ""
    if update.deletes:
        return "what is deleted cannot be judged any more, nor brought back"
    if update.remote_ref.startswith("refs/tags/"):
        return "a tag says what was released, and does not move"
    return "" if is_ahead(update) else "what stands there would be lost"
