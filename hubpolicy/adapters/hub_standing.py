# SPDX-License-Identifier: Apache-2.0
"""Who may see a repository of a hub now, since when it is there, and when its commits were made."""

from __future__ import annotations

import json
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.hub_http import NotFoundError, official_client, patiently, translated
from hubpolicy.core.lives import Visible

if TYPE_CHECKING:
    from datetime import datetime

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.domain.release import RepoId

_DATES = "\0dates"
"""The path under which the times of a commit and all before it are kept; no file has such."""


class HubStanding:
    """Implements ``Standing`` of the flow ``exposing`` for one endpoint and one token.

    What a commit id fixes is asked once where there is a ``store``.
    """

    def __init__(self, endpoint: str, token: str | None, store: AuditStore | None = None) -> None:
        self._endpoint, self._token, self._store = endpoint, token, store
        self._api = official_client(endpoint, token)

    def visible(self, repo: RepoId) -> Visible:
        """Whether everybody may read it, and when it was made.

        Raises:
            AccessError, ServiceError: the hub does not say.

        """
        doing = f"asking who may see {repo.text}"
        try:
            with translated(doing, secret=self._token, endpoint=self._endpoint):
                found = patiently(lambda: self._facts(repo), time.sleep)
        except NotFoundError:
            return Visible(None)
        return Visible(bool(found.private), _instant(getattr(found, "created_at", None)))

    def _facts(self, repo: RepoId) -> Any:
        if repo.repo_type == "bucket":
            return self._api.bucket_info(repo.text)
        return self._api.repo_info(repo.text, repo_type=repo.repo_type)

    def dates(self, repo: RepoId, revision: str) -> tuple[tuple[str, str], ...]:
        """Id and time (ISO 8601 UTC) of a commit and of all before it, the newest first.

        Raises:
            AccessError, ServiceError: the hub does not say.

        """
        kept = self._store.content(repo, revision, _DATES) if self._store else None
        if kept is None:
            kept = json.dumps(self._asked(repo, revision)).encode()
            if self._store:
                self._store.keep_content(repo, revision, _DATES, kept)
        return tuple((oid, moment) for oid, moment in json.loads(kept))

    def _asked(self, repo: RepoId, revision: str) -> list[tuple[str, str]]:
        doing = f"reading when {repo.text} was committed to"
        with translated(doing, secret=self._token, endpoint=self._endpoint):
            commits = patiently(
                lambda: self._api.list_repo_commits(
                    repo.text, repo_type=repo.repo_type, revision=revision
                ),
                time.sleep,
            )
        return [(commit.commit_id, _instant(commit.created_at)) for commit in commits]


def _instant(moment: datetime | None) -> str:
    if moment is None:
        return ""
    utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%SZ")
