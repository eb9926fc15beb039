# SPDX-License-Identifier: Apache-2.0
"""Compares what an adapter pins as its base with what the base's repository has at that commit.

What Git LFS keeps is compared by the sha256 that the hub lists, so no weights are downloaded. What
git keeps itself is listed by SHA-1 alone: configurations and tokenizers, which are read.

A hub gives out the commits of pull requests under a repository's name too, and anybody can open
one; so the commit has to be of a branch or a tag.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

from hubpolicy.core.adapter_base import parse_base
from hubpolicy.core.rules import hp415
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.domain.release import parse_repo_id
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.core.adapter_base import Base
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import HistoryReader

MOST_READ = 100
"""Files of one base that git keeps itself. A model has about ten."""
MOST_REFS = 20
"""Branches and tags whose history is asked for, ``main`` first."""
_OWN = ("refs/heads/", "refs/tags/")


def compare(where: str, content: bytes, hub: HistoryReader, endpoint: str) -> tuple[Finding, ...]:
    """Findings about one pin; ``content`` is that of the file at ``where``."""
    base = None
    found: tuple[Finding, ...] = ()
    try:
        base = parse_base(content)
        repo = parse_repo_id(base.repo, endpoint=endpoint)
        found = hp415.check(where, base, _listed(base, repo, hub))
        stray = () if _is_own(base, repo, hub) else (hp415.stray(where, base),)
    except (MalformedError, ServiceError) as error:
        return (*found, hp415.unknown(where, base, error.message))
    return (*found, *stray)


def _listed(base: Base, repo: RepoId, hub: HistoryReader) -> dict[str, str]:
    """Hex sha256 by path of what the hub has of the pinned files.

    Raises:
        ServiceError: it does not answer, or there is too much to read.

    """
    wanted = {path for path, _ in base.files}
    found = [file for file in hub.listing(repo, base.revision).files if file.path in wanted]
    read = [file for file in found if file.sha256 is None]
    if len(read) > MOST_READ or any(file.size > GIT_BLOB_LIMIT for file in read):
        message = f"got {len(read)} files without sha256, expected at most {MOST_READ} small ones"
        raise ServiceError(message)
    known = {file.path: file.sha256 for file in found if file.sha256 is not None}
    contents = ((file.path, hub.read(repo, base.revision, file.path)) for file in read)
    return known | {path: hashlib.sha256(content).hexdigest() for path, content in contents}


def _is_own(base: Base, repo: RepoId, hub: HistoryReader) -> bool:
    """Whether the commit is one that the repository's owners let in.

    Raises:
        ServiceError: the hub does not answer, or there are too many places where it may be.

    """
    refs = [ref for ref in hub.refs(repo) if ref.name.startswith(_OWN)]
    if any(ref.oid == base.revision for ref in refs):
        return True
    refs.sort(key=lambda ref: (ref.name != "refs/heads/main", ref.name))
    heads = dict.fromkeys(ref.oid for ref in refs)
    if any(base.revision in hub.history(repo, oid) for oid in islice(heads, MOST_REFS)):
        return True
    if len(heads) > MOST_REFS:
        message = (
            f"of {len(heads)} branches and tags the first {MOST_REFS} do not lead there; pin a "
            "commit of main, or one that has a tag"
        )
        raise ServiceError(message)
    return False
