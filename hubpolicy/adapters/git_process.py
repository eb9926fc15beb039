# SPDX-License-Identifier: Apache-2.0
"""Runs git: one scrubbed child, bytes in, bytes out, nothing of it on the user's terminal.

Not responsible for what git says; ``git.py`` parses it. ``posix_spawn`` and ``poll`` instead of
``subprocess``, whose import alone costs as much as the four git children of a push.
"""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from fcntl import fcntl
from typing import TYPE_CHECKING

from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CHUNK = 1 << 20
_MAX_STDERR = 64 * 1024
_IDLE_SECONDS = 300
_SHORT, _MANY, _BREATH_SECONDS = 4096, 8, 0.001
"""git writes every blob in two pieces of its own, some fifty bytes and the rest: whoever is quicker
than git would be woken twice for each file. After some short ones we let it write ahead."""
_KILL = 9
_SET_PIPE_SIZE = 1031

# Everything else is dropped: GIT_CONFIG_*, GIT_INDEX_FILE, GIT_OBJECT_DIRECTORY, GIT_ALTERNATE*,
# GIT_REPLACE_REF_BASE, GIT_NAMESPACE and the rest make git show other bytes than it sends.
_KEPT = frozenset(
    (
        "HOME",
        "XDG_CONFIG_HOME",
        "PATH",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "GIT_EXEC_PATH",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    )
)
# With another file than git's, the push would send history that we were told is cut off.
_PLACE = frozenset(("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_SHALLOW_FILE"))
# What is being received lies apart until a pre-receive hook lets it in (git-receive-pack(1)).
_QUARANTINE = frozenset(
    ("GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
)
_FORCED = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    # git < 2.45 does not know GIT_NO_LAZY_FETCH; a fetch that may use no transport fails at once.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "LC_ALL": "C",
}
# A commit-graph file is trusted without a look at the commits: it could hide history.
_FLAGS = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.commitGraph=false")
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")


class Git(NamedTuple):
    """Which repository: a folder (empty = the current one) and the child's whole environment.

    ``left`` tells how many seconds whoever asks still waits, None for as long as git works; it
    raises where they are over, and the child is ended then.
    """

    folder: str
    environment: dict[str, str]
    flags: tuple[str, ...]
    left: Callable[[], float | None] | None = None

    def begin(self, *arguments: str, stdin: bytes = b"") -> Running:
        """Start a command that works on while we do something else.

        Raises:
            ServiceError: git is missing.

        """
        return Running(arguments[0], _spawn(self, arguments), stdin, self.left)

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """The whole standard output of one git command. Raises as :meth:`Running.pieces`."""
        return self.begin(*arguments, stdin=stdin).read()

    def line(self, *arguments: str) -> str:
        """One line of output without its end, or an empty text where git says no (exit 1)."""
        try:
            output = self.run(*arguments)
        except GitRefusedError as error:
            if error.code != 1:
                raise
            return ""
        return os.fsdecode(output).removesuffix("\n")


class GitRefusedError(ServiceError):
    """git ran and said no. ``code`` is its exit status, ``said`` its last words."""

    def __init__(self, command: str, code: int, said: str) -> None:
        super().__init__(f"got exit {code} from git {command}, expected 0: {said}")
        self.code = code
        self.said = said


def open_git(
    folder: str,
    environ: Mapping[str, str],
    *,
    inherit_place: bool = False,
    see_hooks: bool = False,
    quarantine: bool = False,
) -> Git:
    """A runner for the repository around ``folder``.

    Inside a hook git says by ``GIT_DIR`` where it works: ``inherit_place`` keeps that. Everywhere
    else the folder decides, since a foreign ``GIT_DIR`` would point at another repository.
    ``see_hooks`` lets git tell where its hooks are; without it no hook can run at all.
    ``quarantine``: in a pre-receive hook, the objects that are being received count too.
    """
    kept = _KEPT | _PLACE if inherit_place else _KEPT
    if quarantine:
        kept |= _QUARANTINE
    child = {name: value for name, value in environ.items() if name in kept}
    child.update(_FORCED)
    place = ("-C", folder) if folder else ()
    return Git(folder, child, ("git", *_FLAGS, *(() if see_hooks else _NO_HOOKS), *place))


