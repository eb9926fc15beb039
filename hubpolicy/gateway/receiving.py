# SPDX-License-Identifier: Apache-2.0
"""Lets git receive a push into quarantine, and asks about it before any ref moves.

git itself takes the pack, checks each object and starts our hook (``mirror.py``), which hands us
its refs through a pipe and waits. Only a yes lets git keep anything: until then every object lies
in a folder that git removes (git-receive-pack(1), "QUARANTINE ENVIRONMENT").
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from hubpolicy.domain.refs import parse_received
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from hubpolicy.domain.refs import Push

CHUNK = 256 * 1024
_NAMES = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
_REFS_LIMIT = 4 * 1024 * 1024
_TEXT_LIMIT = 32 * 1024
"""Bytes: less than a pipe takes, so that nobody waits for a hook that is gone."""

QUARANTINE = "tmp_objdir-*"
LARGE = "4m"
"""Files from here on are streamed through git, and not held in its memory."""
_LIMITED = 'ulimit -v 2097152 2> /dev/null; exec git "$@"'
"""2 GiB of memory for each process that takes a push, where the system has such a limit."""
_ASK_SECONDS = 300.0
"""For git to take a pack, with all that it unpacks to, and to check it."""
_END_SECONDS = 60.0


class Received(NamedTuple):
    """What git holds in quarantine, and the environment by which it is seen."""

    push: Push
    quarantine: dict[str, str]


class Answer(NamedTuple):
    """Whether it may stay, and what the pusher reads."""

    accepted: bool
    text: str


class Ended(NamedTuple):
    """How git ended. ``asked``: it came as far as the question; ``said``: its own words."""

    asked: bool
    code: int
    said: str


def plain_body(body: BinaryIO, encoding: str, limit: int) -> BinaryIO:
    """The same body unpacked, on disk; itself where it is not packed.

    Raises:
        MalformedError: it is packed in another way, or broken, or larger than ``limit`` bytes.
        ServiceError: it cannot be kept.

    """
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        message = f"got Content-Encoding {encoding[:40]!r}, expected gzip or none"
        raise MalformedError(message)
    made: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        _unpack(body, made, limit)
    except OSError as error:
        made.close()
        message = f"cannot keep the body: {error.strerror or error}"
        raise ServiceError(message) from error
    except (zlib.error, MalformedError) as error:
        made.close()
        message = getattr(error, "message", "got a body that is no gzip")
        raise MalformedError(message) from error
    made.seek(0)
    return made


def _unpack(source: BinaryIO, target: BinaryIO, limit: int) -> None:
    engine, size = zlib.decompressobj(zlib.MAX_WBITS | 16), 0
    while not engine.eof:
        chunk = engine.unconsumed_tail or source.read(CHUNK)
        if not chunk:
            message = "got the end of a gzip body, expected more of it"
            raise MalformedError(message)
        piece = engine.decompress(chunk, CHUNK)
        size += len(piece)
        if size > limit:
            message = f"got more than {limit} bytes in a gzip body, expected at most that"
            raise MalformedError(message)
        target.write(piece)


async def receive(
    command: tuple[str, ...],
    environment: dict[str, str],
    place: Path,
    body: BinaryIO,
    ask: Callable[[Received], Awaitable[Answer]],
    write: Callable[[bytes], Awaitable[None]],
) -> Ended:
    """Run ``git receive-pack`` over a request's body; what it says goes to ``write`` as it comes.

    ``ask`` has ended when this returns, whatever becomes of ``write``, which must not raise where
    the pusher is gone. Nobody else may use the repository meanwhile.

    Raises:
        ServiceError: git cannot be started.

    """
    pipes = _Pipes()
    try:
        with tempfile.TemporaryFile() as remarks:
            process = await _start(command, environment, place, body, remarks, pipes)
            asking = asyncio.ensure_future(_asked(pipes, place, ask))
            kept = False
            try:
                asked = await _conversed(process, asking, write)
            except asyncio.CancelledError:
                kept = True  # what was accepted may be on its way from there
                raise
            finally:
                # What is asked may go on elsewhere, but never with descriptors that are closed.
                asking.cancel()
                await asyncio.wait((asking,))
                await _ended(process)
                if not kept:
                    _sweep(place)
            remarks.seek(0)
            said = remarks.read(_TEXT_LIMIT).decode(errors="replace").strip()
            return Ended(asked, process.returncode or 0, said)
    finally:
        pipes.close()


async def _conversed(
    process: asyncio.subprocess.Process, asking: asyncio.Future[bool],
    write: Callable[[bytes], Awaitable[None]],
) -> bool:  # fmt: skip
    """Until git has said all; when its question is answered, or was never asked, it ends soon."""
    copying = asyncio.ensure_future(_copied(process, write))
    try:
        await asyncio.wait((asking, copying), return_when=asyncio.FIRST_COMPLETED)
        if copying.done():  # git ended: nobody reads the answer
            await asyncio.wait((asking,))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await copying
                await process.wait()
    finally:
        copying.cancel()
        await asyncio.wait((copying,))
    return asking.result()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """All that git started is in one group with it, and ends."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _sweep(place: Path) -> None:
    """Quarantine that git had no time to remove."""
    for left in (place / "objects").glob(QUARANTINE):
        shutil.rmtree(left, ignore_errors=True)


