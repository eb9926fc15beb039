# SPDX-License-Identifier: Apache-2.0
"""Asks an RFC 3161 authority for a timestamp of a signature, over HTTP (RFC 3161 §3.4).

What comes back is believed by nobody here: it goes into the bundle, and verification checks it
like everything else in there. Time authorities are public and mostly behind plain http, since
their answer is signed; the digest of a signature is all they are told.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from hubpolicy.errors import ConfigError, ServiceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rfc3161_client import TimeStampResponse

_BYTES_LIMIT = 64 * 1024
_SECONDS = 30.0
_QUERY = "application/timestamp-query"
_HINT = "try again, or attest without --timestamp: the time is self-declared then"


class TimestampService(NamedTuple):
    """An authority behind an address. ``parse_service`` makes one."""

    url: str

    def stamp(self, signature: bytes) -> bytes:
        """DER of the time-stamp response over the signature's bytes.

        Raises:
            ServiceError: no answer, or none about this signature.
            UnsupportedError: ``rfc3161-client`` is not installed.

        """
        try:
            from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response
        except ImportError as error:
            message = "rfc3161-client is not installed, and timestamps take it"
            raise UnsupportedError(message, hint="pip install rfc3161-client") from error
        request = TimestampRequestBuilder().data(signature).build()
        answer = self._post(request.as_bytes())
        try:
            response = decode_timestamp_response(answer)
        except ValueError as error:
            message = f"got no time-stamp response from {self.url}"
            raise ServiceError(message, hint=_HINT) from error
        if not _answers(response, request.nonce, request.message_imprint.message):
            message = f"{self.url} refused, or answered another question"
            raise ServiceError(message, hint=_HINT)
        return answer

    def _post(self, query: bytes) -> bytes:
        from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported lazily

        headers = {
            "Content-Type": _QUERY, "Accept-Encoding": "identity", "User-Agent": "hubpolicy",
        }  # fmt: skip
        try:
            with (
                httpx.Client(follow_redirects=False, timeout=_SECONDS) as client,
                client.stream("POST", self.url, content=query, headers=headers) as response,
            ):
                if response.status_code != 200:
                    message = f"got HTTP {response.status_code}, expected 200, from {self.url}"
                    raise ServiceError(message, hint=_HINT)
                return _received(response.iter_raw(), self.url)
        except httpx.HTTPError as error:
            message = f"no answer from {self.url} ({type(error).__name__})"
            raise ServiceError(message, hint=_HINT) from error


def parse_service(url: str) -> TimestampService:
    """The service behind an address.

    Raises:
        ConfigError: no plain http or https address.

    """
    try:
        parts = urlsplit(url)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username
    except ValueError:
        plain = False
    if not plain:
        message = f"got {url!r:.200}, expected the http address of a time authority"
        raise ConfigError(message, hint="example: --timestamp https://timestamp.acme.example")
    return TimestampService(url)


def _answers(response: TimeStampResponse, nonce: int | None, digest: bytes) -> bool:
    granted = 0
    if response.status != granted:
        return False
    imprint = response.tst_info.message_imprint.message
    return bool(response.tst_info.nonce == nonce and imprint == digest)


def _received(parts: Iterator[bytes], url: str) -> bytes:
    """At most so many bytes in so many seconds, however slowly they drip."""
    end = time.monotonic() + _SECONDS
    content = b""
    for part in parts:
        content += part
        if len(content) > _BYTES_LIMIT or time.monotonic() > end:
            message = f"got more than {_BYTES_LIMIT} bytes, or too slowly, from {url}"
            raise ServiceError(message, hint=_HINT)
    return content
