# SPDX-License-Identifier: Apache-2.0
"""What a dry run says: which files would go to a repository, and which would be removed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.differing import Difference
    from hubpolicy.render.report import Change

_SHOWN = 20
"""Files of each kind that a screen takes; the rest is counted, and in the JSON."""


def change_row(change: Difference) -> Change:
    """For the report: all of them."""
    from hubpolicy.render.report import Change

    return Change(tuple((file.path, file.size) for file in change.files), change.removed)


def change_text(change: Difference, repo: RepoId) -> str:
    """For the screen: how many, and the first of them, one to a line."""
    from hubpolicy.cli.summaries import human
    from hubpolicy.render.escape import terminal

    removed = f", {len(change.removed)} would be removed there" if change.removed else ""
    head = (
        f"{len(change.files)} files ({human(change.size)}) would go to {repo.text}{removed}. "
        "Nothing was uploaded (dry run)."
    )
    sent = [f"  + {terminal(file.path)} ({human(file.size)})" for file in change.files]
    gone = [f"  - {terminal(path)}" for path in change.removed]
    return "\n".join((head, *_first(sent), *_first(gone)))


def _first(lines: list[str]) -> list[str]:
    if len(lines) <= _SHOWN:
        return lines
    sign = lines[0][:3]
    left = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"{sign} … and {left} more (--format json names all of them)"]
