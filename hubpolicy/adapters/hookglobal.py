# SPDX-License-Identifier: Apache-2.0
"""One hook for every repository of a user: ``core.hooksPath``, or a template for new ones.

``core.hooksPath`` hides the hooks of each repository (githooks(5)), Git LFS's among them, so the
folder that it names gets one small forwarder per hook, which starts the repository's own. The
configuration is written last and taken back first: a kill in between leaves git as it was.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters import hookfile
from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.adapters.hookfile import NONE
from hubpolicy.adapters.hookplace import HOOK, HookPlace
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.adapters.git_process import Git
    from hubpolicy.adapters.hookfile import Extras, HookStatus
    from hubpolicy.adapters.hookplace import Interpreter

HOOKS_PATH = "core.hooksPath"
TEMPLATE_DIR = "init.templateDir"

FORWARDED = (
    "applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit",
    "prepare-commit-msg", "commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge",
    "post-rewrite", "pre-auto-gc", "sendemail-validate", "post-index-change", "pre-receive",
    "update", "post-receive", "post-update", "reference-transaction", HOOK,
)  # fmt: skip
"""githooks(5), without ``push-to-checkout`` and ``proc-receive``: their mere presence changes what
git does, so no forwarder can stand in for a repository that has none."""

FORWARDER = b"""\
#!/bin/sh
# hubpolicy:forward:1
# core.hooksPath hides the hooks of each repository; this starts them. Made by `hubpolicy hook
# install --global`, removed by `hubpolicy hook uninstall --global`.
name=${0##*/}
name=${name%.hubpolicy-next}
common=$(git rev-parse --git-common-dir) || exit 1
[ -x "$common/hooks/$name" ] && exec "$common/hooks/$name" "$@"
case $name in
pre-push | post-checkout | post-commit | post-merge)
    # Git LFS installs its hooks where git looks for them, which is here now.
    [ -z "$(git config --get filter.lfs.process)" ] || exec git lfs "$name" "$@"
    ;;
esac
exit 0
"""
_EXCLUDE = b"# Patterns that git leaves out in this repository alone: gitignore(5).\n"


def global_place(config: str) -> HookPlace:
    """Where the hook of every repository stands: in the user's configuration folder."""
    return HookPlace(Path(config) / "hooks", None, "")


def template_place(git: Git, config: str) -> HookPlace:
    """The hooks folder of the template that git copies into new repositories and clones."""
    chosen = _setting(git, TEMPLATE_DIR)
    return HookPlace((Path(chosen) if chosen else _own_template(config)) / "hooks", None, "")


def install_global(
    git: Git, place: HookPlace, template: bytes, python: Interpreter, extras: Extras = NONE
) -> bool:
    """Judge every push of this user. True if anything changed.

    Raises:
        ConfigError: another folder serves as ``core.hooksPath``, or holds what is not ours.
        ServiceError: a file or git's configuration cannot be written.

    """
    _require_unset(git, HOOKS_PATH, str(place.folder))
    fresh = [name for name in FORWARDED if not (place.folder / name).exists()]
    if hookfile.inspect(place).presence == "ours":
        fresh = [name for name in fresh if name != HOOK]
    _require_only_ours(place)
    for name in fresh:
        write_atomic(place.folder / name, FORWARDER, 0o755)
    changed = hookfile.install(place, template, python, extras)
    return _set(git, HOOKS_PATH, str(place.folder)) or changed or bool(fresh)


def uninstall_global(git: Git, place: HookPlace) -> bool:
    """Take it back. False if there was nothing of ours.

    Raises:
        ConfigError: something in that folder is not ours, so nothing is touched.
        ServiceError: a file or git's configuration cannot be written.

    """
    if not place.folder.exists():
        return False
    _require_only_ours(place)
    hookfile.require_untouched(place)
    _unset(git, HOOKS_PATH, str(place.folder))
    hookfile.uninstall(place)
    for name in FORWARDED:
        (place.folder / name).unlink(missing_ok=True)
    place.folder.rmdir()
    return True


def install_template(
    git: Git, place: HookPlace, template: bytes, python: Interpreter, extras: Extras = NONE
) -> bool:
    """Put the hook into git's template: repositories made or cloned from now on have it.

    Raises:
        ConfigError: the hook there was changed by hand.
        ServiceError: a file or git's configuration cannot be written.

    """
    folder = place.folder.parent
    if not _setting(git, TEMPLATE_DIR) and not (folder / "info" / "exclude").exists():
        write_atomic(folder / "info" / "exclude", _EXCLUDE)  # git's own template has one
    changed = hookfile.install(place, template, python, extras)
    return _set(git, TEMPLATE_DIR, str(folder)) or changed


def uninstall_template(git: Git, place: HookPlace, config: str) -> bool:
    """Take it back; repositories that were made meanwhile keep their copy.

    Raises:
        ConfigError: our hook was changed since.
        ServiceError: a file or git's configuration cannot be written.

    """
    own = _own_template(config)
    mine = place.folder.parent == own and own.exists()
    hookfile.require_untouched(place)
    if mine:
        _unset(git, TEMPLATE_DIR, str(own))
    changed = hookfile.uninstall(place)
    if mine:
        (own / "info" / "exclude").unlink(missing_ok=True)
        for folder in (own / "info", own / "hooks", own):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    return changed or mine


def inspect(git: Git, place: HookPlace, key: str) -> HookStatus:
    """What stands there, and whether git looks there at all. ``key``: the setting that says so."""
    found = hookfile.inspect(place)
    here = place.folder if key == HOOKS_PATH else place.folder.parent
    got = _setting(git, key)
    if got == str(here):
        return found
    problem = f"git does not look there: {key} is {got or 'not set'}"
    return found._replace(problems=(*found.problems, problem))


def _own_template(config: str) -> Path:
    return Path(config) / "template"


def _require_only_ours(place: HookPlace) -> None:
    """Refuse to work in a folder where somebody else keeps files: they would be run, or lost."""
    ours = {place.ours.name, place.former.name, place.state.name}
    for path in sorted(place.folder.iterdir()) if place.folder.exists() else ():
        forwarder = path.name in FORWARDED and path.read_bytes() == FORWARDER
        if not forwarder and path.name not in ours:
            message = f"got {path}, expected only what hubpolicy wrote in that folder"
            raise ConfigError(message, hint="move it into the repository that it is for, or away")


def _require_unset(git: Git, key: str, wanted: str) -> None:
    got = _setting(git, key)
    if got and got != wanted:
        line = hookfile.chain_line(sys.executable)
        message = f"got {key} = {got} in git's configuration, expected none: it serves other hooks"
        hint = f"hubpolicy hook install --into {got}/{HOOK}, or as the first line there: {line}"
        raise ConfigError(message, hint=hint)


def _setting(git: Git, key: str) -> str:
    """The user's or the machine's value, as an absolute path where it starts with ``~``."""
    mine = git.line("config", "--global", "--type=path", "--get", key)
    return mine or git.line("config", "--system", "--type=path", "--get", key)


def _set(git: Git, key: str, value: str) -> bool:
    if _setting(git, key) == value:
        return False
    git.run("config", "--global", key, value)
    return True


def _unset(git: Git, key: str, value: str) -> None:
    if git.line("config", "--global", "--type=path", "--get", key) == value:
        git.run("config", "--global", "--unset", key)
