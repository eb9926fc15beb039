# SPDX-License-Identifier: Apache-2.0
"""What a worker does for a request in one go: before the hub gets it, and after it answered.

Before: it is judged, and what was decided is written down. After: the hub's answer is written down,
and what the hub made of it is looked at. What was allowed and never got an end gets one here, too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain import hub_request as wire
from hubpolicy.errors import HubpolicyError
from hubpolicy.flows.gating import Permission
from hubpolicy.gateway.office import LATER
from hubpolicy.gateway.passage import Before, digest_of, made_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hubpolicy.adapters.deadline import Deadline
    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.gateway.office import Arrived, Office

_CUT_OFF = "the gateway ended before the hub had answered: look at the hub"
_TAKEN_BACK = (wire.Merge, wire.Settings, wire.Move, wire.Duplicate)
"""What is looked at afterwards, and undone where it showed what nobody judged."""
_UNKNOWN = "whether the hub did it is not known"


class Ruling(NamedTuple):
    """What was decided. ``entry`` is its number in the log; 0 where nothing was allowed."""

    permission: Permission
    before: Before = Before()
    entry: int = 0


class Aftermath(NamedTuple):
    """What was found afterwards. ``moved``: why the client gets an error for the hub's answer."""

    incidents: int = 0
    moved: str = ""


class Docket:
    """One for a gateway. Its coroutines are for the event loop, all else runs in workers."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._open: dict[int, Arrived] = {}

    async def rule(self, arrived: Arrived, given: Permission | None = None) -> Ruling:
        """Judge it, unless that is ``given``, and write down what was decided, before this returns.

        What takes too long is a no: whoever waits for the repository does not wait for that.

        Raises:
            HubpolicyError: it cannot be written down, so that nothing may be forwarded.

        """
        office, deadline, started = self._office, self._office.deadline(), time.perf_counter()
        ruling = await office.judge(lambda: self._ruled(arrived, given, deadline), deadline)
        if given is None:
            office.metrics.decided(time.perf_counter() - started)
        if ruling is not None:
            return ruling
        why = office.too_late
        await office.note(arrived, "denied", reason=why)
        return Ruling(Permission(allowed=False, reason=why, next=LATER))

    def _ruled(self, arrived: Arrived, given: Permission | None, deadline: Deadline) -> Ruling:
        office, intent = self._office, arrived.intent
        permission = given or office.passage.decide(intent)
        if not permission.allowed:
            if deadline.take():
                office.record(arrived, "denied", reason=permission.reason, rule=permission.rule)
            return Ruling(permission)
        if isinstance(intent, wire.GitPush):  # what is announced; the push itself is judged later
            return Ruling(permission)
        before = office.passage.before(intent)
        if not deadline.take():
            return Ruling(permission._replace(allowed=False))
        judged = permission.judged
        number = office.record(
            arrived, "allowed", reason=permission.reason, pinned=permission.pinned,
            tree=digest_of(judged) if judged is not None else "",
        )  # fmt: skip
        self._open[number] = arrived
        return Ruling(permission, before, number)

    async def answered(
        self, arrived: Arrived, ruling: Ruling, status: int, raw: bytes
    ) -> Aftermath:
        """Write down what the hub said (``status`` 0: nothing), and look at what it did.

        Where nothing can follow from it, that is in the log's file when this returns, and on the
        disk soon: after a power cut the write has no end in the log, and gets one that says so.
        """
        found = await self._office.work(lambda: self._answered(arrived, ruling, status, raw))
        self._office.hold_soon()
        return found

    def _answered(self, arrived: Arrived, ruling: Ruling, status: int, raw: bytes) -> Aftermath:
        """A log that cannot be written keeps nobody from taking back what must not stand there."""
        unwritten: list[HubpolicyError] = []

        def note(did: str, **more: Any) -> None:
            try:
                self._office.record(arrived, did, **more)
            except HubpolicyError as error:
                unwritten.append(error)

        if status:
            last = status < 500 and not isinstance(arrived.intent, _TAKEN_BACK)
            note("answered", lasting=not last, status=status, commit=made_by(raw))
        else:
            note("unanswered", reason=_UNKNOWN)
        if not unwritten:
            self._open.pop(ruling.entry, None)
        found = self._looked(arrived.intent, ruling, status, raw, note)
        if unwritten:
            raise unwritten[0]
        return found

    def _looked(
        self, intent: Intent, ruling: Ruling, status: int, raw: bytes, note: Callable[..., None]
    ) -> Aftermath:
        passage = self._office.passage
        # No answer, or a proxy's in place of the hub's: it may have done it all the same.
        unknown = not status or status >= 500
        if not passage.happened(intent, ruling.before) if unknown else status >= 300:
            return Aftermath()
        why = passage.taken_back(intent, ruling.permission, ruling.before)
        if why:
            note("incident", reason=why)
            return Aftermath(1, why)
        judged = ruling.permission.judged
        if judged is None:
            return Aftermath()
        found = passage.differences(intent, judged, raw, ruling.before.main)
        if not found:
            return Aftermath()
        note("incident", reason=found)
        if isinstance(intent, wire.Merge):
            # No parent can be pinned in it: what came between verdict and merge is taken back.
            done = passage.undo(intent, ruling.before.main)
            note("taken back", reason=done)
        return Aftermath(1)

    def settle(self) -> None:
        """When no worker works any more: what was cut off gets its end in the log now.

        Raises:
            ServiceError: the log cannot be written; the next start does it then.

        """
        for number in sorted(self._open):
            arrived = self._open.pop(number)
            self._office.record(arrived, "unanswered", reason=_CUT_OFF, entry=number)
