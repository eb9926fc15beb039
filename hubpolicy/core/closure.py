# SPDX-License-Identifier: Apache-2.0
"""Which files belong together: a closure is every file that is loaded to generate.

Worked out from names and small configuration files alone, so that a folder, a git tree and a hub
give the same. Not responsible for running anything, nor for what a signature covers. What refers
to a file that is not there makes no closure: its weights stay untested and block.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import layouts
from hubpolicy.core.filetypes import CONFIG_CAP, classify
from hubpolicy.domain.manifest import Entry, dir_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.core.layouts import ClosureKind, Dangling
    from hubpolicy.domain.manifest import Manifest

NO_EXTERNAL: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Closure(NamedTuple):
    """All files loaded to generate, sorted bytewise by path; ``main`` is the one that names it."""

    kind: ClosureKind
    main: str
    files: tuple[Entry, ...]

    @property
    def digest(self) -> str:
        """Hex dirHash over the files, by their paths in the release."""
        return dir_hash(self.files)

    @property
    def paths(self) -> frozenset[str]:
        """The paths of all files."""
        return frozenset(entry.path for entry in self.files)


class Resolution(NamedTuple):
    """The complete closures, sorted by main file, and what kept others from being complete."""

    closures: tuple[Closure, ...]
    dangling: tuple[Dangling, ...]


def config_paths(manifest: Manifest) -> tuple[str, ...]:
    """The files whose content :func:`resolve` needs, in the manifest's order."""
    return tuple(
        entry.path
        for entry in manifest.entries
        if layouts.names_files(entry.path) and entry.size <= CONFIG_CAP
    )


def resolve(
    manifest: Manifest,
    configs: Mapping[str, bytes],
    external: Mapping[str, tuple[str, ...]] = NO_EXTERNAL,
) -> Resolution:
    """Group the manifest into closures. ``configs`` holds the content of :func:`config_paths`.

    A naming file whose content is not in ``configs``, or does not parse, is dangling.
    ``external``: per ONNX file the locations of external data that were read from inside it,
    relative to its folder. For a file that is not in there, what begins with its name belongs
    to it: good enough to say what is missing, not to say what was tested.
    """
    tree = layouts.make_tree((entry.path for entry in manifest.entries), configs, external)
    plans, dangling = layouts.plan(tree)
    by_path = {entry.path: entry for entry in manifest.entries}
    found = []
    for kind, main, paths in plans:
        ordered = sorted(paths, key=lambda path: path.encode("utf-8"))
        found.append(Closure(kind, main, tuple(by_path[path] for path in ordered)))
    return Resolution(tuple(sorted(found, key=lambda closure: closure.main)), dangling)


def closures(
    manifest: Manifest,
    configs: Mapping[str, bytes],
    external: Mapping[str, tuple[str, ...]] = NO_EXTERNAL,
) -> tuple[Closure, ...]:
    """Return the complete closures of :func:`resolve`."""
    return resolve(manifest, configs, external).closures


def uncovered(
    manifest: Manifest, covered_paths: frozenset[str], heads: Mapping[str, bytes]
) -> tuple[Entry, ...]:
    """Every file that is neither in ``covered_paths`` nor of an inert type within its cap."""
    return tuple(
        entry
        for entry in manifest.entries
        if entry.path not in covered_paths
        and classify(entry.path, entry.size, heads.get(entry.path)) != "inert"
    )
