# SPDX-License-Identifier: Apache-2.0
"""Buckets of a hub: files without commits, listed without any digest but their Xet hash."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from huggingface_hub.errors import HfHubHTTPError

from hubpolicy.adapters.hub_http import bounded, official_client, patiently, translated
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.domain.release import parse_repo_id
from hubpolicy.errors import ServiceError
from hubpolicy.ports import RemoteRef

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId

WHOLE = "(bucket)"
"""In the place of a ref: all that is in it now."""


class HubBuckets:
    """Implements :class:`hubpolicy.ports.HistoryReader` for one endpoint's buckets.

    A bucket has no commits. Its only ref has no commit id, and nothing of it can be kept.
    """

    def __init__(self, endpoint: str, token: str | None) -> None:
        self._endpoint, self._token = endpoint, token
        self._api = official_client(endpoint, token)

    def of(self, namespace: str) -> tuple[RepoId, ...] | None:
        """The buckets of a namespace that this login may see; None where the hub answers 404.

        So says a hub that has no buckets at all, and one that does not show the namespace: of an
        empty one it gives an empty list.

        Raises:
            AccessError, ServiceError: the hub does not say.

        """
        doing = f"listing the buckets of {namespace}"
        with translated(doing, secret=self._token, endpoint=self._endpoint):
            try:
                found = patiently(lambda: list(self._api.list_buckets(namespace)), time.sleep)
            except HfHubHTTPError as error:
                if error.response.status_code == 404:
                    return None
                raise
            names = sorted(each.id for each in found if each.id.startswith(f"{namespace}/"))
        return tuple(
            parse_repo_id(name, endpoint=self._endpoint, repo_type="bucket") for name in names
        )

    def refs(
        self,
        repo: RepoId,  # noqa: ARG002
        *,
        outdated: str = "",  # noqa: ARG002
        ref: str = "refs/heads/main",  # noqa: ARG002
    ) -> tuple[RemoteRef, ...]:
        """One: the bucket as a whole."""
        return (RemoteRef(WHOLE, ""),)

    def listing(self, repo: RepoId, revision: str) -> Listing:  # noqa: ARG002
        """What is in the bucket now, by path and size; no sha256 is known of any of it."""
        doing = f"listing the bucket {repo.text}"
        with translated(doing, secret=self._token, endpoint=self._endpoint):
            found = patiently(
                lambda: bounded(self._api.list_bucket_tree(repo.text, recursive=True)), time.sleep
            )
            files = [
                ListedFile(entry.path, int(entry.size), None, None)
                for entry in found
                if entry.type == "file"
            ]
        return Listing(tuple(sorted(files)))

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:  # noqa: ARG002
        """None: what is overwritten there is gone."""
        return ()

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:  # noqa: ARG002
        """Raises: ServiceError: nothing is read from a bucket."""
        message = f"got {path!r} of the bucket {repo.text}, of which nothing is read"
        raise ServiceError(message)
