# SPDX-License-Identifier: Apache-2.0
"""A small client for OpenAI-compatible servers: bounded in time, size, retries and trust.

Not the Hub's inference client: that one refuses loopback when offline, sends the Hub's token to
whatever host it is given, and has no text completion. This one sends the key that it was given and
no other, follows no redirect, and reads no variable of the environment.
"""

from __future__ import annotations

import asyncio
import email.utils
import ssl
import time
from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported lazily

from hubpolicy.adapters.generators.answers import (
    SHOWN,
    Served,
    by_another,
    failed,
    question,
    read_answer,
)
from hubpolicy.core.rules import hp224
from hubpolicy.errors import AccessError, ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubpolicy.domain.evaluation import Completion, Request
    from hubpolicy.domain.statement import Sampling

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
ATTEMPTS = 4
LONGEST_WAIT = 60.0
LARGEST = 8 * 1024 * 1024
CONNECT_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Limits(NamedTuple):
    """How many requests at once, and seconds that one of them may take, retries not counted."""

    concurrency: int = 4
    seconds: float = 300.0


class Reply(NamedTuple):
    """Status and body; ``wait`` = seconds that the server asked for, or -1."""

    status: int
    content: bytes
    wait: float = -1.0


class BrokenError(Exception):
    """No answer: refused, broken off, too slow."""


class TooLargeError(BrokenError):
    """An answer that nobody wants to read, now or later."""


def parse_base(url: str, key: str) -> str:
    """The base of all paths, without a slash at its end; ``/v1`` where there is no path.

    Raises:
        ConfigError: no http(s) URL, one with a password or query, or a key in the clear.

    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    odd = parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in {"http", "https"} or not host or odd:
        message = "got an endpoint that is no plain http(s) URL, expected http://host:port/v1"
        raise ConfigError(message, hint="hubpolicy test PATH --generator endpoint:URL")
    if key and parts.scheme == "http" and host not in _LOOPBACK:
        message = f"got a key for http://{host}, which would send it in the clear"
        raise ConfigError(message, hint="use https, or no key")
    path = parts.path.rstrip("/") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"


async def pause(seconds: float) -> None:
    """Wait before asking again."""
    await asyncio.sleep(seconds)


class Client:
    """Asks one server. Not responsible for whether its answers mean anything: see ``probe``."""

    def __init__(
        self,
        base: str,
        *,
        key: str = "",
        limits: Limits = Limits(),  # noqa: B008 - an immutable value
        gone: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take where to ask, with which key, and how patiently; ``gone``: there is no more use."""
        self.base, self._limits, self._gone = base, limits, gone
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def ask(
        self, requests: Sequence[Request], sampling: Sampling, served: Served
    ) -> list[Completion]:
        """Completions in the order of the requests; what failed is a completion, too.

        Raises:
            AccessError: the server refuses the key.
            ServiceError: it answered none of them at all, or let another model answer (HP224).

        """
        with asyncio.Runner() as runner:
            found = runner.run(self._ask_all(requests, sampling, served))
        if requests and all(broken for _, broken in found):
            message = f"{self.base} answered none of {len(requests)} requests: {found[0][0].error}"
            raise ServiceError(message, hint="see that the server runs, then go on: hubpolicy test")
        answers = [completion for completion, _ in found]
        self._refuse_strangers(answers, served)
        return answers

    def _refuse_strangers(self, answers: Sequence[Completion], served: Served) -> None:
        """A server that lets another model answer measures another model: no hour more of it."""
        strangers = [answer.error for answer in answers if by_another(answer)]
        if strangers:
            count = f"{len(strangers)} of {len(answers)} requests"
            message = f"{self.base}: {count} {strangers[0]}, expected {served.answers_as!r}"
            hint = "let it serve that model alone, then go on: hubpolicy test"
            raise ServiceError(message, hint=hint, rule=hp224.ID)

    def get(self, path: str, *, seconds: float = CONNECT_SECONDS) -> Reply:
        """One GET, without retries. ``path`` begins with a slash and replaces the base's path.

        Raises:
            BrokenError: no answer.

        """
        parts = urlsplit(self.base)
        url = f"{parts.scheme}://{parts.netloc}{path}"

        async def once() -> Reply:
            async with self._session() as session:
                return await self._send(session, "GET", url, None, seconds)

        with asyncio.Runner() as runner:
            return runner.run(once())

    async def _ask_all(
        self, requests: Sequence[Request], sampling: Sampling, served: Served
    ) -> list[tuple[Completion, bool]]:
        gate = asyncio.Semaphore(self._limits.concurrency)
        async with self._session() as session:

            async def one(request: Request) -> tuple[Completion, bool]:
                async with gate:
                    return await self._ask(session, request, sampling, served)

            return await asyncio.gather(*map(one, requests))

    async def _ask(
        self, session: httpx.AsyncClient, request: Request, sampling: Sampling, served: Served
    ) -> tuple[Completion, bool]:
        """The completion, and whether there was no answer at all."""
        url = f"{self.base}/{'chat/completions' if request.chat else 'completions'}"
        body = question(request, sampling, served)
        try:
            reply = await self._patiently(session, url, body)
        except BrokenError as error:
            return failed(str(error)), True
        if reply.status == 200:
            return read_answer(reply.content, request, sampling, served), False
        if reply.status in {401, 403}:
            message = f"{self.base} refuses the key ({reply.status})"
            raise AccessError(message, hint="HUBPOLICY_ENDPOINT_KEY=... hubpolicy test")
        shown = reply.content[:SHOWN].decode("utf-8", "replace")
        where = "redirected, which is not followed" if 300 <= reply.status < 400 else shown
        return failed(f"got status {reply.status}: {where}"), False

    async def _patiently(
        self, session: httpx.AsyncClient, url: str, body: dict[str, object]
    ) -> Reply:
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                reply = await self._send(session, "POST", url, body, self._limits.seconds)
            except BrokenError as error:
                if last or isinstance(error, TooLargeError) or self._gone():
                    raise
                await pause(2.0**attempt / 4)
                continue
            if last or reply.status not in RETRIED:
                return reply
            wait = reply.wait if reply.wait >= 0 else 2.0**attempt / 4
            await pause(min(wait, LONGEST_WAIT))
        raise AssertionError

    async def _send(
        self,
        session: httpx.AsyncClient,
        method: str,
        url: str,
        body: dict[str, object] | None,
        seconds: float,
    ) -> Reply:
        try:
            async with (
                asyncio.timeout(seconds),
                session.stream(method, url, json=body, headers=self._headers) as response,
            ):
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > LARGEST:
                        message = f"got more than {LARGEST} bytes"
                        raise TooLargeError(message)
                wait = retry_after(response.headers.get("retry-after", ""), time.time())
                return Reply(response.status_code, bytes(content), wait)
        except TimeoutError:
            message = f"no answer within {seconds:g} seconds"
            raise BrokenError(message) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            message = f"no answer: {type(error).__name__} {str(error)[:SHOWN]}".rstrip()
            raise BrokenError(message) from error

    def _session(self) -> httpx.AsyncClient:
        plain = self.base.startswith("http:")
        return httpx.AsyncClient(
            # Nothing is trusted where nothing is encrypted, and no certificates are read for it.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._limits.seconds, connect=CONNECT_SECONDS),
        )


def retry_after(value: str, now: float) -> float:
    """Seconds to wait (RFC 9110 §10.2.3: a number or a date), or -1."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return -1.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - now)
