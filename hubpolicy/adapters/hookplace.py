# SPDX-License-Identifier: Apache-2.0
"""Where a hook goes, and which Python it starts. Nothing is written here (``hookfile``)."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.git_process import GitRefusedError
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.adapters.git_process import Git

HOOK = "pre-push"
SERVER_HOOK = "pre-receive"
# A folder that a script runs, by its name or by the name of the script itself.
_DISPATCHES = re.compile(r"(?:pre-receive|\$\{?\w+\}?)\.d/")
_FORGE = re.compile(r"gitea|forgejo|gogs", re.IGNORECASE)


class HookPlace(NamedTuple):
    """Git's hooks folder, the work tree (None in a bare repository), and who chose the folder.

    ``hook``: git's name of the hook, ``pre-push`` or ``pre-receive``. ``name``: of the file, where
    it is another (Gitea and Forgejo run every program in ``hooks/pre-receive.d``).
    """

    folder: Path
    worktree: Path | None
    chosen_by: str
    hook: str = HOOK
    name: str = ""

    @property
    def ours(self) -> Path:
        """What git runs."""
        return self.folder / (self.name or self.hook)

    @property
    def former(self) -> Path:
        """The hook that was here before."""
        return self.ours.with_name(f"{self.ours.name}.hubpolicy-next")

    @property
    def state(self) -> Path:
        """What both were when we left them."""
        return self.ours.with_name(f"{self.ours.name}.hubpolicy-state")

    @property
    def marker(self) -> bytes:
        """How we know a hook of ours."""
        return f"# hubpolicy:{self.hook}:".encode()


class Interpreter(NamedTuple):
    """A Python, and the folders in which it finds our package and what that needs."""

    python: str
    folders: tuple[str, ...]


def locate(git: Git) -> HookPlace:
    """Where git looks for hooks: the common folder of all work trees, or ``core.hooksPath``.

    Raises:
        ConfigError: there is no git repository.

    """
    try:
        folder = git.line("rev-parse", "--path-format=absolute", "--git-path", "hooks")
    except GitRefusedError as error:
        message = f"got no git repository in {git.folder or '.'}: {error.said}"
        raise ConfigError(message, hint="git init, or name the folder of a repository") from error
    bare = git.line("rev-parse", "--is-bare-repository") == "true"
    inside = not bare and git.line("rev-parse", "--is-inside-work-tree") == "true"
    top = git.line("rev-parse", "--show-toplevel") if inside else ""
    chosen = git.line("config", "--show-origin", "--get", "core.hooksPath")
    common = git.line("rev-parse", "--path-format=absolute", "--git-common-dir")
    if Path(folder).is_relative_to(common):
        chosen = ""
    return HookPlace(Path(folder), Path(top) if top else None, chosen)


def server_place(git: Git, place: HookPlace) -> HookPlace:
    """Where the hook of a server goes: beside git's own, or among the programs of a forge.

    GitLab never runs what is in ``hooks``, but every program in ``custom_hooks/pre-receive.d``;
    Gitea and Forgejo write ``hooks/pre-receive``, which runs every program in
    ``hooks/pre-receive.d``, and write it again when they like (docs/server.md).

    Raises:
        ConfigError: the repository has a work tree, so nobody pushes into it; or another program
            owns its hooks, in a way that is not known.

    """
    if place.worktree is not None:
        message = f"got a work tree in {place.worktree}, expected a bare repository of a server"
        raise ConfigError(message, hint="hubpolicy hook install, without --server")
    if place.chosen_by:
        return place._replace(hook=SERVER_HOOK)
    repository = Path(git.line("rev-parse", "--path-format=absolute", "--git-common-dir"))
    if _is_gitlab(repository):
        several = repository / "custom_hooks" / f"{SERVER_HOOK}.d"
        return place._replace(folder=several, hook=SERVER_HOOK, name="hubpolicy")
    if (repository / "hooks").is_symlink():
        message = f"got a link in {repository}/hooks, expected the folder of one repository's hooks"
        raise ConfigError(message, hint="docs/server.md: which layouts are known")
    dispatcher = place.folder / SERVER_HOOK
    text = _text(dispatcher)
    several = place.folder / f"{SERVER_HOOK}.d"
    if several.is_dir() and os.access(dispatcher, os.X_OK) and _DISPATCHES.search(text):
        return place._replace(folder=several, hook=SERVER_HOOK, name="hubpolicy")
    forge = _FORGE.search(text)
    if forge is not None:
        message = f"got a hook that {forge[0]} writes, in {dispatcher}, and no folder that it runs"
        raise ConfigError(message, hint="docs/server.md: which layouts are known")
    return place._replace(hook=SERVER_HOOK)


def _is_gitlab(repository: Path) -> bool:
    """By the folder for hooks that only GitLab looks at, or by its storage's names for projects."""
    stored = any(part in {"@hashed", "@cluster"} for part in repository.parts)
    shell = "gitlab-shell" in str((repository / "hooks").resolve())
    return stored or shell or (repository / "custom_hooks").is_dir()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def this_interpreter() -> Interpreter:
    """The running Python. The hook starts it with ``-I -S`` and these folders.

    ``-S`` keeps ``.pth`` files out: code of other packages has no business in the gate, and on
    many machines running it takes longer than the whole verdict.

    Raises:
        ConfigError: a folder cannot be written down in the hook.

    """
    modules = ("hubpolicy", "cryptography", "_cffi_backend")
    specs = (find_spec(name) for name in modules)
    origins = [Path(spec.origin) for spec in specs if spec is not None and spec.origin]
    roots = [o.parent.parent if o.name == "__init__.py" else o.parent for o in origins]
    folders = tuple(dict.fromkeys(str(root) for root in roots))
    if any(os.pathsep in folder or "\n" in folder for folder in (*folders, sys.executable)):
        message = f"got {os.pathsep!r} or a line end in {folders}, expected plain folder names"
        raise ConfigError(message, hint="install hubpolicy into another folder")
    return Interpreter(sys.executable, folders)
