# SPDX-License-Identifier: Apache-2.0
"""The ``policy diff --org`` trip: what stands on a hub, judged under a policy that may come.

Nothing is signed or changed, and no weights are downloaded. The tip of ``main`` of each repository
is judged as of now, under the old policy and the new one, by the same judge as everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.judge import judge
from hubpolicy.core.policy_diff import Standing, needs_of
from hubpolicy.errors import AccessError, ConfigError, HubpolicyError
from hubpolicy.flows.auditing import resolve_revision
from hubpolicy.flows.fetching import read_evidence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.flows.auditing import AssembleListing
    from hubpolicy.ports import Hub, Progress


class Change(NamedTuple):
    """Both policies, and by whom and when the releases are judged (ISO 8601 UTC)."""

    old: Policy
    new: Policy
    trust: Trust
    now: str
    assemble: AssembleListing


class Compared(NamedTuple):
    """One repository. ``standing`` is None where it could not be read: ``reason`` says why."""

    repo: RepoId
    oid: str
    standing: Standing | None
    reason: str = ""


def compare(
    repos: Iterable[RepoId], hub: Hub, change: Change, progress: Progress
) -> tuple[Compared, ...]:
    """What each repository's ``main`` would need under the new policy.

    Raises:
        AccessError: the login may not read one.
        ConfigError: the new policy, or the trust, expired: it judges nothing.

    """
    wanted = tuple(repos)
    advance = progress.start("judging under the new policy", len(wanted), "repositories")
    found = []
    for repo in wanted:
        found.append(_compare(repo, hub, change))
        advance(1)
    return tuple(found)


def _compare(repo: RepoId, hub: Hub, change: Change) -> Compared:
    oid = ""
    try:
        oid = resolve_revision(hub, repo, "main")
        listing = hub.listing(repo, oid)
        files = read_evidence(repo, oid, listing, hub)
        evidence = change.assemble(listing, files, repo, change.new, change.trust, change.now)
    except AccessError:
        raise
    except HubpolicyError as error:
        return Compared(repo, oid, None, error.message)
    held = _passes(evidence._replace(policy=change.old))
    return Compared(repo, oid, needs_of(judge(evidence).findings, held=held))


def _passes(evidence: Evidence) -> bool:
    try:
        return judge(evidence).verdict == "passed"
    except ConfigError:
        return False  # an expired policy lets nothing pass any more
