# SPDX-License-Identifier: Apache-2.0
"""May this request be sent? The one answer of the upload guard, the write gateway and ``publish``.

Judged as of now, under the policy in force, on what would stand there afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.domain.manifest import EvidenceFile, Listing
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.flows.auditing import Court
    from hubpolicy.ports import Hub, KnownRelease, KnownReleases


class Watch(NamedTuple):
    """Who decides: the court (policy, trust, now), the hub to look at, releases known before.

    ``under``: the policy with what the release's own ``hubpolicy.toml`` makes stricter.
    ``governs``: raises ConfigError for a namespace that another trust speaks for.
    """

    court: Court
    hub: Hub
    known: KnownReleases
    under: Callable[[bytes], Policy] | None = None
    governs: Callable[[str], None] | None = None


class Permission(NamedTuple):
    """Allowed or not, why, by which rule, and what to type next (empty where nothing is to do).

    ``pinned`` is the commit that was judged as the parent of a commit: it must still be the head
    when the hub takes it. ``judged`` is the tree that would stand there.
    """

    allowed: bool
    reason: str
    rule: str = ""
    next: str = ""
    findings: tuple[Finding, ...] = ()
    pinned: str = ""
    judged: Listing | None = None


def decide(intent: Intent, watch: Watch) -> Permission:
    """Whether this may be sent to the hub, now.

    Raises:
        AccessError, ServiceError: the hub could not be asked. Callers deny then.
        ConfigError: policy or trust do not hold. Callers deny then.

    """
    del watch
    return Permission(allowed=False, reason=f"not yet: {type(intent).__name__}")


def known_release(
    files: tuple[EvidenceFile, ...],
    sizes: tuple[tuple[str, int], ...],
    target: RepoId,
    trust: Trust,
    now: str,
) -> KnownRelease | None:
    """What :class:`hubpolicy.ports.KnownReleases` gives, from evidence files and sizes by path.

    None where no verified release line in them is for that target. Nothing is judged here.
    """
    del files, sizes, target, trust, now
    return None
