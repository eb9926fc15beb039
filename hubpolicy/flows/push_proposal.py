# SPDX-License-Identifier: Apache-2.0
"""``push --create-pr``: a pull request that holds exactly what was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.errors import AccessError, ServiceError
from hubpolicy.flows.differing import difference, notes
from hubpolicy.flows.flipping import MAIN, PULL_REQUESTS
from hubpolicy.flows.push_plan import Pushed, incident, refuse_large, stands_otherwise

if TYPE_CHECKING:
    from hubpolicy.flows.push_plan import Trip
    from hubpolicy.ports import RemoteRef

_LAST_PROPOSALS = 20


def propose(trip: Trip) -> Pushed:
    """Open one, or name the one that is open already. Nothing that people download changes.

    Raises:
        AccessError: the hub does not allow it.
        ServiceError: the hub failed, or it is more than one commit takes.

    """
    hub, repo = trip.hub, trip.repo
    change = difference(trip.wanted, hub.listing(repo, trip.start))
    done = Pushed(trip.decision, trip.start, "", trip.was_public, 0, notes(change))
    if not change.files and not change.removed:
        return done
    before = hub.refs(repo)
    ref = _proposed(trip, before)
    if ref is not None:
        note = f"{ref.name} proposes these bytes already"
        return done._replace(oid=ref.oid, ref=ref.name, notes=(note,))
    refuse_large(trip, change)
    url = ""
    try:
        oid, url = hub.propose(
            repo, change.files, MAIN, trip.start, trip.plan.message, change.removed
        )
        ref = next((r for r in hub.refs(repo) if r.oid == oid and _is_proposal(r)), None)
    except AccessError:
        raise
    except ServiceError:
        ref = _proposed(trip, tuple(set(hub.refs(repo)) - set(before)))
        if ref is None:
            raise
        trip.progress.note("the answer was lost, the pull request was not")
    if ref is None:
        message = f"the hub took commit {oid[:12]} and shows no pull request there"
        raise ServiceError(message, hint="look at the repository's discussions")
    differences = stands_otherwise(trip, ref.oid)
    if differences:
        return incident(trip, differences, ref.oid, ref.name)
    return done._replace(oid=ref.oid, url=url, uploaded=len(change.files), ref=ref.name)


def _is_proposal(ref: RemoteRef) -> bool:
    return ref.name.startswith(PULL_REQUESTS)


def _proposed(trip: Trip, refs: tuple[RemoteRef, ...]) -> RemoteRef | None:
    """Which of the newest pull requests holds exactly what was judged, if any does."""
    asked = [ref for ref in refs if _is_proposal(ref)]
    asked.sort(key=lambda ref: (len(ref.name), ref.name), reverse=True)
    return next(
        (ref for ref in asked[:_LAST_PROPOSALS] if not stands_otherwise(trip, ref.oid)), None
    )
