# SPDX-License-Identifier: Apache-2.0
"""The part of an audit that looks for an organisation's weights with its members.

A copy in somebody's own namespace is out of reach of the organisation's rights and of its gate.
What is looked for are sha256 digests that the audit met in the organisation's repositories; a
repository that shows none of them is nobody's business and is not judged.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.rules import hp301, hp611
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError
from hubpolicy.flows.auditing import GREEN, RefVerdict, audit_refs
from hubpolicy.flows.crew import in_parallel
from hubpolicy.flows.quiet import Quiet
from hubpolicy.flows.surveying import Surveyed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hubpolicy.core.rules.hp611 import Copy
    from hubpolicy.domain.finding import Finding
    from hubpolicy.flows.auditing import Court
    from hubpolicy.flows.surveying import Opening
    from hubpolicy.ports import HistoryReader, Progress, RemoteRef

    Repositories = Callable[[str], tuple[RepoId, ...]]

_ANY = "*"
"""In the place of a name, of somebody whose repositories could not be listed."""


class Searched(NamedTuple):
    """What was found, and how many repositories were looked at."""

    answers: tuple[Surveyed, ...]
    looked_at: int


class Search(NamedTuple):
    """What to look for, with whom, and how.

    ``known``: by hex sha256, ``namespace/name: path`` of a file of the organisation's.
    ``repositories`` lists everything of a namespace that this login may see, and may be empty.
    """

    known: Mapping[str, str]
    repositories: Repositories
    hub_of: Opening
    jobs: int
    quota: Callable[[], str] = str


def search_members(
    people: Sequence[str], search: Search, court: Court, progress: Progress
) -> Searched:
    """An answer for each repository with a copy in it, and for each that cannot be read."""
    listed, unlisted = _list(people, search, progress)
    advance = progress.start("looking at members", len(listed), "repositories")
    found = {}
    with closing(in_parallel(lambda repo: _look(repo, search, court), listed, search.jobs)) as done:
        for repo, answer in done:
            found[repo] = answer
            advance(1)
            progress.tell(search.quota())
    answers = (found[repo] for repo in listed)
    return Searched((*unlisted, *(each for each in answers if each is not None)), len(listed))


def _list(
    people: Sequence[str], search: Search, progress: Progress
) -> tuple[tuple[RepoId, ...], tuple[Surveyed, ...]]:
    advance = progress.start("listing what members have", len(people), "people")
    listed: dict[str, tuple[RepoId, ...]] = {}
    unlisted: dict[str, Surveyed] = {}

    def one(person: str) -> tuple[RepoId, ...] | ServiceError:
        try:
            return search.repositories(person)
        except ServiceError as error:
            return error

    with closing(in_parallel(one, people, search.jobs)) as done:
        for person, answer in done:
            if isinstance(answer, ServiceError):
                everything = RepoId(person, _ANY)
                said = RefVerdict(
                    everything, "(all repositories)", "", "UNREADABLE", answer.message
                )  # fmt: skip
                unlisted[person] = Surveyed(everything, (said,), answer)
            else:
                listed[person] = answer
            advance(1)
            progress.tell(search.quota())
    repos = (repo for person in people for repo in listed.get(person, ()))
    return tuple(dict.fromkeys(repos)), tuple(unlisted[p] for p in people if p in unlisted)


def _look(repo: RepoId, search: Search, court: Court) -> Surveyed | None:
    """None: nothing of the organisation's is there."""
    try:
        with search.hub_of(repo) as whole:
            hub = whole.hub
            refs = hub.refs(repo)
            copies = _copies(repo, refs, hub, search.known)
            if not copies:
                return None
            verdicts = audit_refs(repo, refs, hub, court, Quiet())
    except ServiceError as error:
        unreadable = RefVerdict(repo, "(all refs)", "", "UNREADABLE", error.message)
        return Surveyed(repo, (unreadable,), error)
    (finding,) = hp611.check(repo.text, copies)
    if not verdicts:  # a dataset, say, where they go by a harmless name
        tip = refs[0]
        verdicts = (RefVerdict(repo, tip.name, tip.oid, "UNATTESTED", finding.message),)
    told = (v if v.status in GREEN else _told(v, finding) for v in verdicts)
    return Surveyed(repo, tuple(told))


def _told(verdict: RefVerdict, finding: Finding) -> RefVerdict:
    """That nobody released it there is no advice to do so."""
    others = (each for each in verdict.findings if each.rule != hp301.ID)
    return verdict._replace(findings=(finding, *others))


def _copies(
    repo: RepoId, refs: Iterable[RemoteRef], hub: HistoryReader, known: Mapping[str, str]
) -> tuple[Copy, ...]:
    """Every known digest that a tip shows, under the first path that it has there."""
    found: dict[str, str] = {}
    for oid in dict.fromkeys(ref.oid for ref in refs):
        for file in hub.listing(repo, oid).files:
            if file.sha256 in known and file.sha256 is not None:
                found.setdefault(file.sha256, file.path)
    return tuple(hp611.Copy(sha256, path, known[sha256]) for sha256, path in found.items())
