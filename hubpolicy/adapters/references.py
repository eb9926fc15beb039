# SPDX-License-Identifier: Apache-2.0
"""Calibrations on this machine: ``~/.config/hubpolicy/references/<name>.json``.

Being there compares nothing: a policy names one, and signing it pins digest and counts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.adapters.home import read_config, user_home
from hubpolicy.core.reference import parse_calibration
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from hubpolicy.core.reference import Calibration

FOLDER = "references"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def reference_path(name: str) -> Path:
    """Where the calibration of that name stands, or would.

    Raises:
        ConfigError: the name is none.

    """
    if not NAME.fullmatch(name):
        message = f"got name {name!r}, expected letters, digits, dots, dashes and underscores"
        raise ConfigError(message, hint="hubpolicy calibrate PATH --name gpt2")
    return Path(user_home().path(FOLDER, f"{name}.json"))


def own_references() -> tuple[Calibration, ...]:
    """All of them, sorted by name.

    Raises:
        ConfigError: one is not what it should be, or is called otherwise than its file.

    """
    folder = Path(user_home().path(FOLDER))
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return tuple(_read(path) for path in paths if NAME.fullmatch(path.stem))


def write_reference(name: str, content: bytes) -> Path:
    """Put a calibration there, whole or not at all.

    Raises:
        ConfigError: the name is none.
        ServiceError: it cannot be written.

    """
    path = reference_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content)
    return path


def _read(path: Path) -> Calibration:
    hint = f"remove it, or make it again: hubpolicy calibrate PATH --name {path.stem}"
    try:
        found = parse_calibration(read_config(str(path)), where=str(path))
    except MalformedError as error:
        raise ConfigError(error.message, hint=hint) from error
    if found.name != path.stem:
        message = (
            f"got name {found.name!r}, expected {path.stem!r} as the file is called, in {path}"
        )
        raise ConfigError(message, hint=hint)
    return found