class _Pipes:
    """Our two ends and git's two; the numbers of git's stand in its environment."""

    def __init__(self) -> None:
        self.question, self.ask = os.pipe()
        self.answer, self.reply = os.pipe()
        self._open = {self.question, self.ask, self.answer, self.reply}

    def forget(self, *ends: int) -> None:
        """Close these, if they are open."""
        for end in ends:
            if end in self._open:
                self._open.discard(end)
                os.close(end)

    def lend(self, end: int) -> int:
        """Somebody else closes it from now on."""
        self._open.discard(end)
        return end

    def close(self) -> None:
        """Close what is open."""
        self.forget(*tuple(self._open))


async def _start(
    command: tuple[str, ...], environment: dict[str, str], place: Path, body: BinaryIO,
    remarks: BinaryIO, pipes: _Pipes,
) -> asyncio.subprocess.Process:  # fmt: skip
    body.seek(0)
    os.lseek(body.fileno(), 0, os.SEEK_SET)  # git reads the file itself, not what we read ahead
    try:
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", _LIMITED, "git", *command, "receive-pack", "--stateless-rpc", ".",
            cwd=place, stdin=body, stdout=subprocess.PIPE, stderr=remarks,
            env=environment
            | {"HUBPOLICY_ASK": str(pipes.ask), "HUBPOLICY_ANSWER": str(pipes.answer)},
            pass_fds=(pipes.ask, pipes.answer), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        message = f"cannot start git: {error.strerror or error}"
        raise ServiceError(message, hint="install git 2.32 or newer") from error
    # When git and its hook have ended, nobody holds the other ends: that is how we see it.
    pipes.forget(pipes.ask, pipes.answer)
    return process


async def _copied(
    process: asyncio.subprocess.Process, write: Callable[[bytes], Awaitable[None]]
) -> None:
    if process.stdout is not None:
        while chunk := await process.stdout.read(CHUNK):
            await write(chunk)


async def _asked(pipes: _Pipes, place: Path, ask: Callable[[Received], Awaitable[Answer]]) -> bool:
    """Wait for the hook's question and answer it; False if git ended without one, or never asks.

    However it ends, nobody waits for an answer after it.
    """
    raw = b""
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ASK_SECONDS):
                raw = await _question(pipes)
        return await _answered(raw, pipes, place, ask)
    finally:
        pipes.forget(pipes.reply)


async def _answered(
    raw: bytes, pipes: _Pipes, place: Path, ask: Callable[[Received], Awaitable[Answer]]
) -> bool:
    *names, rest = raw.split(b"\n", len(_NAMES))
    if len(names) != len(_NAMES) or not rest.endswith(b"end\n"):
        return False
    quarantine = dict(zip(_NAMES, map(os.fsdecode, names), strict=True))
    try:
        push = parse_received(rest.removesuffix(b"end\n"))
    except MalformedError:
        return False
    answer = await ask(Received(push, quarantine | {"GIT_DIR": str(place)}))
    said = answer.text.encode()[:_TEXT_LIMIT]
    with contextlib.suppress(BrokenPipeError):
        os.write(pipes.reply, (b"0\n" if answer.accepted else b"1\n") + said)
    return True


async def _question(pipes: _Pipes) -> bytes:
    """All that the hook writes, up to its last line or the end of git."""
    reader = asyncio.StreamReader()
    file = os.fdopen(pipes.lend(pipes.question), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    found = bytearray()
    try:
        while chunk := await reader.read(CHUNK):
            found += chunk
            if found.endswith(b"\nend\n") or len(found) > _REFS_LIMIT:
                break
    finally:
        transport.close()
    return bytes(found)
