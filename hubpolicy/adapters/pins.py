# SPDX-License-Identifier: Apache-2.0
"""Reads which namespaces this machine reserves, from places that no variable moves.

``/etc/hubpolicy/pins.toml`` by its name, and git's system and global configuration with the home
directory of the user database: neither HOME nor XDG_CONFIG_HOME nor GIT_CONFIG_* is asked. On the
hook's path: a few opens; git itself is asked, while Python imports, only where it has something
to say (its start alone costs 2 to 3 ms).
"""

from __future__ import annotations

import os
import pwd
import sys
from typing import TYPE_CHECKING

from hubpolicy.adapters.git_process import GitRefusedError, open_git
from hubpolicy.domain.named import NamedTuple
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.adapters.git_process import Running
    from hubpolicy.core.reserved import Pin

_LIMIT = 1024 * 1024
_SYSTEM = "/etc/gitconfig"
_PATTERN = r"^hubpolicy\..+\.pin$"


class PinPlaces(NamedTuple):
    """The system's file, and the home whose git configuration counts (empty: of the user)."""

    file: str = "/etc/hubpolicy/pins.toml"
    home: str = ""


PLACES = PinPlaces()


def file_pins(place: str = "") -> tuple[Pin, ...]:
    """The pins of the system's file; none where there is no such file.

    Raises:
        ConfigError: it is malformed.
        ServiceError: it is there and cannot be read.

    """
    path = place or PLACES.file
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs the hook 8 ms
            content = file.read(_LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not _is_named(path):
            return ()
        message = f"cannot read {path}: a link whose target is not there"
        hint = "an administrator of this machine mounts the target, or removes the link"
        raise ServiceError(message, hint=hint) from error
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ServiceError(
            message, hint="an administrator of this machine makes it readable"
        ) from error
    if len(content) > _LIMIT:
        message = f"got more than {_LIMIT} bytes, in {path}"
        raise ConfigError(message)
    from hubpolicy.core.reserved import parse_pins

    return parse_pins(content, path)


class GitPins:
    """git under way with the question which namespaces its configuration reserves."""

    def __init__(self, environ: Mapping[str, str], home: str = "") -> None:
        """Start git, unless its files do not even name us; :meth:`read` waits for it.

        Raises:
            ServiceError: there is no git, and yet configuration of git's.

        """
        self.home = home or PLACES.home or _home(environ)
        self.running: Running | None = None
        files = (_SYSTEM, f"{self.home}/.gitconfig", f"{self.home}/.config/git/config")
        if _is_of_the_system(environ) and not any(map(_may_name_us, files)):
            return
        # Neither of the two may say where the user's own configuration is.
        kept = {k: v for k, v in environ.items() if k not in {"HOME", "XDG_CONFIG_HOME"}}
        git = open_git("/", {**kept, "HOME": self.home})
        try:
            self.running = git.begin("config", "--show-scope", "-z", "--get-regexp", _PATTERN)
        except ServiceError:
            # Without git there may still be configuration of git's, which somebody hid.
            if any(map(os.path.lexists, files)):
                raise

    def read(self) -> tuple[Pin, ...]:
        """What git says.

        Raises:
            ConfigError: a pin that is none.
            ServiceError: git fails.

        """
        if self.running is None:
            return ()
        try:
            listed = self.running.read()
        except GitRefusedError as error:
            if error.code != 1:
                raise
            return ()
        from hubpolicy.core.reserved import parse_git_pins

        return parse_git_pins(listed)


def read_pins(environ: Mapping[str, str]) -> tuple[Pin, ...]:
    """All pins of this machine, wherever they stand."""
    asked = GitPins(environ)
    return (*file_pins(), *asked.read())


def _is_of_the_system(environ: Mapping[str, str]) -> bool:
    """True for a git whose system configuration is known to be ``/etc/gitconfig``.

    So it is for every build below ``/usr``; macOS and other prefixes have places of their own.
    """
    if sys.platform != "linux":
        return False
    for folder in environ.get("PATH", "").split(":"):
        if os.access(f"{folder}/git", os.X_OK):
            return folder in {"/usr/bin", "/bin"}
    return False


def _is_named(path: str) -> bool:
    """True if something stands there all the same: a link to nowhere, the folder being one too."""
    folder = os.path.dirname(path)  # noqa: PTH120
    return os.path.lexists(path) or (os.path.islink(folder) and not os.path.exists(folder))  # noqa: PTH110,PTH114


def _may_name_us(path: str) -> bool:
    """False where no pin can come from that file: no section of ours, and no other file named.

    Names of sections have no escapes and no continued lines (git-config(1)).
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read(_LIMIT + 1).lower()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return len(content) > _LIMIT or b"hubpolicy" in content or b"include" in content


def _home(environ: Mapping[str, str]) -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user that the user database does not know
        return environ.get("HOME", "/")
