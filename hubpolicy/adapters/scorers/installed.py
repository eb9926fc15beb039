# SPDX-License-Identifier: Apache-2.0
"""Scorer bundles that this person installed: one folder per id below ``~/.config/hubpolicy``.

Being installed trusts nothing: which digest counts is the policy's to say.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.scorers.bundle import DESCRIPTION, bundle_pin
from hubpolicy.errors import ConfigError, HubpolicyError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.domain.statement import ScorerPin

FOLDER = "scorers"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def place_for(name: str) -> Path:
    """Where a bundle of that id belongs.

    Raises:
        ConfigError: it is no name for a folder.

    """
    if not _NAME.fullmatch(name):
        message = f"got scorer id {name!r}, expected letters, digits, dots, dashes"
        raise ConfigError(message)
    return Path(user_home().path(FOLDER, name))


def installed_folders() -> dict[str, Path]:
    """Folders by name; not looked into but for the presence of a description."""
    above = Path(user_home().path(FOLDER))
    if not above.is_dir():
        return {}
    found = sorted(path for path in above.iterdir() if _NAME.fullmatch(path.name))
    return {path.name: path for path in found if (path / DESCRIPTION).is_file()}


def sound_pins(folders: Mapping[str, Path]) -> tuple[tuple[Path, ScorerPin], ...]:
    """Folder and identity of every bundle that can be read and bears the name of its folder."""
    pins = []
    for name, folder in folders.items():
        try:
            pin = bundle_pin(folder)
        except HubpolicyError:
            # One broken bundle must not take the others away; `scorer list` names it.
            continue
        if pin.id == name:
            pins.append((folder, pin))
    return tuple(pins)


def pinned(folders: Mapping[str, Path], digests: frozenset[str]) -> tuple[Path, ScorerPin]:
    """The first bundle here whose digest the policy pins.

    Raises:
        ConfigError: none of them is.

    """
    here = sound_pins(folders)
    for folder, pin in here:
        if pin.sha256 in digests:
            return folder, pin
    listed = ", ".join(f"{pin.id} {pin.sha256[:12]}" for _, pin in here) or "none"
    wanted = ", ".join(sorted(digest[:12] for digest in digests))
    message = f"the policy pins scorer {wanted}, which is not installed; here: {listed}"
    raise ConfigError(message, hint="hubpolicy scorer pull, or, after a change, policy sign")


def install(made: Path, name: str, *, replace: bool = False) -> Path:
    """Move a finished bundle to its place; an existing one only leaves when the new one is there.

    Raises:
        ConfigError: one of that id is installed already.
        ServiceError: it cannot be moved.

    """
    target = place_for(name)
    old = target.with_name(f".{target.name}.old")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            if not replace:
                message = f"scorer {name!r} is installed already, in {target}"
                raise ConfigError(message, hint="--replace, or -o DIR for another folder")
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
        made.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        message = f"cannot install scorer {name!r} in {target}: {error.strerror or error}"
        raise ServiceError(message) from error
    return target
