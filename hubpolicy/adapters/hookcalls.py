# SPDX-License-Identifier: Apache-2.0
"""Whether a hook of another tool calls us before a push, and whether that call comes in time.

For ``hook status`` and ``doctor``. Only two calls are known to read git's input and to stop a push:
the block of ``hook install --into`` and the line that ``hook status`` prints. They count where git
comes by them and nothing runs before. Reads scripts, runs none.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters import hookinto
from hubpolicy.adapters.hookfile import JOIN, two_to_run
from hubpolicy.errors import HubpolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.adapters.hookfile import HookStatus
    from hubpolicy.adapters.hookplace import HookPlace

_LINE = (b"t=$(mktemp)", b' -I -m hubpolicy.prepush "$@" <')
_OURS = (b"hubpolicy.prepush", b"hubpolicy hook run")
_LFS = (b"git lfs", b"git-lfs")
_UPLOADERS = (*_LFS, b"lefthook")
_HUSKY = "_"
"""husky's folder is ``.husky/_``; its hooks start the script of their name one above, by ``sh``."""
_KNOWN = (".husky", ".githooks")
_LEFTHOOK = (".lefthook", ".lefthook-local")
_PRE_COMMIT = ".pre-commit-config.yaml"
_PARTIAL = (b"hubpolicy-verify", b"hubpolicy-check")

UNKNOWN_CALL = "it calls hubpolicy in a way of its own: nobody can tell whether that stops a push"
AFTER_LFS = "Git LFS runs before our call there: a refused push has uploaded its files by then"
NOT_EXECUTABLE = "it is not executable, so git skips it"
LEFTHOOK_LFS = "lefthook runs Git LFS before its scripts: a refused push has uploaded its files"


class Call(NamedTuple):
    """A script that calls us.

    ``problem``: why no push is judged by it in time, and ``fix`` what to type; empty if one is.
    """

    script: Path
    problem: str
    fix: str = ""


def find_call(place: HookPlace) -> Call | None:
    """Our call in the hook that git runs, or in a script that is not reached; None without one.

    Our own hook is none, whatever became of it: ``hookfile.inspect`` says that.
    """
    for script in _reached(place):
        if script == place.ours and place.marker in (_content(script) or b"")[:200]:
            continue
        runs = script != place.ours or os.access(script, os.X_OK)
        problem = _problem_in(script, runs=runs)
        if problem is not None:
            return Call(script, problem, problem and _mend(script, problem))
    return next(_left_lying(place), None)


def problem_of(script: Path, *, runs: bool) -> str | None:
    """Why our call in a script does not judge a push in time; None if there is no call.

    ``runs``: the script is started without a permission of its own, or has it.

    Raises:
        ConfigError: the call is there, but changed.

    """
    content = _content(script)
    if content is None:
        return None
    before = _before(content, script)
    if before is None:
        commands = _commands(content)
        return UNKNOWN_CALL if any(ours in line for line in commands for ours in _OURS) else None
    if any(word in line for line in before for word in _LFS):
        return AFTER_LFS
    if before:
        first = os.fsdecode(before[0])[:60]
        return f"something runs before our call there, and may end the script: {first}"
    return "" if runs else NOT_EXECUTABLE


def uploads_lfs(place: HookPlace) -> bool:
    """True if some hook before a push hands the files in Git LFS to git-lfs, by the look of it."""
    legacy = place.ours.with_name(f"{place.ours.name}.legacy")  # pre-commit's name for what was
    scripts = (*_reached(place), place.former, legacy)
    return any(word in (_content(script) or b"") for script in scripts for word in _UPLOADERS)


def partial(place: HookPlace) -> bool:
    """True if pre-commit runs a hook id of ours, which sees one ref of a push and no history."""
    hook = _content(place.ours) or b""
    if place.worktree is None or b"pre-commit" not in hook:
        return False
    lines = _commands(_content(place.worktree / _PRE_COMMIT) or b"")
    return any(name in line for line in lines for name in _PARTIAL)


def remedy(place: HookPlace) -> str:
    """The command that has every push judged, where nothing judges it now."""
    if not place.chosen_by:
        return "hubpolicy hook install"
    theirs = place.folder.parent / place.hook if place.folder.name == _HUSKY else place.ours
    return f"hubpolicy hook install --into {theirs}"


def mended(found: HookStatus, option: str = "") -> str:
    """The same where the hook may be ours, and broken. ``option`` names the place."""
    place = found.place
    once = found.presence in {"ours", "edited"} or place.state.exists()
    if place.chosen_by and not once:
        return remedy(place)
    where = option or ("--global" if place.chosen_by else "")
    again = f"hubpolicy hook install {where}".rstrip()
    if two_to_run(place):
        return f"{JOIN.format(former=place.former)}, then: {again}"
    return f"rm {place.ours}    then: {again}" if found.presence == "edited" else again


def _reached(place: HookPlace) -> Iterator[Path]:
    """What runs before a push: the hook, and the script that husky's hook starts."""
    yield place.ours
    if place.folder.name == _HUSKY and os.access(place.ours, os.X_OK):
        yield place.folder.parent / place.hook


def _problem_in(script: Path, *, runs: bool = True) -> str | None:
    try:
        return problem_of(script, runs=runs)
    except HubpolicyError as error:
        return error.message


def _mend(script: Path, problem: str) -> str:
    if problem == NOT_EXECUTABLE:
        return f"chmod +x {script}"
    again = f"hubpolicy hook install --into {script}"
    return again if problem == UNKNOWN_CALL else f"take our call out by hand, then: {again}"


def _left_lying(place: HookPlace) -> Iterator[Call]:
    """Calls in scripts that tools start, where git does not come by them, or too late."""
    if place.worktree is None:
        return
    looks = f"git does not come by it, and looks for its hooks in {place.folder}"
    by_lefthook = b"lefthook" in (_content(place.ours) or b"")
    for name in _KNOWN:
        script = place.worktree / name / place.hook
        if _problem_in(script) is not None:
            yield Call(script, looks, remedy(place))
    for name in _LEFTHOOK:
        folder = place.worktree / name / place.hook
        for script in sorted(folder.iterdir()) if folder.is_dir() else ():
            if _problem_in(script) is not None:
                yield Call(script, LEFTHOOK_LFS if by_lefthook else looks, remedy(place))


def _before(content: bytes, script: Path) -> tuple[bytes, ...] | None:
    """The commands before our call, or None without a call that is known to stop a push."""
    block = hookinto.block_in(content, script)
    if block is not None:
        return _commands(content.partition(block)[0])
    commands = _commands(content)
    start, call = _LINE
    for number, line in enumerate(commands):
        if line.startswith(start) and call in line:
            return commands[:number]
    return None


def _commands(content: bytes) -> tuple[bytes, ...]:
    lines = (line.strip() for line in content.split(b"\n"))
    return tuple(line for line in lines if line and not line.startswith(b"#"))


def _content(script: Path) -> bytes | None:
    try:
        return hookinto.read_script(script)
    except HubpolicyError:
        return None  # a program, a link, or not ours to read
