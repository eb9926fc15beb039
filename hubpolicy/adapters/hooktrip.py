# SPDX-License-Identifier: Apache-2.0
"""A tripwire in git's configuration, for the day on which the hook file is gone or led past.

git 2.54 and newer start ``hook.<name>.command`` on each ``hook.<name>.event`` (git-hook(1)),
whatever ``core.hooksPath`` says; older ones ignore both. It is no gate of its own: git goes on with
the other hooks after a refusal, so Git LFS would upload. ``hooks/tripwire`` is the script.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.adapters.hookfile import render
from hubpolicy.adapters.hookplace import HOOK
from hubpolicy.core.rules.hp901 import numbers
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.adapters.git_process import Git
    from hubpolicy.adapters.hookplace import Interpreter

SCRIPT = "tripwire"
SECTION = "hook.hubpolicy"
SINCE = (2, 54)
_COMMAND, _EVENT, _ENABLED = (f"{SECTION}.{name}" for name in ("command", "event", "enabled"))
_LOCAL = f'sh "$(git rev-parse --git-common-dir)/hubpolicy/{SCRIPT}"'
"""A repository that is moved takes its script along."""


class Wire(NamedTuple):
    """Whose configuration (``--local`` or ``--global``), the script, and the command for git."""

    scope: str
    script: Path
    command: str


class Seen(NamedTuple):
    """``stands``: git would start it. ``remark`` says what there is to know, empty if nothing."""

    stands: bool
    remark: str


def local_wire(git: Git) -> Wire:
    """For one repository and its linked work trees."""
    common = git.line("rev-parse", "--path-format=absolute", "--git-common-dir")
    return Wire("--local", Path(common) / "hubpolicy" / SCRIPT, _LOCAL)


def global_wire(config: str) -> Wire:
    """For every repository of a user, also those whose hooks another tool owns."""
    script = Path(config) / SCRIPT
    quoted = str(script).replace("'", "'\\''")
    return Wire("--global", script, f"sh '{quoted}'")


def install(git: Git, wire: Wire, template: bytes, interpreter: Interpreter) -> bool:
    """Write the script, then tell git. True if anything changed.

    Raises:
        ConfigError: somebody else's command has that name.
        ServiceError: a file or git's configuration cannot be written.

    """
    found = _get(git, wire, _COMMAND)
    if found not in {"", wire.command}:
        message = f"got {_COMMAND} = {found!r:.120} in git's configuration, expected none"
        hint = f"git config {wire.scope} --remove-section {SECTION}    then: hubpolicy hook install"
        raise ConfigError(message, hint=hint)
    content = render(template, interpreter, former="")
    changed = not wire.script.exists() or wire.script.read_bytes() != content
    if changed:
        write_atomic(wire.script, content, 0o755)
    # In this order: git stops every push at an event whose hook has no command.
    for key, value in ((_COMMAND, wire.command), (_EVENT, HOOK)):
        if _get(git, wire, key) != value:
            git.run("config", wire.scope, "--replace-all", key, value)
            changed = True
    return changed


def uninstall(git: Git, wire: Wire) -> bool:
    """Tell git first, then remove the script. False if there was nothing of ours.

    Raises:
        ServiceError: the script cannot be removed, or git's configuration not be written.

    """
    stood = _get(git, wire, _COMMAND) == wire.command
    if stood:
        git.run("config", wire.scope, "--remove-section", SECTION)
    there = wire.script.exists()
    try:
        wire.script.unlink(missing_ok=True)
    except OSError as error:
        message = f"cannot remove {wire.script}: {error.strerror}"
        raise ServiceError(message, hint="remove it by hand") from error
    with suppress(OSError):  # somebody keeps something else there
        if wire.scope == "--local":
            wire.script.parent.rmdir()
    return stood or there


def inspect(git: Git, wire: Wire) -> Seen:
    """Whether this git would start it: by its version, and by its configuration as a whole."""
    if _get(git, wire, _COMMAND) != wire.command or _get(git, wire, _EVENT) != HOOK:
        return Seen(stands=False, remark="there is none: hubpolicy hook install")
    if not wire.script.exists():
        return Seen(stands=False, remark=f"{wire.script} is gone: hubpolicy hook install")
    in_force = git.line("config", "--get", _COMMAND)
    if in_force not in {wire.command, _LOCAL}:
        return Seen(stands=False, remark=f"{_COMMAND} is {in_force!r:.80} here")
    for key in (_ENABLED, f"hook.{HOOK}.enabled"):
        if git.line("config", "--type=bool", "--default=true", "--get", key) == "false":
            return Seen(stands=False, remark=f"git config {key} is false")
    version = git.line("version").removeprefix("git version ")
    if numbers(version) < SINCE:
        return Seen(stands=False, remark=f"git {version} does not read it, 2.54 does")
    return Seen(stands=True, remark="")


def _get(git: Git, wire: Wire, key: str) -> str:
    return git.line("config", wire.scope, "--get", key)
