# SPDX-License-Identifier: Apache-2.0
"""Sends one evidence file to a repository as a proposal: nothing that people download changes."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hubpolicy.domain.manifest import is_evidence_path
from hubpolicy.domain.outgoing import Outgoing
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Hub

MAIN = "refs/heads/main"
_PULL_REQUEST = re.compile(r"refs/pr/[1-9][0-9]*")


def propose(
    hub: Hub, repo: RepoId, revision: tuple[str, str], path: str, content: bytes, message: str
) -> tuple[str, str]:
    """Open a pull request to ``main``, or commit on the one that was looked at; its ref, and where.

    ``revision``: what was asked for, and the commit that was looked at. The new one stands on top
    of that: where a pull request has moved since, the hub refuses.

    Raises:
        ConfigError: the revision is neither ``main`` nor a pull request.
        AccessError, ServiceError: the hub refuses, or the ref has moved.

    """
    asked, oid = revision
    ref = _ref(asked, repo)
    if not is_evidence_path(path):
        message = f"got {path!r}, expected a path below .hubpolicy/"
        raise ValueError(message)
    file = Outgoing(path, content, hashlib.sha256(content).hexdigest(), len(content))
    url = hub.propose(repo, (file,), ref, oid, message).url
    return (f"refs/pr/{url.rpartition('/')[2]}" if ref == MAIN else ref), url


def _ref(asked: str, repo: RepoId) -> str:
    if asked in {"main", MAIN}:
        return MAIN
    if _PULL_REQUEST.fullmatch(asked):
        return asked
    message = f"got --create-pr for {repo.text}@{asked}, expected main or a pull request"
    hint = f"--to DIR writes a file; or: hubpolicy approve {repo.text}@refs/pr/N --create-pr"
    raise ConfigError(message, hint=hint)
