# SPDX-License-Identifier: Apache-2.0
"""The LFS objects that a hub keeps for a repository, seen as those on a disk are.

For whoever receives pointers while the contents went straight to the hub's storage: that an object
is there, how long it is, and its first bytes. Protocol: git-lfs ``docs/api/batch.md``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from hubpolicy.adapters.hub_http import translated
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.lfs_pointer import Pointer
    from hubpolicy.domain.release import RepoId

_MEDIA_TYPE = "application/vnd.git-lfs+json"
_KEPT = 512
_MOST = 10_000
_SECONDS = 600.0
"""Objects that one push may have us look at, and how long that may take: more is not judged."""
_PAGES = {"model": "", "dataset": "datasets/", "space": "spaces/"}


class HubLfsStore:
    """Stands in for :class:`hubpolicy.adapters.lfs_store.LfsStore`; asks once for each object."""

    def __init__(self, repo: RepoId, endpoint: str, token: str) -> None:
        """``endpoint`` is where the hub answers; evidence may call it by another name."""
        self._repo = repo
        self._endpoint = endpoint
        self._token = token
        self._heads: dict[Pointer, bytes] = {}
        self._looks = 0
        self._until = time.monotonic() + _SECONDS

    def read(self, pointer: Pointer, limit: int) -> bytes:
        """The whole content, re-hashed. Raises as :meth:`head`, or it is longer than ``limit``."""
        import hashlib

        if pointer.size > limit:
            message = f"got {pointer.size} bytes in LFS object {pointer.sha256}, expected {limit}"
            raise ServiceError(message)
        content = self._first(pointer, pointer.size)
        if hashlib.sha256(content).hexdigest() != pointer.sha256:
            message = f"got other bytes than their sha256 in LFS object {pointer.sha256}"
            raise ServiceError(message, hint="git lfs push --all origin")
        return content

    def head(self, pointer: Pointer, size: int) -> bytes:
        """Up to ``size`` first bytes of an object of the stated length, not re-hashed.

        Raises:
            ServiceError: the hub has no such object for this repository, or of another length.

        """
        if size > _KEPT:
            return self._first(pointer, size)
        if pointer not in self._heads:
            self._heads[pointer] = self._first(pointer, _KEPT)
        return self._heads[pointer][:size]

    def is_intact(self, pointer: Pointer) -> bool:
        """True if the hub has it, of that length: its storage hashed it when it was uploaded."""
        return len(self.head(pointer, _KEPT)) == min(pointer.size, _KEPT)

    def _first(self, pointer: Pointer, size: int) -> bytes:
        self._looks += 1
        if self._looks > _MOST or time.monotonic() > self._until:
            message = f"got more LFS objects than can be looked at in one push ({_MOST})"
            raise ServiceError(message, hint="push in several parts")
        doing = f"looking at LFS object {pointer.sha256[:12]} of {self._repo.text}"
        with translated(doing, secret=self._token):
            address, headers = self._address(pointer)
            found = bytearray()
            with get_session().stream("GET", address, headers=headers) as response:
                hf_raise_for_status(response)
                stated = response.headers.get("Content-Length")
                for piece in _until(response.iter_bytes(), size):
                    found += piece
        wanted = min(size, pointer.size)
        if stated != str(pointer.size) or len(found) < wanted:
            message = f"LFS object {pointer.sha256} is not {pointer.size} bytes long on the hub"
            raise ServiceError(message, hint="git lfs push --all origin")
        return bytes(found[:wanted])

    def _address(self, pointer: Pointer) -> tuple[str, dict[str, str]]:
        url = f"{self._endpoint}/{_PAGES[self._repo.repo_type]}{self._repo.text}.git"
        login = build_hf_headers(token=self._token, library_name="hubpolicy")
        answer = get_session().post(
            f"{url}/info/lfs/objects/batch",
            headers={**login, "Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE},
            json={
                "operation": "download", "transfers": ["basic"], "hash_algo": "sha256",
                "objects": [{"oid": pointer.sha256, "size": pointer.size}],
            },
        )  # fmt: skip
        hf_raise_for_status(answer)
        (found,) = answer.json()["objects"]
        download: dict[str, Any] | None = (found.get("actions") or {}).get("download")
        if download is None:
            message = f"LFS object {pointer.sha256} ({pointer.size} bytes) is not on the hub"
            raise ServiceError(message, hint="git lfs push --all origin")
        # Bytes as they are: a length of something packed would say nothing.
        headers = {**(download.get("header") or {}), "Accept-Encoding": "identity"}
        return str(download["href"]), headers


def _until(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Pieces until there are ``size`` bytes; the rest is not fetched."""
    came = 0
    for piece in pieces:
        yield piece
        came += len(piece)
        if came >= size:
            return
