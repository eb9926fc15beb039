# SPDX-License-Identifier: Apache-2.0
"""``git push``: offered, received into quarantine, judged, and only then given to the hub.

Callers know who it is and that the token is for the repository, and hold the repository's lock.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aiohttp import web

from hubpolicy.core.rules import hp510
from hubpolicy.errors import HubpolicyError, MalformedError, ServiceError
from hubpolicy.flows.gate_watch import deny
from hubpolicy.gateway import answers
from hubpolicy.gateway.commands import read_commands, refusal
from hubpolicy.gateway.mirror import Mirrors
from hubpolicy.gateway.office import LATER
from hubpolicy.gateway.reader import Reader
from hubpolicy.gateway.receiving import Answer, Received, plain_body, receive

if TYPE_CHECKING:
    from typing import BinaryIO

    from hubpolicy.domain.hub_request import GitPush
    from hubpolicy.domain.refs import Push
    from hubpolicy.gateway.commands import Announced
    from hubpolicy.gateway.office import Arrived, Office
    from hubpolicy.gateway.pushed import Found

REQUEST = "application/x-git-receive-pack-request"
RESULT = "application/x-git-receive-pack-result"
_FRESH = {
    "Cache-Control": "no-cache, max-age=0, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "Fri, 01 Jan 1980 00:00:00 GMT",
}
_NOTHING = "Nothing was accepted.\n"
_MOST_REFS = 20
"""Named in one entry of the log; how many there were stands beside them."""


class GitService:
    """Pushes to one hub."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._mirrors = Mirrors(office.settings)

    def sweep(self) -> None:
        """Before the first push: what an earlier gateway left when it was killed. It blocks."""
        self._mirrors.sweep()

    async def answer(self, arrived: Arrived, intent: GitPush) -> web.StreamResponse:
        """Offer what the hub has, or take what is pushed. Whether it may be, was decided."""
        if intent.advertises:
            return await self._offered(intent)
        request = arrived.request
        kind = request.headers.get("Content-Type", "")
        packed, limit = arrived.body, self._office.settings.commit_limit
        if kind != REQUEST or packed is None:
            what, why = f"git push to {intent.repo.text}", f"got Content-Type {kind[:80]!r}"
            return answers.denied(deny(hp510.check(what, why, "git push")[0]), git=False)
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        try:
            body = await self._office.work(lambda: plain_body(packed, encoding, limit))
        except HubpolicyError as error:
            return answers.too_large(error.message)
        with body:
            announced = await self._office.work(lambda: read_commands(body))
            if announced.fault:
                return await self._misnamed(arrived, intent, announced)
            reception = _Reception(self._office, self._mirrors, arrived, intent, announced)
            return await reception.run(body)

    async def _misnamed(
        self, arrived: Arrived, intent: GitPush, announced: Announced
    ) -> web.Response:
        """Nothing of it reaches git."""
        may_not = deny(hp510.check(f"git push to {intent.repo.text}", announced.fault)[0])
        self._office.metrics.denied(may_not.rule)
        with contextlib.suppress(HubpolicyError):  # a no needs no log
            await self._office.note(arrived, "denied", reason=may_not.reason, rule=may_not.rule)
        text = f"✗ hubpolicy: {may_not.rule} {may_not.reason}\n{_NOTHING}"
        return web.Response(
            body=refusal(announced, text), headers={"Content-Type": RESULT, **_FRESH}
        )

    async def _offered(self, intent: GitPush) -> web.Response:
        try:
            offer = await self._office.work(lambda: self._mirrors.advertised(intent.repo))
        except HubpolicyError as error:
            return answers.unavailable(error.message)
        kind = "application/x-git-receive-pack-advertisement"
        return web.Response(body=offer, headers={"Content-Type": kind, **_FRESH})


class _Reception:
    """One push."""

    def __init__(
        self, office: Office, mirrors: Mirrors, arrived: Arrived, intent: GitPush,
        announced: Announced,
    ) -> None:  # fmt: skip
        self._office = office
        self._mirrors = mirrors
        self._arrived = arrived
        self._repo = intent.repo
        self._intent = intent
        self._updates = announced.updates

    async def run(self, body: BinaryIO) -> web.StreamResponse:
        """Let git take it, and pass on what git says."""
        office, request = self._office, self._arrived.request
        try:
            place = await office.work(lambda: self._mirrors.synced(self._repo))
        except HubpolicyError as error:
            return answers.unavailable(error.message)
        reader = Reader(request, office.metrics, RESULT, _FRESH)
        await reader.begin()
        try:
            ended = await receive(
                self._mirrors.receiving(), self._mirrors.environment(), place, body,
                self._asked, reader.write,
            )  # fmt: skip
        except HubpolicyError as error:
            await self._refused(error.message)
            reader.leave()
            return reader.response
        if not ended.asked and self._arrived.size > len("0000"):
            await self._refused(ended.said[:500] or "git took none of it")
        await reader.end()
        return reader.response

    async def _asked(self, received: Received) -> Answer:
        """The hook's question. Whatever goes wrong with it is a no."""
        try:
            return await self._decided(received)
        except HubpolicyError as error:
            await self._refused(error.message)
            fix = f"\n    fix: {error.hint}" if error.hint else ""
            return Answer(accepted=False, text=f"hubpolicy: {error.message}{fix}\n{_NOTHING}")

    async def _refused(self, why: str) -> None:
        """Nothing was forwarded: a log that cannot be written keeps nobody from saying no."""
        with contextlib.suppress(HubpolicyError):
            await self._office.note(self._arrived, "refused", reason=why)

    async def _decided(self, received: Received) -> Answer:
        office, passage = self._office, self._office.passage
        if sorted(received.push.updates) != sorted(self._updates):
            message = "git does not take all of these refs, or tells of others"
            raise MalformedError(message)
        refs = _told(received.push)
        deadline = office.deadline()
        found = await office.judge(lambda: passage.received(self._intent, received), deadline)
        if found is None:
            raise ServiceError(office.too_late, hint=LATER)
        permission = found.permission
        if not permission.allowed:
            office.metrics.denied(permission.rule)
            await office.note(
                self._arrived, "denied", reason=permission.reason, rule=permission.rule, refs=refs
            )
            return Answer(accepted=False, text=found.text)
        return await office.finish(self._sent(received, found, refs))

    async def _sent(self, received: Received, found: Found, refs: list[str]) -> Answer:
        """To the hub, with an entry in the log before and one after."""
        office, push = self._office, received.push
        await office.note(self._arrived, "allowed", reason=found.permission.reason, refs=refs)
        try:
            sent = await office.work(
                lambda: self._mirrors.send(self._repo, push, received.quarantine)
            )
        except HubpolicyError as error:
            await office.note(self._arrived, "unanswered", reason=error.message)
            text = f"hubpolicy: {error.message}\nLook at the hub: it may have taken the push.\n"
            return Answer(accepted=False, text=text)
        status = 200 if sent.taken else 409
        await office.note(self._arrived, "answered", status=status, reason=sent.said[:500])
        if sent.taken:
            return Answer(accepted=True, text=found.text)
        text = f"hubpolicy: it passed, and the hub did not take it:\n{sent.said}\n{_NOTHING}"
        return Answer(accepted=False, text=text)


def _told(push: Push) -> list[str]:
    """For the log: each ref, where it stood, and where it shall stand."""
    told = [f"{u.remote_ref[:200]} {u.remote_oid} {u.local_oid}" for u in push.updates]
    more = len(told) - _MOST_REFS
    return [*told[:_MOST_REFS], *([f"and {more} more"] if more > 0 else [])]
