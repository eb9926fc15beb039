# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit --since``: a day, or a revision of the only repository."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import times
from hubpolicy.errors import AccessError, ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.cli.audit_targets import Targets
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.seen import Opened
    from hubpolicy.flows.since import Since
    from hubpolicy.flows.surveying import Opening
    from hubpolicy.render.report import Row

_LIKE_A_DAY = re.compile(r"[0-9]+[-/.][0-9]+[-/.][0-9]+.*|[0-9]{4}-[0-9]{2}|[0-9]{8}")
_HINT = "hubpolicy audit NAMESPACE --all-revisions --since 2026-11-01"


class Wanted(NamedTuple):
    """What was typed, and the day in it; a revision has none."""

    text: str
    day: str


def wanted(text: str, *, history: bool) -> Wanted | None:
    """Read ``--since``; None where it was not given.

    Raises:
        ConfigError: a day that does not exist, or no --all-revisions.

    """
    if not text:
        return None
    if not history:
        message = f"got --since {text} without --all-revisions, expected both: tips always count"
        raise ConfigError(message, hint=_HINT)
    day = times.is_date(text) or times.is_instant(text)
    if not day and _LIKE_A_DAY.fullmatch(text):
        message = f"got --since {text}, expected YYYY-MM-DD, YYYY-MM-DDTHH:MM:SSZ or a revision"
        raise ConfigError(message, hint=_HINT)
    return Wanted(text, text if day else "")


def left_out(asked: Wanted | None) -> tuple[Row, ...]:
    """What was not looked at, to be said in the report."""
    from hubpolicy.render.report import Row

    if asked is None:
        return ()
    remark = "not looked at: older commits that no ref shows, the LFS storage"
    if asked.day:
        remark += "; a commit's date is its committer's word, --since REVISION is not"
    return (Row("history", f"since {asked.text}", f"({remark})"),)


def since_only(
    hub_of: Opening, asked: Wanted, targets: Targets, store: AuditStore | None
) -> Opening:
    """The same repositories, with as much of their history as was asked for.

    Raises:
        ConfigError: a revision that the only repository does not have, or of several.
        AccessError: this login may not ask.

    """
    from hubpolicy.cli.audit_exposure import standing_of
    from hubpolicy.flows.since import RecentHistory

    since = _resolved(hub_of, asked, targets)
    standing = standing_of(targets, store)

    @contextmanager
    def opened(repo: RepoId) -> Iterator[Opened]:
        with hub_of(repo) as whole:
            dates = standing(repo).dates
            yield whole._replace(hub=RecentHistory(whole.hub, since, dates, whole.lineage))

    return opened


def _resolved(hub_of: Opening, asked: Wanted, targets: Targets) -> Since:
    from hubpolicy.flows.abbreviated import resolve
    from hubpolicy.flows.since import Since

    if asked.day:
        return Since(time=asked.day)
    if len(targets.repos) != 1:
        number = len(targets.repos)
        message = f"got --since {asked.text} for {number} repositories, expected a day for several"
        raise ConfigError(message, hint=_HINT)
    (repo,) = targets.repos
    try:
        with hub_of(repo) as whole:
            return Since(oid=resolve(whole.hub, repo, asked.text))
    except AccessError:
        raise
    except ServiceError as error:
        message = f"got --since {asked.text}: {error.message}"
        raise ConfigError(message, hint=_HINT) from error