class Running:
    """A git command under way: its input is fed and its output read by one loop, no thread."""

    def __init__(
        self, command: str, child: _Child, stdin: bytes,
        left: Callable[[], float | None] | None = None,
    ) -> None:  # fmt: skip
        self._command = command
        self._left = left
        self._pid, self._stdin, self._stdout, self._stderr = child
        self._open = {self._stdin, self._stdout, self._stderr}
        self._said = bytearray()
        self._rest = memoryview(stdin)
        os.set_blocking(self._stdin, False)
        self._feed()

    def read(self) -> bytes:
        """All of standard output. Raises as :meth:`pieces` does."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Standard output, piece by piece.

        Raises:
            ServiceError: git exits with another code than 0, or is silent for five minutes.

        """
        try:
            yield from self._exchange()
            self._finish()
        finally:
            self.kill()

    @property
    def said(self) -> bytes:
        """What git wrote beside its output, warnings say: at least the first 64 KiB of it."""
        return bytes(self._said)

    def kill(self) -> None:
        """Close what is open and, unless it has been waited for, end the child."""
        for descriptor in tuple(self._open):
            self._close(descriptor)
        if self._pid:
            os.kill(self._pid, _KILL)
            os.waitpid(self._pid, 0)
            self._pid = 0

    def __del__(self) -> None:
        """Whoever asks ahead may never need the answer, and a server lives long after that."""
        self.kill()

    def kill_all(self, patience: float) -> None:
        """End the child and what it started itself, and wait so many seconds at most for that.

        All of it writes to the child's standard error, and holds it open until it has ended.
        """
        held = os.dup(self._stderr) if self._stderr in self._open else None
        below = _descendants(self._pid) if self._pid else []
        with suppress(OSError):  # whoever waits for it in another thread may be the quicker one
            self.kill()
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, _KILL)
        if held is None:
            return
        poll = select.poll()
        poll.register(held, select.POLLIN)
        while poll.poll(patience * 1000) and os.read(held, _CHUNK):
            continue
        os.close(held)

    def _exchange(self) -> Iterator[bytes]:
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        poll.register(self._stderr, select.POLLIN)
        if self._stdin in self._open:
            poll.register(self._stdin, select.POLLOUT)
        short = 0
        while self._stdout in self._open or self._stderr in self._open:
            if short > _MANY:
                time.sleep(_BREATH_SECONDS)
                short = 0
            for descriptor in self._ready(poll):
                if descriptor == self._stdin:
                    self._feed()
                elif chunk := os.read(descriptor, _CHUNK):
                    if descriptor == self._stdout:
                        short = 0 if len(chunk) > _SHORT else short + 1
                        yield chunk
                    elif len(self._said) < _MAX_STDERR:
                        self._said += chunk
                else:
                    self._close(descriptor)
                if descriptor not in self._open:
                    poll.unregister(descriptor)

    def _ready(self, poll: select.poll) -> list[int]:
        """What can be read or written now; git gets five minutes for that."""
        wait: float = _IDLE_SECONDS
        if self._left is not None and (left := self._left()) is not None:
            wait = min(wait, left)
        ready = poll.poll(wait * 1000)
        if not ready and self._left is not None:
            self._left()
        if not ready:
            message = f"git {self._command} was silent for {_IDLE_SECONDS} s"
            raise ServiceError(message)
        return [descriptor for descriptor, _ in ready]

    def _feed(self) -> None:
        """Write what the pipe takes now; the end of the input closes it."""
        try:
            while self._rest:
                self._rest = self._rest[os.write(self._stdin, self._rest[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._rest = self._rest[:0]
        self._close(self._stdin)

    def _finish(self) -> None:
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            words = bytes(self._said).decode("utf-8", errors="backslashreplace").split("\n")
            said = next((line for line in words if line.startswith(("fatal:", "error:"))), words[0])
            raise GitRefusedError(self._command, code, said[:300])

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


def _descendants(pid: int) -> list[int]:
    """Everything below a process, where the system tells (Linux)."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123
            children = [int(child) for child in file.read().split()]
    except OSError:
        return []
    return [each for child in children for each in (child, *_descendants(child))]


class _Child(NamedTuple):
    """A process id, and our ends of its three pipes."""

    pid: int
    stdin: int
    stdout: int
    stderr: int


def _spawn(git: Git, arguments: tuple[str, ...]) -> _Child:
    (child_in, stdin), (stdout, child_out), (stderr, child_err) = os.pipe(), os.pipe(), os.pipe()
    _widen(stdout)
    ends = (child_in, child_out, child_err)
    actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(ends)]
    try:
        pid = os.posix_spawnp(
            "git", (*git.flags, *arguments), git.environment, file_actions=actions
        )
    except OSError as error:
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        message = f"got {error.strerror!r} when starting git, expected it on PATH"
        raise ServiceError(message, hint="install git 2.32 or newer") from error
    finally:
        for descriptor in ends:
            os.close(descriptor)
    return _Child(pid, stdin, stdout, stderr)


def _widen(pipe: int) -> None:
    """Let git write a megabyte ahead instead of waiting for us after every 64 KiB (Linux)."""
    with suppress(OSError):
        fcntl(pipe, _SET_PIPE_SIZE, _CHUNK)
