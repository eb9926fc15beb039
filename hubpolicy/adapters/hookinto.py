# SPDX-License-Identifier: Apache-2.0
"""Puts one call of ours into a hook script that another tool owns, and takes it out again.

For husky (``.husky/pre-push``) and teams whose hooks are part of the repository. The call stands
between two marks, before everything else, and leaves git's input to the rest of the script.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from pathlib import Path

_MADE = b"# >>> hubpolicy (made this file): judge this push first >>>\n"
_BEGIN = b"# >>> hubpolicy: judge this push first >>>\n"
_JOINED = b"\n# >>> hubpolicy (and the line end before): judge this push first >>>\n"
_END = b"# <<< hubpolicy <<<\n"
_CALL = b"""\
# An absolute path: husky looks in the repository's own node_modules/.bin first.
case $(command -v hubpolicy) in
/*) ;;
*)
    echo 'hubpolicy: not on PATH, or inside of what is pushed    fix: pip install hubpolicy' >&2
    exit 1
    ;;
esac
hubpolicy_refs=$(mktemp) || exit 1
cat >"$hubpolicy_refs" && hubpolicy hook run -- "$@" <"$hubpolicy_refs" || {
    hubpolicy_code=$?
    rm -f "$hubpolicy_refs"
    exit "$hubpolicy_code"
}
exec <"$hubpolicy_refs"
rm -f "$hubpolicy_refs"
"""
_SHELLS = ("sh", "bash", "dash", "ksh", "zsh", "ash")
_LIMIT = 1 << 20


def install_into(path: Path) -> bool:
    """Put the call first in that script; without a script, make one. True if anything changed.

    Raises:
        ConfigError: it is no script of a POSIX shell, or its block of ours was changed.
        ServiceError: it cannot be read or written.

    """
    found = read_script(path)
    if found is None:
        if not path.parent.is_dir():
            message = f"got no folder {path.parent}, expected the one of another tool's hooks"
            raise ConfigError(message, hint="name the script that your tool runs before a push")
        write_atomic(path, b"#!/bin/sh\n" + _MADE + _CALL + _END, 0o755)
        return True
    if block_in(found, path) is not None:
        return False
    first, newline, rest = found.partition(b"\n")
    head, begin = b"", _BEGIN
    if first.startswith(b"#!"):
        _require_shell(first, path)
        head, found = first + newline, rest
        begin = _BEGIN if newline else _JOINED
    write_atomic(path, head + begin + _CALL + _END + found, stat.S_IMODE(path.stat().st_mode))
    return True


def uninstall_from(path: Path) -> bool:
    """Take the call out, and leave every other byte. False if there is none.

    Raises:
        ConfigError: our block was changed.
        ServiceError: it cannot be read or written.

    """
    found = read_script(path)
    block = None if found is None else block_in(found, path)
    if found is None or block is None:
        return False
    if block.startswith(_MADE) and found == b"#!/bin/sh\n" + block:
        path.unlink()
        return True
    write_atomic(path, found.replace(block, b"", 1), stat.S_IMODE(path.stat().st_mode))
    return True


def block_in(content: bytes, path: Path) -> bytes | None:
    """Our block with its marks, or None.

    Raises:
        ConfigError: it is there, but changed.

    """
    for begin in (_BEGIN, _MADE, _JOINED):
        block = begin + _CALL + _END
        if content.count(block) == 1 and content.count(begin) == 1:
            return block
    if _END in content or any(begin in content for begin in (_BEGIN, _MADE, _JOINED)):
        message = f"got a changed hubpolicy block, expected the one that was put there, in {path}"
        hint = "remove it by hand, marks included, then: hubpolicy hook install --into FILE"
        raise ConfigError(message, hint=hint)
    return None


def _require_shell(first: bytes, path: Path) -> None:
    words = os.fsdecode(first[2:]).split()
    programs = [word.rpartition("/")[2] for word in words]
    program = (
        programs[1] if programs[:1] == ["env"] and len(programs) > 1 else (programs or [""])[0]
    )
    if program not in _SHELLS:
        message = f"got {os.fsdecode(first)[:80]!r}, expected a script of a POSIX shell, in {path}"
        raise ConfigError(message, hint="start `hubpolicy hook run REMOTE URL` from it by hand")


def read_script(path: Path) -> bytes | None:
    """The script's bytes, or None where there is none.

    Raises:
        ConfigError: it is a program or a link.
        ServiceError: it cannot be read.

    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            message = f"got something else than a plain file at {path}"
            raise ConfigError(message, hint="name the script itself")
        content = path.read_bytes() if path.stat().st_size <= _LIMIT else b"\0"
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(message) from error
    if b"\0" in content:
        message = f"got a program, expected a script of a POSIX shell, in {path}"
        raise ConfigError(message, hint="start `hubpolicy hook run REMOTE URL` from it by hand")
    return content
