# SPDX-License-Identifier: Apache-2.0
"""What lies in the Git LFS storage of a hub's repositories, whether or not a commit names it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeGuard

from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    build_hf_headers,
    paginate,
)

from hubpolicy import __version__
from hubpolicy.adapters.hub_http import install_session, patiently, translated
from hubpolicy.domain.storage import StoredObject
from hubpolicy.errors import AccessError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId

_HEX = frozenset("0123456789abcdef")


class HubStorage:
    """The storage of one endpoint's repositories, for one token.

    The client's own ``list_lfs_files`` fails on objects without a file name, which are the ones
    that no commit ever had.
    """

    def __init__(self, endpoint: str, token: str | None) -> None:
        install_session()
        self._endpoint, self._token = endpoint, token
        self._headers = build_hf_headers(
            token=token or False, library_name="hubpolicy", library_version=__version__
        )

    def objects(self, repo: RepoId) -> tuple[StoredObject, ...]:
        """Every LFS object of a repository; a page of them is one request.

        Raises:
            AccessError: this login may not list them (the Hub asks for the right to write), or the
                hub has no such list.
            ServiceError: the hub does not give them, or not in the form of its protocol.

        """
        doing = f"listing the LFS storage of {repo.text}"
        with translated(doing, secret=self._token, endpoint=self._endpoint):
            try:
                return patiently(lambda: self._objects(repo), time.sleep)
            except HfHubHTTPError as error:
                if error.response.status_code != 404:
                    raise
                # The repository's refs were there a moment ago.
                message = f"{doing}: the hub has no such list for this login (HTTP 404)"
                raise AccessError(message) from error

    def _objects(self, repo: RepoId) -> tuple[StoredObject, ...]:
        address = f"{self._endpoint}/api/{repo.repo_type}s/{repo.text}/lfs-files"
        return tuple(
            _stored(each, repo) for each in paginate(address, params={}, headers=self._headers)
        )


def _stored(listed: Any, repo: RepoId) -> StoredObject:
    """One object of the list. Raises: ServiceError: it is not as the Hub's API has it."""
    facts = listed if isinstance(listed, dict) else {}
    named = (facts.get("oid"), facts.get("fileOid"))
    digests = tuple(dict.fromkeys(filter(_is_sha256, named)))
    size, name, pushed = facts.get("size"), facts.get("filename"), facts.get("pushedAt")
    if not digests or not isinstance(size, int):
        message = f"got an LFS object without sha256 and size in the storage of {repo.text}"
        raise ServiceError(message, hint="is HF_ENDPOINT the address of a hub?")
    return StoredObject(digests, size, _text(name), _text(pushed))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_sha256(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and len(text) == 64 and _HEX.issuperset(text)
