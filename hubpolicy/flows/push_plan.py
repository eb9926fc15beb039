# SPDX-License-Identifier: Apache-2.0
"""What a push would send, one push under way, and how it ends when it must not go on."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.errors import ServiceError
from hubpolicy.flows.differing import read_back
from hubpolicy.flows.flipping import MAIN, changed
from hubpolicy.flows.incidents import Bad, take_back
from hubpolicy.flows.publishing import blocked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.finding import Decision, Finding
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.domain.outgoing import Seal
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.differing import Difference, Wanted
    from hubpolicy.flows.verifying import Law
    from hubpolicy.ports import Hub, Progress, RemoteRepo

ONE_COMMIT_FILES = 25_000
"""Files that a hub takes in one commit (huggingface.co/docs/hub/storage-limits)."""
ONE_COMMIT_BYTES = 1024 * 1024 * 1024
"""Bytes of small files in one commit, at most, by the same page."""


class Plan(NamedTuple):
    """What a push would send: folder, judged files, evidence, and how it shall stand there.

    ``ref`` is a full name; only ``main`` is ever made public. ``made``: covered files that are sent
    from memory. ``part``: some files of the folder only, judged with those at commit ``base``, or
    alone where nothing stood there.
    ``embargoed``: the card says that nobody may pass the model on. ``law``: what is trusted when it
    is called, for what becomes public after a long upload; None is as it was judged.
    """

    folder: str
    evidence: Evidence
    files: tuple[EvidenceFile, ...]
    private: bool
    message: str
    seals: Mapping[str, Seal] = MappingProxyType({})
    made: tuple[EvidenceFile, ...] = ()
    ref: str = MAIN
    proposes: bool = False
    base: str = ""
    part: bool = False
    embargoed: bool = False
    law: Callable[[], Law] | None = None


class Pushed(NamedTuple):
    """What came of it. ``oid`` is empty if nothing was uploaded; ``ref`` is where it stands."""

    decision: Decision
    oid: str
    url: str
    public: bool
    uploaded: int
    notes: tuple[str, ...] = ()
    ref: str = MAIN


class Trip(NamedTuple):
    """One push under way: ``before`` it touched anything, and the commit that it ``starts`` on."""

    plan: Plan
    wanted: Wanted
    repo: RepoId
    hub: Hub
    progress: Progress
    decision: Decision
    before: RemoteRepo
    start: str

    @property
    def was_public(self) -> bool:
        """True if anybody could see it before this push touched it."""
        return self.before.exists and not self.before.private


def nothing(decision: Decision) -> Pushed:
    """The ending of a push that touched nothing."""
    return Pushed(decision, "", "", public=False, uploaded=0)


def stays(plan: Plan) -> bool:
    """Only ``main`` is ever made public by a push."""
    return plan.proposes or plan.ref != MAIN


def refuse_large(trip: Trip, change: Difference) -> None:
    """What people download from is never half a release.

    Raises:
        ServiceError: more than one commit takes.

    """
    if len(change.files) <= ONE_COMMIT_FILES and change.held <= ONE_COMMIT_BYTES:
        return
    message = (
        f"{trip.repo.text} is public, and {len(change.files)} changed files are more than one "
        "commit takes; nothing was uploaded"
    )
    hint = "push to a new repository, which stays private until all is there, and is then published"
    raise ServiceError(message, hint=hint)


def stands_otherwise(trip: Trip, oid: str) -> tuple[Finding, ...]:
    """How the tree of a commit there differs from what was judged: HP502, or nothing."""
    return read_back(trip.wanted, trip.hub.listing(trip.repo, oid), trip.repo, oid)


def incident(trip: Trip, differences: tuple[Finding, ...], head: str, ref: str) -> Pushed:
    """What stands there is not what was judged: take it out of sight, and say so."""
    bad = Bad(trip.repo, trip.start, head, ref)
    note, public = take_back(bad, trip.hub, was_public=trip.was_public)
    said = changed(trip.repo, f"incident: {note}")
    decision = blocked(trip.decision, (*differences, said))
    return Pushed(decision, head, "", public, 0, (note,), ref)
