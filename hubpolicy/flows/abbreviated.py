# SPDX-License-Identifier: Apache-2.0
"""A commit by the first digits of its id, where its repository has one such commit and no more.

Ids are compared with the lists of commits that branches and tags lead to. What pull requests lead
to is left out: anybody may propose a commit whose id begins as another one's does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.proposed import is_proposal
from hubpolicy.core.short_ids import ambiguous, is_short
from hubpolicy.flows.auditing import named_revision, unknown_revision

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader


def resolve(hub: HistoryReader, repo: RepoId, revision: str) -> str:
    """The commit id of a branch, a tag, a full ref name, of itself, or of its first digits.

    Raises:
        ConfigError: several commits have such ids; they are named.
        ServiceError: the repository has no such ref or commit, or does not tell.

    """
    if named_revision((), revision):
        return revision
    refs = hub.refs(repo)
    found = named_revision(refs, revision)
    if found:
        return found
    if not is_short(revision):
        raise unknown_revision(repo, revision)
    begin = revision.lower()
    tips = dict.fromkeys(ref.oid for ref in refs if ref.oid and not is_proposal(ref.name))
    histories = (hub.history(repo, tip) for tip in tips)
    oids = sorted({oid for each in histories for oid in each if oid.startswith(begin)})
    if len(oids) > 1:
        raise ambiguous(revision, tuple(oids), repo.text)
    if not oids:
        error = unknown_revision(repo, revision)
        error.message += ": no branch or tag leads to a commit of such an id, expected all of it"
        raise error
    return oids[0]
