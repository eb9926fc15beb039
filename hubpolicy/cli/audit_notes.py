# SPDX-License-Identifier: Apache-2.0
"""What an audit did not look at, said beside its verdicts: silence would look like green."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.cli.audit_targets import Targets
    from hubpolicy.flows.auditing import RefVerdict
    from hubpolicy.flows.surveying import Surveyed
    from hubpolicy.render.report import Row


def notes(
    targets: Targets, answers: tuple[Surveyed, ...], unread: Mapping[str, int] | None = None
) -> tuple[Row, ...]:
    """A row for each thing that is to be known, with how many repositories it is true of.

    ``unread``: the sizes of what a deep audit did not read, by digest; None without one.
    """
    from hubpolicy.cli.audit_looked import looked
    from hubpolicy.cli.audit_targets import shown
    from hubpolicy.render.counted import count
    from hubpolicy.render.report import Row

    local = tuple(
        Row(shown(repo), f"read from {folder}", "not what the hub has")
        for repo, folder in targets.places.items()
    )
    listed = tuple(Row(*told) for told in targets.told)
    why = Counter(a.storage_not_looked for a in answers if a.storage_not_looked)
    storage = tuple(
        Row("LFS storage", f"not looked at in {count(times, 'repository')}", said)
        for said, times in sorted(why.items())
    )
    return (*local, *listed, *looked(answers), *storage, *_deep(unread))


def unseen_in(targets: Targets) -> tuple[RefVerdict, ...]:
    """For each namespace whose list lacks what is private: that part could not be read."""
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import RefVerdict
    from hubpolicy.opening import endpoint

    found = []
    for namespace, message, hint in targets.unseen:
        every = RepoId(namespace, "*", endpoint=endpoint())
        found.append(RefVerdict(every, "(private)", "", "UNREADABLE", f"{message} ({hint})"))
    return tuple(found)


def _deep(unread: Mapping[str, int] | None) -> tuple[Row, ...]:
    from hubpolicy.render.counted import count
    from hubpolicy.render.report import Row

    if not unread:
        return ()
    size = sum(unread.values()) / 1e9
    said = "larger than 10 MiB, or not here: their digests are the listing's word"
    return (Row("--deep", f"{count(len(unread), 'file')} of {size:.2f} GB not read", said),)
