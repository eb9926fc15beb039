# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit ORGANISATION --members``: its weights in the namespaces of its people."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from hubpolicy.cli.audit_targets import Targets
    from hubpolicy.cli.options import Output
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import Court
    from hubpolicy.flows.surveying import Surveyed
    from hubpolicy.render.report import Row


class Round(NamedTuple):
    """What the members of some organisations have of theirs, and a word on how far was looked."""

    answers: tuple[Surveyed, ...] = ()
    rows: tuple[Row, ...] = ()


def people_of(targets: Targets) -> tuple[str, ...]:
    """Every member of every organisation among the targets, but for those that are targets too.

    Raises:
        ConfigError: no target is an organisation as a whole.
        AccessError, ServiceError: the hub does not say who they are.

    """
    if not targets.namespaces:
        message = "got --members without an organisation, expected one as a target"
        raise ConfigError(message, hint="hubpolicy audit ORGANISATION --members")
    from hubpolicy.adapters.hub_index import HubIndex
    from hubpolicy.adapters.login import login_token
    from hubpolicy.opening import endpoint

    index = HubIndex(endpoint(), login_token())
    every = (person for name in targets.namespaces for person in index.members(name))
    return tuple(person for person in dict.fromkeys(every) if person not in targets.namespaces)


def namespaces(targets: Targets, people: tuple[str, ...] | None) -> tuple[str, ...]:
    """For whom an audit speaks, each once."""
    return tuple(dict.fromkeys((*(repo.namespace for repo in targets.repos), *(people or ()))))


def look_around(
    people: tuple[str, ...] | None,
    answers: Iterable[Surveyed],
    court: Court,
    output: Output,
    *,
    store: Path | None,
    jobs: int,
) -> Round:
    """Look for what the answers know, several repositories at a time; nowhere if nobody asked."""
    if people is None:
        return Round()
    from contextlib import ExitStack

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.adapters.hub_http import quiet_client
    from hubpolicy.adapters.quota import QUOTA
    from hubpolicy.cli.audit_opening import Sources, opening
    from hubpolicy.cli.audit_targets import Targets, shown
    from hubpolicy.cli.progress import Bars
    from hubpolicy.flows.membership import Search, search_members
    from hubpolicy.opening import endpoint
    from hubpolicy.render.counted import count
    from hubpolicy.render.report import Row

    known = {
        sha256: f"{shown(answer.repo)}: {path}"
        for answer in answers
        for sha256, path in answer.weights
    }
    with ExitStack() as open_:
        bars = open_.enter_context(Bars(shown=output.progress, quiet=output.quiet))
        open_.enter_context(quiet_client())
        kept = None if store is None else open_.enter_context(AuditStore(store))
        theirs = Sources(
            Targets((), {}, ()), kept, cloning=False, endpoints=frozenset({endpoint()})
        )  # fmt: skip
        search = Search(known, _repositories(), opening(theirs), jobs, QUOTA.told)
        found = search_members(people, search, court, bars)
    said = f"{count(len(people), 'person', 'people')}, "
    said += count(found.looked_at, "repository")
    remark = "looked through; what they keep private is not shown to this login"
    return Round(found.answers, (Row("members", said, remark),))


def _repositories() -> Callable[[str], tuple[RepoId, ...]]:
    from hubpolicy.adapters.hub_http import NotFoundError
    from hubpolicy.adapters.hub_index import HubIndex
    from hubpolicy.adapters.login import login_token
    from hubpolicy.opening import endpoint

    index = HubIndex(endpoint(), login_token())

    def listed(person: str) -> tuple[RepoId, ...]:
        try:
            return index.namespace(person)
        except NotFoundError:
            return ()

    return listed
