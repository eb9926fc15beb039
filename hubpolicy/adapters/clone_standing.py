# SPDX-License-Identifier: Apache-2.0
"""What a clone on this disk says beside its content: when its commits were made, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.local_clone import open_clone
from hubpolicy.core.lives import Visible

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId


class CloneStanding(NamedTuple):
    """Implements ``Standing`` of the flow ``exposing`` for a folder. No network."""

    folder: str

    def visible(self, repo: RepoId) -> Visible:  # noqa: ARG002 - no clone knows
        """Who may see it is not known here."""
        return Visible(None)

    def dates(self, repo: RepoId, revision: str) -> tuple[tuple[str, str], ...]:
        """As the commits state it.

        Raises:
            ServiceError: the clone is shallow, or lacks a commit.

        """
        clone = open_clone(self.folder, repo)
        clone.history(repo, revision)  # it knows what a shallow clone lacks
        return clone.git.dates(revision)
