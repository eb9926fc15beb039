# SPDX-License-Identifier: Apache-2.0
"""The ``adopt`` trip: list what stands on the hub, commit by commit, and sign the list.

Nothing is judged here and nothing is made green by it (``core/baseline.py``). What is listed
already stays as it is; only what is named is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.baseline import (
    BASELINE_TYPE,
    Baseline,
    Revision,
    baseline_payload,
    extended,
    signed_by,
    threshold,
)
from hubpolicy.core.documents import add_signature, make_document
from hubpolicy.errors import AccessError, HubpolicyError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.core import dsse
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import Hub, Progress


class Surveyed(NamedTuple):
    """What stands there, and the repositories whose refs could not be listed, with the reason."""

    found: tuple[tuple[RepoId, tuple[Revision, ...]], ...]
    unread: tuple[tuple[RepoId, HubpolicyError], ...]

    @property
    def commits(self) -> int:
        """How many, over all repositories."""
        return sum(len(revisions) for _, revisions in self.found)


class Signed(NamedTuple):
    """A baseline document; ``missing`` = how many people of the role must still sign it."""

    baseline: Baseline
    document: bytes
    people: frozenset[str]
    missing: int


def survey(repos: Sequence[RepoId], hub: Hub, progress: Progress) -> Surveyed:
    """The tips of all branches, tags and pull requests, each commit once per repository."""
    advance = progress.start("listing refs", len(repos), "repositories")
    found: list[tuple[RepoId, tuple[Revision, ...]]] = []
    unread: list[tuple[RepoId, HubpolicyError]] = []
    for repo in repos:
        try:
            found.append((repo, revisions_of(repo, hub)))
        except HubpolicyError as error:
            unread.append((repo, error))
        advance(1)
    return Surveyed(tuple(found), tuple(unread))


def revisions_of(repo: RepoId, hub: Hub) -> tuple[Revision, ...]:
    """Commit ids with the refs that lead to them.

    Raises:
        AccessError, ServiceError: the refs could not be listed.

    """
    names: dict[str, list[str]] = {}
    for ref in hub.refs(repo):
        names.setdefault(ref.oid, []).append(ref.name)
    return tuple(sorted(Revision(oid, tuple(sorted(refs))) for oid, refs in names.items()))


def adopt(
    old: Baseline, surveyed: Surveyed, signer: dsse.SigningKey, trust: Trust, now: str, until: str
) -> Signed | None:
    """The list with what was found added, signed; None if all of it is listed already.

    Raises:
        VerificationError: the key at hand does not hold the role.

    """
    baseline = extended(old, surveyed.found, now, until)
    if baseline == old:
        return None
    document = make_document(baseline_payload(baseline), BASELINE_TYPE, (signer,))
    return _counted(document, signer, trust)


def cosign(raw: bytes, signer: dsse.SigningKey, trust: Trust, *, where: str) -> Signed:
    """A list that somebody else prepared, with one more signature.

    Raises:
        ConfigError, MalformedError: it is no baseline.
        VerificationError: a signature does not hold, or the key at hand does not hold the role.

    """
    signed_by(raw, trust, where=where)
    return _counted(add_signature(raw, BASELINE_TYPE, signer, where=where), signer, trust)


def _counted(document: bytes, signer: dsse.SigningKey, trust: Trust) -> Signed:
    baseline, people = signed_by(document, trust, where="the baseline")
    key = trust.root.key(signer.keyid)
    if key is None or key.principal not in people or signer.keyid in trust.state.revoked_keys:
        message = f"key {signer.keyid[:12]} does not sign in role state, so it adopts nothing"
        raise VerificationError(message, hint="hubpolicy trust show lists who can")
    return Signed(baseline, document, people, max(0, threshold(trust) - len(people)))


def worst_of(surveyed: Surveyed) -> HubpolicyError | None:
    """What kept us from reading: a refusal before all else."""
    errors = [error for _, error in surveyed.unread]
    refused = [error for error in errors if isinstance(error, AccessError)]
    return next(iter((*refused, *errors)), None)
