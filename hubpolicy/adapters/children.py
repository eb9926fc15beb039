# SPDX-License-Identifier: Apache-2.0
"""Where child policies are found, and what their names mean on this machine.

On the hook's path: a release without ``hubpolicy.toml`` costs one look at its names, and nothing is
imported for it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from hubpolicy.domain.policy import CHILD_FILE, CHILD_LIMIT
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubpolicy.core.policy_child import ChildFile
    from hubpolicy.domain.evaluation import Plan
    from hubpolicy.domain.policy import Policy
    from hubpolicy.ports import ReleaseReader

VARIABLE = "HUBPOLICY_CONFIG"


class HereNames:
    """Implements :class:`hubpolicy.core.policy_child.Names`. Each question imports its own."""

    def plan(self, name: str) -> Plan:
        """A plan that ships, or one of the user's own."""
        _find_all_packages()
        from hubpolicy.adapters import assets

        return assets.plan(name)

    def scorer(self, name: str) -> str:
        """Hex digest of a scorer bundle that is at hand."""
        _find_all_packages()
        from hubpolicy.adapters import assets
        from hubpolicy.adapters.scorers.installed import sound_pins

        pins = {pin.id: pin.sha256 for _, pin in sound_pins(assets.scorer_folders())}
        if name not in pins:
            message = f"got scorer {name!r}, expected one of {', '.join(sorted(pins))}"
            raise ConfigError(message, hint="hubpolicy scorer list")
        return pins[name]

    def rules(self) -> frozenset[str]:
        """The ids of all rules."""
        _find_all_packages()
        from hubpolicy.core.rules.catalogue import catalogue

        return frozenset(entry.id for entry in catalogue())


def tightened(policy: Policy, children: Iterable[ChildFile]) -> Policy:
    """The governing policy with what its children make stricter; the same one without children.

    Raises:
        ConfigError: a child that is malformed, or loosens.

    """
    found = tuple(children)
    if not found:
        return policy
    from hubpolicy.core.policy_child import tighten

    return tighten(policy, found, HereNames())


def in_release(reader: ReleaseReader) -> tuple[ChildFile, ...]:
    """The ``hubpolicy.toml`` at the top of a release, if there is one.

    Raises:
        ConfigError: it is too large for a policy.
        ServiceError: it cannot be read.

    """
    sizes = [entry.size for entry in reader.manifest.entries if entry.path == CHILD_FILE]
    return _child(CHILD_FILE, reader.read(CHILD_FILE)) if sizes else ()


def in_folder(folder: str) -> tuple[ChildFile, ...]:
    """The same in a folder, before its files are hashed."""
    path = os.path.join(folder, CHILD_FILE)  # noqa: PTH118 - pathlib costs the hook 8 ms
    return from_file(path) if os.path.lexists(path) else ()


def from_file(path: str) -> tuple[ChildFile, ...]:
    """A child that somebody names.

    Raises:
        ConfigError: it is not there, no regular file, or cannot be read.

    """
    if os.path.islink(path) and os.path.basename(path) == CHILD_FILE:  # noqa: PTH114, PTH119
        message = f"got a symbolic link, expected a regular file, in {path}"
        raise ConfigError(message)
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read(CHILD_LIMIT + 1)
    except OSError as error:
        message = f"cannot read the child policy {path}: {error.strerror}"
        raise ConfigError(message, hint=f"-c FILE, or {VARIABLE}=FILE") from error
    return _child(path, content)


def from_environment(environ: Mapping[str, str]) -> tuple[ChildFile, ...]:
    """The files that ``HUBPOLICY_CONFIG`` names, as a search path does."""
    paths = filter(None, environ.get(VARIABLE, "").split(os.pathsep))
    return tuple(child for path in paths for child in from_file(path))


def _find_all_packages() -> None:
    """The hook starts without ``site``; these questions need packages that the verdict does not."""
    if sys.flags.no_site:
        import site

        site.main()


def _child(where: str, content: bytes) -> tuple[ChildFile, ...]:
    from hubpolicy.core.policy_child import ChildFile

    return (ChildFile(where, content),)
