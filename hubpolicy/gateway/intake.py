# SPDX-License-Identifier: Apache-2.0
"""Bodies that decide: who may send one, how large, how many at once, and where it lies meanwhile.

Nobody's body is read before it is known who sends it and for which repository: what lies on our
disk and in our memory is bounded by people with tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import unquote
from weakref import WeakValueDictionary

from hubpolicy.core.hub_bodies import BODY_LIMIT
from hubpolicy.core.hub_paths import repo_of, segments
from hubpolicy.errors import MalformedError, ServiceError
from hubpolicy.gateway import answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from contextlib import AbstractAsyncContextManager

    from aiohttp import web

    from hubpolicy.gateway.holders import Holder

_BATCH = "/info/lfs/objects/batch"
_PACK = "/git-receive-pack"
_SILENCE_SECONDS = 60.0
_WAIT_SECONDS = 60.0
_SLOWEST = 32 * 1024
"""Bytes a second, on the average and after the first minute: slots are for who uses them."""

SMALL = 64 * 1024
"""Bytes of a body that is read at once, and held in memory whatever it is."""

READ_ONLY = "this token is for reading alone"


class Slots:
    """So many bodies are here at once, from all and from each; others wait for their turn."""

    def __init__(self, everybody: int, each: int, wait: float = _WAIT_SECONDS) -> None:
        self._everybody = asyncio.Semaphore(everybody)
        self._each = each
        self._wait = wait
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def taken(self, name: str) -> AsyncIterator[None]:
        """Hold one for somebody.

        Raises:
            ServiceError: none got free in time.

        """
        own = self._own.setdefault(name, asyncio.Semaphore(self._each))
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._wait):
                    await stack.enter_async_context(own)
                    await stack.enter_async_context(self._everybody)
            except TimeoutError as error:
                message = "too many requests are under way"
                raise ServiceError(message) from error
            yield


class Turns:
    """Whoever changes something that has a name is alone with it; others wait, and not for ever."""

    def __init__(self, wait: float = _WAIT_SECONDS) -> None:
        self._wait = wait
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def taken(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Hold them all.

        Raises:
            ServiceError: somebody else held one for too long.

        """
        wanted = sorted(set(names))
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._wait):
                    for name in wanted:
                        lock = self._locks.setdefault(name, asyncio.Lock())
                        await stack.enter_async_context(lock)
            except TimeoutError as error:
                message = f"another change of {' or '.join(wanted)} is under way"
                raise ServiceError(message) from error
            yield


def stranger_to(path: str, holder: Holder) -> str:
    """The repository that a path names, and the token is not for, or not to write; else empty.

    Empty too where only the body says whether it is a read: LFS batches, to download.
    """
    if is_batch(path):
        return ""
    try:
        repo = repo_of(segments(path), "")
    except MalformedError:
        return ""
    return repo.text if repo is not None and not (holder.may(repo.text) and holder.writes) else ""


def is_batch(path: str) -> bool:
    """True for a batch of LFS objects, however the path is encoded."""
    return unquote(path).endswith(_BATCH)


def is_pack(path: str) -> bool:
    """True for what ``git push`` sends, however the path is encoded."""
    return unquote(path).endswith(_PACK)


def is_large(path: str) -> bool:
    """True for the two calls whose bodies may be large: a commit's, and a push's."""
    return "/commit/" in path or is_pack(path)


async def read(request: web.Request, path: str, limit: int) -> tuple[BinaryIO, int]:
    """A body and its bytes, on disk where it may be large.

    Raises:
        MalformedError: it is larger than ``limit``.
        TimeoutError: nothing came for a minute, or less than 32 KiB a second.
        ConnectionError: whoever sent it is gone.
        ServiceError: it cannot be kept.

    """
    body = _room(path)
    try:
        size = await _filled(body, request, limit)
    except (ConnectionError, TimeoutError):
        body.close()
        raise
    except OSError as error:
        body.close()
        message = f"cannot keep the body: {error.strerror or error}"
        raise ServiceError(message) from error
    except BaseException:
        body.close()
        raise
    body.seek(0)
    return body, size


def _room(path: str) -> BinaryIO:
    """Where a body lies. git reads its file itself; of a commit only a large one needs a file."""
    if is_pack(path):
        return tempfile.TemporaryFile()
    if is_large(path):
        return cast("BinaryIO", tempfile.SpooledTemporaryFile(SMALL))
    return io.BytesIO()


async def _filled(body: BinaryIO, request: web.Request, limit: int) -> int:
    size, now = 0, asyncio.get_running_loop().time
    start = now()
    async with asyncio.timeout(_SILENCE_SECONDS) as patience:
        async for chunk in request.content.iter_any():
            size += len(chunk)
            patience.reschedule(_until(start, now(), size))
            if size > limit:
                message = f"got more than {limit} bytes of body, expected at most that"
                raise MalformedError(message)
            body.write(chunk)
    return size


def _until(start: float, now: float, size: int) -> float:
    """When patience ends: a minute after the last bytes, or when it has been too slow for long."""
    return min(now + _SILENCE_SECONDS, start + _SILENCE_SECONDS + size / _SLOWEST)


def limit_of(path: str, commit_limit: int) -> int:
    """Bytes that a body may have."""
    return commit_limit if is_large(path) else BODY_LIMIT


async def with_body(
    request: web.Request, path: str, limit: int, turn: AbstractAsyncContextManager[None],
    then: Callable[[BinaryIO, int], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:  # fmt: skip
    """Wait for a turn, take the body in and answer by ``then``; or say why it was not taken in."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(turn)
            body, size = await read(request, path, limit)
        except ServiceError as error:
            return answers.busy(error.message)
        except MalformedError as error:
            return answers.too_large(error.message)
        except TimeoutError:
            return answers.too_slow()
        except ConnectionError:
            return answers.cut_off()
        with body:
            return await then(body, size)
