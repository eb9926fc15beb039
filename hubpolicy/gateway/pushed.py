# SPDX-License-Identifier: Apache-2.0
"""The verdict on a push that git holds in quarantine: the hook's, with the gateway's policy."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.deadline import seconds_left
from hubpolicy.adapters.gateways import FILE
from hubpolicy.adapters.git import ReceivingRepository
from hubpolicy.adapters.git_process import GitRefusedError, open_git
from hubpolicy.cli.exits import Exit
from hubpolicy.core.gateways import ITSELF
from hubpolicy.core.rules import hp510
from hubpolicy.domain.finding import Severity
from hubpolicy.flows.gate_push import refused_refs
from hubpolicy.flows.gate_watch import allow, deny, is_free, outside
from hubpolicy.flows.gating import decide
from hubpolicy.flows.prepush import Gate
from hubpolicy.gateway.receiving import LARGE
from hubpolicy.prepush import exit_code, findings_of
from hubpolicy.prereceive import expect, judge_received

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubpolicy.adapters.git_process import Git
    from hubpolicy.adapters.lfs_store import LfsObjects
    from hubpolicy.domain.hub_request import GitPush
    from hubpolicy.domain.refs import Push, RefUpdate
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.gate_watch import Permission, Watch
    from hubpolicy.flows.prepush import PushVerdict
    from hubpolicy.gateway.receiving import Received

ENDING = "Nothing was accepted.\n"
MOST_UNPACKED = 4 * 1024 * 1024 * 1024
"""Bytes of all objects of a push together: commits, trees, files that are not in Git LFS."""
MOST_OBJECTS = 1_000_000
"""Of a push: of each some hundred bytes are in memory while it is judged."""
_BESIDES = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
_LACKS = "git lfs push --all origin, then push again"


class Found(NamedTuple):
    """What was decided, and what the pusher reads of it."""

    permission: Permission
    text: str


def judge_pushed(intent: GitPush, received: Received, watch: Watch, lfs: LfsObjects) -> Found:
    """Every ref, what it brings, and the history behind it, as of now.

    Raises:
        HubpolicyError: whatever keeps us from deciding; nothing may be accepted then.

    """
    repo, push = intent.repo, received.push
    may = decide(intent, watch)
    if not may.allowed:
        return _refused(may)
    git = _opened(received.quarantine)
    free = is_free(repo, watch.hub.repo(repo), watch)
    refused = refused_refs(repo, push, lambda update: _is_ahead(update, git), free=free)
    if refused is not None:
        return _refused(refused)
    if free:
        text = f"hubpolicy: {repo.text} is a private workspace: not judged, not released\n"
        return Found(allow("a private workspace of the policy"), text)
    refused = too_much(repo, unpacked(received.quarantine))
    if refused is not None:
        return _refused(refused)
    git = git._replace(flags=(*git.flags, "-c", f"core.bigFileThreshold={LARGE}"))
    court = watch.court
    gate = Gate(court.policy, court.trust, court.now)
    with closing(ReceivingRepository(git, lfs)) as repository:
        expect(push, repository)
        verdict = judge_received(push, repo, repository, lambda: gate, _LACKS)
        released = any(ref.kind == "judged" for ref in verdict.refs)
        if released and (refusal := outside(repo, watch)) is not None:
            return _refused(refusal)
        return _told(push, verdict, repo)


def unpacked(quarantine: Mapping[str, str]) -> Iterable[int]:
    """Bytes of every object that came, as it would be read, without reading one."""
    alone = {name: value for name, value in quarantine.items() if name != _BESIDES}
    listed = _opened(alone).run(
        "cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectsize)"
    )
    return map(int, listed.split())


def _opened(quarantine: Mapping[str, str]) -> Git:
    """What is held there, for as long as the verdict is waited for."""
    git = open_git("", {**os.environ, **quarantine}, inherit_place=True, quarantine=True)
    return git._replace(left=seconds_left)


def too_much(repo: RepoId, sizes: Iterable[int]) -> Permission | None:
    """All of it is read while others wait: what a small pack unpacks to has a limit too."""
    total = number = 0
    for number, size in enumerate(sizes, start=1):  # noqa: B007 - how many there were
        total += size
    if total <= MOST_UNPACKED and number <= MOST_OBJECTS:
        return None
    why = (
        f"got {total} bytes unpacked in {number} objects, expected {MOST_UNPACKED} in "
        f"{MOST_OBJECTS} at most"
    )
    fix = "push it in several parts; large files belong into git lfs"
    return deny(hp510.check(f"git push to {repo.text}", why, fix)[0])


def _told(push: Push, verdict: PushVerdict, repo: RepoId) -> Found:
    from hubpolicy.cli.hook_screen import screen, summary

    code = exit_code(verdict)
    if code is Exit.PASSED:
        return Found(allow("every ref passes, and so does its history"), summary(verdict))
    errors = [f for f in findings_of(verdict) if f.severity is Severity.ERROR]
    worst = (errors or findings_of(verdict))[0]
    # Whoever pushes has HF_ENDPOINT at the gateway, and would sign for that.
    ending = (
        f"Evidence names the hub: HF_ENDPOINT={repo.endpoint} before these commands, or once in\n"
        f"~/.config/hubpolicy/{FILE}:  [gateways]\n"
        f'    "{ITSELF}" = "{repo.endpoint}"\n{ENDING}'
    )
    return Found(deny(worst), screen(push, verdict, code, ending=ending))


def _refused(permission: Permission) -> Found:
    fix = f"\n    fix: {permission.next}" if permission.next else ""
    text = f"✗ hubpolicy: {permission.rule} {permission.reason}{fix}\n{ENDING}"
    return Found(permission, text)


def _is_ahead(update: RefUpdate, git: Git) -> bool:
    """The new commit has the old one in its history; one that nobody has is not in it."""
    try:
        git.run("merge-base", "--is-ancestor", update.remote_oid, update.local_oid)
    except GitRefusedError:
        return False
    return True
