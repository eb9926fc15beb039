# SPDX-License-Identifier: Apache-2.0
"""Puts our hook in front of the one that is there, and takes it away without a trace.

Three files in git's hooks folder: ``pre-push`` (ours), ``pre-push.hubpolicy-next`` (the former
hook, the very same inode) and ``pre-push.hubpolicy-state`` (what both were when we left them);
on a server the same with ``pre-receive``.
Each step is one rename or link, so a kill at any moment leaves either the former hook or ours.
Not responsible for what the hook does; ``hooks/pre-push`` is that.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.adapters.hookplace import HookPlace, Interpreter


Presence = Literal["absent", "ours", "edited", "foreign"]
"""``edited``: our marker is in it, but not the bytes that we wrote."""


class File(NamedTuple):
    """What a hook file is: hex sha256 (of the target's name for a symlink) and permission bits."""

    sha256: str
    mode: int


class HookStatus(NamedTuple):
    """What stands in the hooks folder. ``order`` is what git runs, first to last."""

    place: HookPlace
    presence: Presence
    former: File | None
    order: tuple[str, ...]
    problems: tuple[str, ...]


class _State(NamedTuple):
    """Hex sha256 of our hook, and of the one before while it is replaced; the former hook."""

    shim: str
    replaced: str
    former: File | None


class Extras(NamedTuple):
    """What a hook does besides.

    ``run_tests``: a push without evidence makes it, and is refused all the same. ``paranoid``:
    every Git LFS object is read and hashed.
    """

    run_tests: bool = False
    paranoid: bool = False


NONE = Extras()

JOIN = "rm {former}    once the new hook does what it did (Git LFS, say)"
"""What to do where an install has two hooks to run after ours."""


def install(
    place: HookPlace, template: bytes, interpreter: Interpreter, extras: Extras = NONE
) -> bool:
    """Put our hook first. True if anything changed; a second time nothing does.

    Raises:
        ConfigError: another tool owns the folder, or the hook there was changed by hand.
        ServiceError: the folder cannot be written.

    """
    _require_own_folder(place)
    hook, former, state = place.ours, place.former, place.state
    presence = _presence(place)
    if presence == "edited":
        message = f"got a changed hubpolicy hook in {hook}, expected the one that was installed"
        raise ConfigError(message, hint=f"rm {hook}    then: the same command again")
    if two_to_run(place):
        message = f"got two hooks to run after ours, {hook} and {former}, expected one"
        raise ConfigError(message, hint=f"{JOIN.format(former=former)}, then: this again")
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        if presence == "foreign" and not os.path.lexists(former):
            _link(hook, former)
        kept = _file(former)
        chained = kept is not None and bool(kept.mode & 0o111)
        after = place.former.name if chained else ""
        shim = render(template, interpreter, extras, former=after)
        digest, before = hashlib.sha256(shim).hexdigest(), _read_state(place)
        wanted = _State(digest, before.shim if before and before.shim != digest else "", kept)
        if _file(hook) == File(digest, 0o755) and before == wanted:
            return False
        _replace(state, _dump(wanted), 0o644)
        _replace(hook, shim, 0o755)
    except OSError as error:
        raise _disk_error(place, error) from error
    return True


def uninstall(place: HookPlace) -> bool:
    """Put back what was there, byte for byte. False if there was nothing of ours.

    Raises:
        ConfigError: our hook or the former one was changed since, so nothing is touched.
        ServiceError: the folder cannot be written.

    """
    hook, former, state = place.ours, place.former, place.state
    require_untouched(place)
    presence, left = _presence(place), _read_state(place)
    if left is None:
        return False
    try:
        if presence == "ours":
            if os.path.lexists(former):
                former.replace(hook)
            else:
                hook.unlink()
        former.unlink(missing_ok=True)
        state.unlink()
        _sync(place.folder)
    except OSError as error:
        raise _disk_error(place, error) from error
    return True


def require_untouched(place: HookPlace) -> None:
    """Whatever else an uninstall takes back, it asks this first.

    Raises:
        ConfigError: our hook or the former one was changed since it was installed.

    """
    presence, left = _presence(place), _read_state(place)
    if presence == "edited" or (left is not None and not _is_untouched(place, presence, left)):
        message = f"got hooks in {place.folder} that were changed since hubpolicy was installed"
        hint = f"look at them, then keep one of them as {place.hook} and remove {place.state}"
        raise ConfigError(message, hint=hint)


def two_to_run(place: HookPlace) -> bool:
    """True if another tool replaced our hook, and what ran after ours waits beside it still."""
    kept = _file(place.former)
    return _presence(place) == "foreign" and kept not in {None, _file(place.ours)}


def inspect(place: HookPlace) -> HookStatus:
    """What is installed, in which order it runs, and what is wrong with it."""
    presence = _presence(place)
    state = _read_state(place)
    former = _file(place.former)
    order = _order(place, presence, former)
    problems = _problems(place, presence, state, former)
    return HookStatus(place, presence, former if presence == "ours" else None, order, problems)


def render(
    template: bytes, interpreter: Interpreter, extras: Extras = NONE, *, former: str
) -> bytes:
    """The hook for this interpreter, which runs the file ``former`` afterwards if there is one."""
    filled = template.replace(b"@PYTHON@", _quote(os.fsencode(interpreter.python)))
    folders = os.pathsep.join(interpreter.folders)
    filled = filled.replace(b"@FOLDERS@", _quote(os.fsencode(folders)))
    filled = filled.replace(b"@TESTS@", b"1" if extras.run_tests else b"")
    filled = filled.replace(b"@PARANOID@", b"1" if extras.paranoid else b"")
    return filled.replace(b"@FORMER@", _quote(former.encode()))


def chain_line(python: str) -> str:
    """The one line for hooks that another tool owns; what follows it still gets git's input."""
    run = f"{_quote(os.fsencode(python)).decode()} -I -m hubpolicy.prepush"
    return (
        f't=$(mktemp) && cat >"$t" && {run} "$@" <"$t" || {{ rm -f "$t"; exit 1; }}; '
        'exec <"$t"; rm -f "$t"'
    )


def _require_own_folder(place: HookPlace) -> None:
    if not place.chosen_by:
        return
    origin = place.chosen_by.replace("\t", " sets core.hooksPath to ")
    if place.worktree is not None and place.folder.is_relative_to(place.worktree):
        message = f"{origin}: these hooks belong to another tool (husky, lefthook, your team)"
        hint = (
            "hubpolicy hook install --into FILE, their hook script (.husky/pre-push, say), "
            f"or add this as the first line of {place.ours}: {chain_line(sys.executable)}"
        )
        raise ConfigError(message, hint=hint)
    message = f"{origin}: that folder serves other repositories too, or none"
    hint = "git config --unset core.hooksPath    or add the line of `hubpolicy hook status` there"
    raise ConfigError(message, hint=hint)


def _presence(place: HookPlace) -> Presence:
    hook = place.ours
    found = _file(hook)
    if found is None:
        return "absent"
    if not stat.S_ISREG(hook.lstat().st_mode) or place.marker not in hook.read_bytes()[:200]:
        return "foreign"
    state = _read_state(place)
    ours = state is not None and found.sha256 in {state.shim, state.replaced}
    return "ours" if ours else "edited"


def _is_untouched(place: HookPlace, presence: Presence, state: _State) -> bool:
    """True if all that we would remove or restore is still what we left."""
    former = _file(place.former)
    if presence == "ours":
        return former == state.former
    # An install or uninstall that was killed half-way: the former hook is in its place already.
    return former is None or (former == state.former and former == _file(place.ours))


def _order(place: HookPlace, presence: Presence, former: File | None) -> tuple[str, ...]:
    if presence == "absent":
        return ()
    name = place.ours.name
    if presence != "ours":
        return (name,)
    ours = f"{name} (hubpolicy)"
    return (ours, place.former.name) if former is not None else (ours,)


def _problems(
    place: HookPlace, presence: Presence, state: _State | None, former: File | None
) -> tuple[str, ...]:
    hook = place.ours
    found = _file(hook)
    problems = []
    if presence == "edited":
        problems.append("the hook was changed since it was installed")
    if presence in {"foreign", "absent"} and state is not None:
        problems.append("another tool replaced our hook; nothing is checked")
    if found is not None and presence == "ours":
        if not found.mode & 0o100:
            problems.append("it is not executable, so git skips it: hubpolicy hook install")
        shim = hook.read_bytes()
        python, folders = _pinned(shim, b"python"), _pinned(shim, b"folders").split(os.pathsep)
        gone = [path for path in (python, *folders) if not os.access(path, os.X_OK)]
        problems += [f"every push is refused, since this is gone: {path}" for path in gone]
    if presence == "ours" and state is not None and former != state.former:
        problems.append(f"the former hook ({place.former.name}) was changed since")
    return tuple(problems)


def _pinned(shim: bytes, name: bytes) -> str:
    start = name + b"='"
    line = next((line for line in shim.split(b"\n") if line.startswith(start)), b"")
    quoted = line.removeprefix(start).removesuffix(b"'")
    return os.fsdecode(quoted.replace(b"'\\''", b"'"))


def _file(path: Path) -> File | None:
    try:
        mode = path.lstat().st_mode
        content = os.fsencode(path.readlink()) if stat.S_ISLNK(mode) else path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"cannot read the hook {path}: {error.strerror}"
        raise ServiceError(message, hint="look at that file and its folder") from error
    return File(hashlib.sha256(content).hexdigest(), _execute_mode(path, mode))


def _execute_mode(path: Path, mode: int) -> int:
    if not stat.S_ISLNK(mode):
        return stat.S_IMODE(mode)
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else 0


def _dump(state: _State) -> bytes:
    former = None if state.former is None else state.former._asdict()
    document = {
        "schema": "hubpolicy/hook-state/1",
        "hook_sha256": state.shim,
        "replaced_sha256": state.replaced,
        "former": former,
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _read_state(place: HookPlace) -> _State | None:
    path = place.state
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        former = document["former"]
        kept = None if former is None else File(str(former["sha256"]), int(former["mode"]))
        return _State(str(document["hook_sha256"]), str(document["replaced_sha256"]), kept)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"got something else than our state, in {path}"
        raise ConfigError(message, hint=f"rm {path}    then: hubpolicy hook status") from error


def _link(source: Path, target: Path) -> None:
    """A second name for the same file, so that mode, times and bytes need no restoring."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK}:
            raise
        shutil.copy2(source, target, follow_symlinks=False)
    _sync(target.parent)


def _replace(path: Path, content: bytes, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".hubpolicy-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quote(text: bytes) -> bytes:
    return b"'" + text.replace(b"'", b"'\\''") + b"'"


def _disk_error(place: HookPlace, error: OSError) -> ServiceError:
    return ServiceError(f"cannot write the hook in {place.folder}: {error.strerror}")
