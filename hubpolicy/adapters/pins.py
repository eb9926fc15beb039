# SPDX-License-Identifier: Apache-2.0
"""Reads which namespaces this machine reserves, from places that no variable moves.

``/etc/hubpolicy/pins.toml`` by its name, and git's system and global configuration with the home
directory of the user database: neither HOME nor XDG_CONFIG_HOME nor GIT_CONFIG_* is asked. On the
hook's path: one open, and a git that works while Python imports.
"""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.git_process import GitRefusedError, open_git
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.adapters.git_process import Running
    from hubpolicy.core.reserved import Pin

_LIMIT = 1024 * 1024
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
    except (FileNotFoundError, NotADirectoryError):
        return ()
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
        """Start git; :meth:`read` waits for it."""
        # Neither of the two may say where the user's own configuration is.
        kept = {k: v for k, v in environ.items() if k not in {"HOME", "XDG_CONFIG_HOME"}}
        self.home = home or PLACES.home or _home(environ)
        git = open_git("/", {**kept, "HOME": self.home})
        self._running: Running | None = None
        try:
            self._running = git.begin("config", "--show-scope", "-z", "--get-regexp", _PATTERN)
        except ServiceError:
            # Without git there may still be configuration of git's, which somebody hid.
            places = (
                "/etc/gitconfig",
                f"{self.home}/.gitconfig",
                f"{self.home}/.config/git/config",
            )
            if any(map(os.path.lexists, places)):
                raise

    def read(self) -> tuple[Pin, ...]:
        """What git says.

        Raises:
            ConfigError: a pin that is none.
            ServiceError: git fails.

        """
        if self._running is None:
            return ()
        try:
            listed = self._running.read()
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


def _home(environ: Mapping[str, str]) -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user that the user database does not know
        return environ.get("HOME", "/")
