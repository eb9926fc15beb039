# SPDX-License-Identifier: Apache-2.0
"""Judging a release of which only some files are here, as somebody does who downloads it.

The files that a verified release line names and that are not here are taken from its word: nobody
can use what is not here. What is here is compared byte for byte, and a file that the release
does not name stays a finding (HP308). Never in a gate: before bytes leave, all of them are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.lines import WHOLE, select
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT, Entry, make_manifest
from hubpolicy.domain.statement import ReleaseSummary

if TYPE_CHECKING:
    from hubpolicy.core.verify import VerifiedStatement
    from hubpolicy.domain.manifest import Manifest


class Coverage(NamedTuple):
    """How many files were compared, of how many in the release, and the names of the others."""

    here: int
    total: int
    absent: tuple[str, ...] = ()


def fill_up(here: Manifest, lines: tuple[VerifiedStatement, ...]) -> Manifest:
    """What is here, and what else the newest release line names, with the digests it states.

    A statement gives no sizes: a file without a git blob id is larger than 10 MiB, the others
    count as empty. Where nothing is here, or no release line holds, nothing is filled up.
    """
    releases = select(lines, ReleaseSummary)
    if not releases or not here.entries:
        return here
    known = {entry.path for entry in here.entries}
    absent = [
        Entry(
            subject.name,
            0 if subject.get("gitBlob") else GIT_BLOB_LIMIT + 1,
            subject.get("sha256") or "",
            subject.get("gitBlob"),
        )
        for subject in releases[-1][0].statement.subjects
        if subject.name != WHOLE and subject.name not in known
    ]
    return make_manifest([*here.entries, *absent])


def coverage_of(here: tuple[str, ...], lines: tuple[VerifiedStatement, ...]) -> Coverage:
    """Which of a release's files are here; all of them where no release line holds."""
    releases = select(lines, ReleaseSummary)
    if not releases:
        return Coverage(len(here), len(here))
    subjects = releases[-1][0].statement.subjects
    names = [subject.name for subject in subjects if subject.name != WHOLE]
    present = set(here)
    absent = tuple(name for name in names if name not in present)
    return Coverage(len(names) - len(absent), len(names), absent)
