# SPDX-License-Identifier: Apache-2.0
"""The ``audit`` trip's last stretch: from when to when what it found was public.

Only where an organisation's audit log was imported. The hub is asked about repositories in which
something is wrong, and about no other.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hubpolicy.core.audit_log import Logged
from hubpolicy.core.exposure import RED, Span, earliest, spans
from hubpolicy.core.lives import Visible, past_windows, windows
from hubpolicy.errors import ServiceError
from hubpolicy.flows.crew import in_parallel
from hubpolicy.flows.historic import BEFORE_A_TIP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hubpolicy.core.lives import Log, Window
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import RefVerdict

    StandingOf = Callable[[RepoId], "Standing"]
    """Who knows how a repository stands."""


class Standing(Protocol):
    """How repositories of a hub stand beside what is in them. Raises ServiceError."""

    def visible(self, repo: RepoId) -> Visible:
        """Who may see it now, as far as the hub says."""

    def dates(self, repo: RepoId, revision: str) -> tuple[tuple[str, str], ...]:
        """Id and time (ISO 8601 UTC) of a commit and of all before it, the newest first."""


class Exposure(NamedTuple):
    """Bytes that were public. ``oid`` is empty for what is in no commit."""

    repo: Logged
    ref: str
    oid: str
    span: Span


class Exposed(NamedTuple):
    """The verdicts, EXPOSED where the bytes were public, and each span of that."""

    verdicts: tuple[RefVerdict, ...]
    exposures: tuple[Exposure, ...]


def expose(
    verdicts: Sequence[RefVerdict], log: Log, standing_of: StandingOf, moment: str, *, jobs: int
) -> Exposed:
    """Every verdict again, in the same order. What holds is left as it is, and so is UNREADABLE.

    What the hub does not say counts as not said: then the log alone speaks, to its end.
    """
    by_repo: dict[RepoId, list[RefVerdict]] = {}
    for verdict in verdicts:
        by_repo.setdefault(verdict.repo, []).append(verdict)
    bad = [repo for repo, own in by_repo.items() if any(v.status in RED for v in own)]

    def look(repo: RepoId) -> _Known:
        return _known(repo, by_repo[repo], log, standing_of(repo), moment)

    with closing(in_parallel(look, bad, jobs)) as answers:
        known = dict(answers)
    found: list[RefVerdict] = []
    exposures: list[Exposure] = []
    for verdict in verdicts:
        if verdict.status not in RED:
            found.append(verdict)
            continue
        judged, own = _judge(verdict, known[verdict.repo], moment)
        found.append(judged)
        exposures += own
    return Exposed(tuple(found), tuple(exposures))


class Unmet(NamedTuple):
    """A repository of which only the log tells, and a time in which everybody could read it."""

    repo: Logged
    names: tuple[str, ...]
    window: Window


def unmet(
    log: Log, met: Sequence[RepoId], namespaces: Sequence[str], moment: str
) -> tuple[Unmet, ...]:
    """What the log tells of repositories that the audit did not meet, as far as it was to.

    That is every other repository of a namespace, and one that had the name of one that was met.
    What stood there is not known: no verdict is made of it.
    """
    here = {Logged(repo.repo_type, repo.text) for repo in met}
    found = []
    for life in log.lives:
        meant = any(name.partition("/")[0] in namespaces for name in life.names)
        if (life.ended and life.repo in here) or (meant and life.repo not in here):
            own = past_windows(life, log, moment)
            found += [Unmet(life.repo, life.names, window) for window in own]
    return tuple(found)


class _Known(NamedTuple):
    """Of one repository: its public windows, its commits' times, and what is not known."""

    windows: tuple[Window, ...]
    times: dict[str, str]
    silence: str


def _known(
    repo: RepoId, verdicts: list[RefVerdict], log: Log, standing: Standing, moment: str
) -> _Known:
    life = log.standing(Logged(repo.repo_type, repo.text))
    silence = ""
    try:
        now = standing.visible(repo)
    except ServiceError as error:
        now, silence = Visible(None), f": {error.message}"
    if now.private is None:
        silence = f"who may see it is not known{silence}"
    found = windows(life, now, log, moment)
    if not found and now.private and (life is None or life.private is None):
        silence = "private now, and the log does not say what it was before"
    times = _times(repo, verdicts, standing) if found else {}
    return _Known(found, times, silence)


def _times(repo: RepoId, verdicts: list[RefVerdict], standing: Standing) -> dict[str, str]:
    """When the commits were made; tips first, since each also tells of what is before it."""
    wanted = {v.oid for v in verdicts if v.status in RED and v.oid}
    tips = [v.oid for v in verdicts if not v.ref.endswith(BEFORE_A_TIP) and v.oid]
    found: dict[str, str] = {}
    for oid in dict.fromkeys((*tips, *sorted(wanted))):
        if wanted <= found.keys():
            break
        if oid in found:
            continue
        try:
            dated = earliest(standing.dates(repo, oid))
        except ServiceError:
            continue  # its windows count as a whole
        for each, time in dated.items():
            found[each] = min(found.get(each, time), time)
    return found


def _judge(
    verdict: RefVerdict, known: _Known, moment: str
) -> tuple[RefVerdict, tuple[Exposure, ...]]:
    own = spans(known.windows, known.times.get(verdict.oid, ""), moment)
    if not own:
        detail = "; ".join(filter(None, (verdict.detail, known.silence)))
        return verdict._replace(detail=detail), ()
    repo = Logged(verdict.repo.repo_type, verdict.repo.text)
    last = own[-1]
    when = f"public from {own[0].since} to {last.until}" if last.until else (
        f"public since {own[0].since}"
    )  # fmt: skip
    exposed = verdict._replace(
        status="EXPOSED", detail=f"{verdict.status}, {when}: {verdict.detail}"
    )
    return exposed, tuple(Exposure(repo, verdict.ref, verdict.oid, span) for span in own)
