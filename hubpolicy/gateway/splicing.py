# SPDX-License-Identifier: Apache-2.0
"""So many bytes from one connection into another within the kernel: splice(2), of Linux.

They go through a pipe that takes pages, and not copies of them: two copies less of each byte.
Only where both connections are plain: what is packed into TLS this process has to see.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import ClientConnectionResetError

if TYPE_CHECKING:
    from collections.abc import Callable

_PIPE = 1024 * 1024
"""Bytes of a pipe: what anybody may ask for; who is not root has 64 MiB of them (pipe(7))."""
_LEAST = 64 * 1024
"""A pipe of less, as there are where a user has too many, is not worth it."""
_PROBE_SECONDS = 5.0


class Splice:
    """Once. Nobody may read from the one or write to the other meanwhile, nor keep bytes back."""

    def __init__(
        self, source: int, target: asyncio.WriteTransport, size: int,
        moved: Callable[[int, bool], None],
    ) -> None:  # fmt: skip
        """``moved`` is told how many bytes the target has taken, and whether it takes more.

        Raises:
            OSError: there are too many descriptors or pipes, of this process or its user.

        """
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._transport = target
        self._ends = _opened(source, target.get_extra_info("socket").fileno())
        self._moved = moved
        self._held = 0
        self._full = False
        self.left = size

    async def run(self) -> None:
        """Pass all of it on; ``left`` says what has not come where that breaks off.

        Raises:
            ConnectionError: one of the two is gone, or broke off before the end.

        """
        try:
            self._loop.add_reader(self._ends.source, self._take)
            await self._end
        finally:
            self.close()

    def close(self) -> None:
        """Give the descriptors back; what is still in the pipe is lost."""
        ends, self._ends = self._ends, _NONE
        if ends != _NONE:
            self._loop.remove_reader(ends.source)
            self._loop.remove_writer(ends.target)
            _closed(ends)

    def _take(self) -> None:
        """The pipe is empty, and the source has something to say."""
        try:
            taken = _moved(self._ends.source, self._ends.into, min(self.left, _PIPE))
        except BlockingIOError:
            return
        except OSError as error:
            self._over(ConnectionResetError(f"the client's connection: {error}"))
            return
        if not taken:
            self._over(ConnectionResetError("the client broke off"))
            return
        self.left -= taken
        self._held = taken
        self._give()

    def _give(self) -> None:
        """To the target, as much as it takes; while it takes no more, the source is not read."""
        if self._transport.is_closing():  # our descriptor would keep the connection open
            self._over(ClientConnectionResetError("the hub closed the connection"))
            return
        given = 0
        try:
            given = _moved(self._ends.out_of, self._ends.target, self._held)
        except BlockingIOError:
            pass
        except OSError as error:
            self._over(ClientConnectionResetError(f"the hub's connection: {error}"))
            return
        self._held -= given
        self._moved(given, not self._held)
        if not self._held and not self.left:
            self._over(None)
        elif self._full != bool(self._held):
            self._turn()

    def _turn(self) -> None:
        """Wait for the other one from now on."""
        self._full = not self._full
        if self._full:
            self._loop.remove_reader(self._ends.source)
            self._loop.add_writer(self._ends.target, self._give)
        else:
            self._loop.remove_writer(self._ends.target)
            self._loop.add_reader(self._ends.source, self._take)

    def _over(self, error: Exception | None) -> None:
        """Nothing is watched from now on, and whoever waits goes on."""
        self.close()
        if self._end.done():  # cancelled
            return
        if error is None:
            self._end.set_result(None)
        else:
            self._end.set_exception(error)


class _Ends(NamedTuple):
    """Descriptors of ours: the loop lets nobody watch those that belong to connections."""

    source: int
    target: int
    into: int
    out_of: int


_NONE = _Ends(-1, -1, -1, -1)


def between(
    source: asyncio.Transport, target: asyncio.WriteTransport, size: int,
    moved: Callable[[int, bool], None],
) -> Splice | None:  # fmt: skip
    """The way within the kernel; None where none leads there, or there are too many already."""
    found = source.get_extra_info("socket")
    sealed = source.get_extra_info("sslcontext") or target.get_extra_info("sslcontext")
    if found is None or sealed or target.get_extra_info("socket") is None:
        return None
    try:
        return Splice(found.fileno(), target, size, moved)
    except OSError:
        return None


def splices() -> bool:
    """Whether this system takes bytes from one connection into another, tried with two of ours."""
    try:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server.settimeout(_PROBE_SECONDS)
            ours = stack.enter_context(
                socket.create_connection(server.getsockname(), timeout=_PROBE_SECONDS)
            )
            other = stack.enter_context(server.accept()[0])
            other.settimeout(_PROBE_SECONDS)
            other.sendall(b"x")
            ours.recv(1, socket.MSG_PEEK)
            ends = _opened(ours.fileno(), ours.fileno())
            stack.callback(_closed, ends)
            _moved(ends.out_of, ends.target, _moved(ends.source, ends.into, _PIPE))
            return other.recv(2) == b"x"
    except (AttributeError, OSError):  # the first: a system that has none
        return False


def _opened(source: int, target: int) -> _Ends:
    with contextlib.ExitStack() as stack:
        found = []
        for each in (source, target):
            found.append(os.dup(each))
            stack.callback(os.close, found[-1])
        out_of, into = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        stack.callback(_closed, (out_of, into))
        with contextlib.suppress(PermissionError):
            fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, _PIPE)
        if fcntl.fcntl(into, fcntl.F_GETPIPE_SZ) < _LEAST:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        stack.pop_all()
    return _Ends(found[0], found[1], into, out_of)


def _closed(descriptors: tuple[int, ...]) -> None:
    for each in descriptors:
        os.close(each)


def _moved(source: int, target: int, size: int) -> int:
    """Bytes, at most ``size``; 0 at the end of the source."""
    return os.splice(source, target, size, flags=os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK)
