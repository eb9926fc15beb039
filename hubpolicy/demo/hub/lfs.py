# SPDX-License-Identifier: Apache-2.0
"""The store of large files, and the signed addresses they are sent to and fetched from."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlencode

from hubpolicy.demo.hub.wire import HubError, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK_BYTES = 1024 * 1024
LIFETIME_SECONDS = 3600


class LargeFiles:
    """Files by sha256 under ``lfs``; a file is there whole and verified, or not at all."""

    def __init__(self, root: Path) -> None:
        """Use `root`/lfs, and make it."""
        self._root = root / "lfs"
        self._incoming = self._root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where the file with that digest lies, or would lie."""
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes of a stored file, None if it is not stored."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def receive(self, source: BinaryIO, sha256: str, size: int) -> None:
        """Store the file read from `source`, after checking what arrived.

        Raises:
            HubError: 422 if size or digest differ from what was announced; nothing is stored then.
        """
        handle, scratch = tempfile.mkstemp(dir=self._incoming)
        digest, arrived = hashlib.sha256(), 0
        try:
            with os.fdopen(handle, "wb") as file:
                while chunk := source.read(CHUNK_BYTES):
                    digest.update(chunk)
                    arrived += len(chunk)
                    file.write(chunk)
            if arrived != size or digest.hexdigest() != sha256:
                raise HubError(
                    422,
                    f"got {arrived} bytes with sha256 {digest.hexdigest()}, "
                    f"expected {size} bytes with sha256 {sha256}",
                )
            self.path(sha256).parent.mkdir(parents=True, exist_ok=True)
            Path(scratch).replace(self.path(sha256))
        finally:
            Path(scratch).unlink(missing_ok=True)

    def part(self, upload: str, number: int) -> Path:
        """Return where part `number` (from 1) of a multipart upload lies."""
        return self._incoming / upload / str(number)

    def receive_part(self, source: BinaryIO, upload: str, number: int, size: int) -> str:
        """Store one part and return its etag.

        Raises:
            HubError: 422 if the part has another size.
        """
        target = self.part(upload, number)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read(size + 1)
        if len(content) != size:
            raise HubError(422, f"got {len(content)} bytes, expected {size}, in part {number}")
        target.write_bytes(content)
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    def complete(self, upload: str, etags: Sequence[str], sha256: str, size: int) -> None:
        """Join the parts and store the file.

        Raises:
            HubError: 422 if a part is missing or differs from its etag, or the whole is not it.
        """
        with tempfile.TemporaryFile(dir=self._incoming) as whole:
            for number, etag in enumerate(etags, start=1):
                try:
                    content = self.part(upload, number).read_bytes()
                except FileNotFoundError as error:
                    raise HubError(422, f"part {number} has not been uploaded") from error
                if hashlib.md5(content, usedforsecurity=False).hexdigest() != etag.strip('"'):
                    raise HubError(422, f"part {number} does not have the etag {etag}")
                whole.write(content)
            whole.seek(0)
            self.receive(whole, sha256, size)
        shutil.rmtree(self._incoming / upload, ignore_errors=True)


class AddressSigner:
    """Storage addresses that carry their own permission, as object stores have them."""

    def __init__(self, root: Path) -> None:
        """Sign with the key in `root`/storage.key, made on first use."""
        path = root / "storage.key"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        self._key = path.read_bytes()

    def sign(self, method: str, path: str, **facts: str) -> str:
        """Return path and query; `facts` come back, proven, from `verified`."""
        query = {**facts, "expires": str(int(time.time()) + LIFETIME_SECONDS)}
        query["signature"] = self._signature(method, path, query)
        return f"{path}?{urlencode(query)}"

    def verified(self, request: Request) -> dict[str, str]:
        """Return the facts of a signed address.

        Raises:
            HubError: 403 if the address was not signed for this, or is too old.
        """
        query = dict(request.query)
        signature = query.pop("signature", "")
        method = "GET" if request.method == "HEAD" else request.method
        expected = self._signature(method, request.path, query)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise HubError(403, "the storage address has no valid signature")
        if int(query["expires"]) < time.time():
            raise HubError(403, "the storage address has expired")
        return query

    def _signature(self, method: str, path: str, query: dict[str, str]) -> str:
        message = f"{method}\n{path}\n{urlencode(sorted(query.items()))}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
