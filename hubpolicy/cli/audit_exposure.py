# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit --import-audit-log``: what was public, and what the log does not tell."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.cli.audit_targets import Targets
    from hubpolicy.core.audit_log import Logged
    from hubpolicy.core.lives import Log
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import RefVerdict
    from hubpolicy.flows.exposing import Exposure, Standing, StandingOf, Unmet
    from hubpolicy.render.report import ExposureRow, Row


class Exposures(NamedTuple):
    """The verdicts with what was public among them, each span of it, and what is to be known."""

    verdicts: tuple[RefVerdict, ...]
    rows: tuple[ExposureRow, ...]
    notes: tuple[Row, ...]


def read_logs(paths: tuple[str, ...]) -> Log | None:
    """All exports as one; None where none was given.

    Raises:
        ConfigError: one is no such export.
        ServiceError: one cannot be read.

    """
    from hubpolicy.adapters.audit_log import read_audit_log
    from hubpolicy.core.lives import read_log

    if not paths:
        return None
    return read_log(entry for path in dict.fromkeys(paths) for entry in read_audit_log(path))


def exposures(
    verdicts: tuple[RefVerdict, ...],
    log: Log | None,
    targets: Targets,
    now: str,
    *,
    store: Path | None,
    jobs: int,
    history: bool,
) -> Exposures:
    """Ask the hubs about what is wrong; without a log nothing is asked, and nothing changes.

    ``history``: whether commits before a tip were looked at. ``store``: where what was read is
    kept. A clone on this disk asks no hub.
    """
    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.adapters.hub_http import quiet_client
    from hubpolicy.flows.exposing import expose, unmet

    if log is None:
        return Exposures(verdicts, (), ())
    with ExitStack() as open_:
        open_.enter_context(quiet_client())
        kept = None if store is None else open_.enter_context(AuditStore(store))
        found = expose(verdicts, log, standing_of(targets, kept), now, jobs=jobs)
    elsewhere = map(_unmet_row, unmet(log, targets.repos, targets.namespaces, now))
    rows = tuple(map(_row, found.exposures))
    return Exposures(found.verdicts, rows, (*_notes(log, history=history), *elsewhere))


def standing_of(targets: Targets, store: AuditStore | None) -> StandingOf:
    """Who knows how a repository stands: its hub, or the clone of it that is looked at."""
    from hubpolicy.adapters.clone_standing import CloneStanding
    from hubpolicy.adapters.hub_standing import HubStanding
    from hubpolicy.adapters.login import login_token

    remote = {repo.endpoint for repo in targets.repos if repo not in targets.places}
    hubs = {endpoint: HubStanding(endpoint, login_token(), store) for endpoint in remote}

    def of(repo: RepoId) -> Standing:
        folder = targets.places.get(repo)
        return hubs[repo.endpoint] if folder is None else CloneStanding(folder)

    return of


def _row(exposure: Exposure) -> ExposureRow:
    from hubpolicy.render.report import ExposureRow

    return ExposureRow(_shown(exposure.repo), exposure.ref, exposure.oid, *exposure.span)


def _unmet_row(unmet: Unmet) -> Row:
    from hubpolicy.render.report import Row

    window, now = unmet.window, unmet.repo.name
    text = f"public {window.since} to {window.until}, {window.closed}"
    once = ", ".join(name for name in unmet.names if name != now)
    remark = "in the log only: what stood there is not known"
    return Row(_shown(unmet.repo), text, f"(once {once}; {remark})" if once else f"({remark})")


def _shown(repo: Logged) -> str:
    kind, name = repo
    return name if kind == "model" else f"{kind}s/{name}"


def _notes(log: Log, *, history: bool) -> tuple[Row, ...]:
    from hubpolicy.render.report import Row

    tips = Row("exposure", "of what refs show today", "(--all-revisions looks before them, too)")
    return (*_told(log), *(() if history else (tips,)))


def _told(log: Log) -> tuple[Row, ...]:
    from hubpolicy.render.report import Row

    if not log.entries:
        return (Row("audit log", "empty", "(nothing is known of before this audit)"),)
    told = f"{log.entries:,} entries, {log.first} to {log.last}"
    rows = [Row("audit log", told, f"({log.other:,} of them not about who may see what)")]
    rows += [
        Row("audit log", f"{count:,} of {kind} not used", "(they name no repository as we know it)")
        for kind, count in log.unread
    ]
    return tuple(rows)
