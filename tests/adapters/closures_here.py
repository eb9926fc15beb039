# SPDX-License-Identifier: Apache-2.0
"""The one closure of a folder, and what table v2 says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.loaders import FolderLoader
from hubpolicy.core.applicability import Applies, decide
from hubpolicy.core.closure import Closure, closures, config_paths

if TYPE_CHECKING:
    from pathlib import Path


def the_closure(folder: Path) -> Closure:
    release = FolderRelease(str(folder))
    manifest = release.manifest
    (closure,) = closures(manifest, {path: release.read(path) for path in config_paths(manifest)})
    return closure


def decided(folder: Path) -> tuple[Closure, Applies]:
    closure = the_closure(folder)
    return closure, decide(FolderLoader(folder).facts(closure))
