# SPDX-License-Identifier: Apache-2.0
"""Listens, asks who it is, has it judged, writes it down, and only then carries it to the hub.

The log has an entry before a write is forwarded and one after: what cannot be written down is not
forwarded. Requests that move something of one repository wait for each other, from the judgement
to the hub's answer, so that nothing that passes here comes between.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, BinaryIO

from aiohttp import web

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.core.gateways import LOGIN_HEADER
from hubpolicy.core.hub_commit import LINE_LIMIT, with_parent
from hubpolicy.core.hub_lists import is_of_people, people, seen_by
from hubpolicy.core.hub_paths import segments
from hubpolicy.core.hub_requests import parse_request, takes_body
from hubpolicy.core.submission import LIMIT as SUBMISSION_LIMIT
from hubpolicy.domain import hub_request as wire
from hubpolicy.domain.hub_request import Commit, HubRequest
from hubpolicy.errors import HubpolicyError, MalformedError, ServiceError
from hubpolicy.flows.flipping import CHANGED
from hubpolicy.flows.gate_watch import allow
from hubpolicy.gateway import answers, evidence_page, intake
from hubpolicy.gateway.docket import Docket
from hubpolicy.gateway.forwarding import Answered, Courier, Outgoing
from hubpolicy.gateway.git_service import GitService
from hubpolicy.gateway.headers import granting, hiding, password, renaming, replaced, reworked
from hubpolicy.gateway.holders import PREFIX
from hubpolicy.gateway.metrics import CONTENT_TYPE
from hubpolicy.gateway.office import Arrived, Office
from hubpolicy.gateway.passage import Asked, covers, is_open, repos_of
from hubpolicy.gateway.readiness import Readiness
from hubpolicy.gateway.relay import STORAGE, Relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.flows.gating import Permission
    from hubpolicy.gateway.headers import Change
    from hubpolicy.gateway.holders import Holder
    from hubpolicy.gateway.passage import Passage
    from hubpolicy.gateway.records import Records
    from hubpolicy.gateway.settings import Settings

_MOVES = (
    wire.Commit, wire.Merge, wire.Settings, wire.Tag, wire.Branch, wire.SuperSquash, wire.Move,
    wire.Duplicate, wire.Delete, wire.CreateRepo, wire.GitPush,
)  # fmt: skip
_LAST_WORDS_SECONDS = 1.0
_NAMED = (wire.Commit, wire.CreateRepo, wire.Duplicate, wire.LfsBatch)
"""Their answers are JSON that names addresses of the hub."""


class Gateway:
    """One gateway before one hub."""

    def __init__(self, settings: Settings, records: Records, passage: Passage) -> None:
        self._settings = settings
        self._records = records
        self._passage = passage
        self._office = Office(settings, records, passage)
        self._metrics = self._office.metrics
        self._docket = Docket(self._office)
        self._git = GitService(self._office)
        self._relay = Relay(settings.upstream, secrets.token_bytes(32))
        self._turns = intake.Turns()
        self._large, self._small = intake.Slots(8, 4), intake.Slots(32, 16)
        self._courier: Courier | None = None
        self.readiness = Readiness(self._reached)
        self._quiet = asyncio.Event()
        self.draining = False

    def app(self) -> web.Application:
        """What aiohttp serves."""
        made = web.Application(client_max_size=SUBMISSION_LIMIT)
        made.router.add_route("*", "/{rest:.*}", self.handle)
        made.cleanup_ctx.append(self._open)
        return made

    async def _open(self, app: web.Application) -> AsyncIterator[None]:
        del app
        self._courier = Courier(self._settings, self._metrics)
        self._passage.lend(self._courier.asks(self._settings.token))
        await self._office.work(self._git.sweep)
        yield
        self._passage.lend(None)
        await self._courier.close()
        await self._office.close()
        self._docket.settle()

    async def _reached(self) -> int | str:
        return await self._courier.reach(self._settings.token) if self._courier else "starting"

    async def drain(self, seconds: float) -> None:
        """Take nothing new, and wait for what was begun; for the rest of a body only so long.

        The server's own drain would not: it reads nothing more of any connection.
        """
        self.draining = True
        await self._quieted(seconds)
        if self._courier is not None:
            self._courier.hurry()
            await self._quieted(min(seconds, _LAST_WORDS_SECONDS))

    async def _quieted(self, seconds: float) -> None:
        if self._metrics.in_flight:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), seconds)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self._metrics.in_flight += 1
        try:
            return await self._answer(request)
        finally:
            self._metrics.in_flight -= 1
            if self.draining and not self._metrics.in_flight:
                self._quiet.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        page = await self._page(path)
        if page is not None:
            return page
        if self.draining:
            return answers.busy("the gateway ends")
        if path.startswith(STORAGE):
            return await self._stored(request, path)
        try:
            holder = self._holder(request)
        except MalformedError as error:
            self._metrics.denied("login")
            return answers.unknown_login(error.message)
        if path.startswith("/.hubpolicy/"):
            return await evidence_page.answer(request, path, holder, self._office, self._large)
        if path == "/api/whoami-v2" and holder is not None:
            return answers.whoami(holder)
        if not takes_body(request.method, path) and not intake.is_pack(path):
            return await self._known(request, path, holder, None, 0)
        if holder is None:
            self._metrics.denied("login")
            return answers.no_login()
        strange = intake.stranger_to(path, holder)
        if strange:
            reason = f"this token is not for {strange}" if holder.writes else intake.READ_ONLY
            await self._office.write_down(request, holder, "denied", repo=strange, reason=reason)
            self._metrics.denied("scope")
            return answers.out_of_scope(reason)
        return await self._with_body(request, path, holder)

    async def _page(self, path: str) -> web.Response | None:
        """What anybody may ask us."""
        if path == "/healthz":
            return answers.health("draining" if self.draining else "")
        if path == "/readyz":
            stuck = "" if self.draining else self._office.trouble
            if stuck:
                return answers.health(stuck)
            return await self.readiness.answer(draining=self.draining)
        if path == "/metrics":
            self._metrics.hub_up = not await self.readiness.trouble()
            return web.Response(text=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})
        return None

    async def _with_body(
        self, request: web.Request, path: str, holder: Holder
    ) -> web.StreamResponse:
        """Read the body, which decides, and answer; so many at once, and the others wait."""
        limit = intake.limit_of(path, self._settings.commit_limit)
        slots = self._large if intake.is_large(path) else self._small

        async def known(body: BinaryIO, size: int) -> web.StreamResponse:
            return await self._known(request, path, holder, body, size)

        return await intake.with_body(request, path, limit, slots.taken(holder.name), known)

    async def _known(
        self, request: web.Request, path: str, holder: Holder | None, body: BinaryIO | None,
        size: int,
    ) -> web.StreamResponse:  # fmt: skip
        if body is None or size <= intake.SMALL:
            intent = self._parsed(request, path, body)
        else:
            intent = await self._office.work(lambda: self._parsed(request, path, body))
        arrived = Arrived(request, Asked(holder, intent), path, body, size)
        response = await self._pass(arrived)
        self._metrics.answered(arrived.kind, response.status)
        return response

    def _holder(self, request: web.Request) -> Holder | None:
        """Who it is, by a bearer token, or as the password that git sends; None without a login."""
        if PREFIX in request.raw_path:
            message = "got a token in the address, expected it in the Authorization header alone"
            raise MalformedError(message)
        listed = request.headers.getall("Authorization", [])
        if not listed:
            return None
        holder = self._records.holder_of(password(listed[0])) if len(listed) == 1 else None
        if holder is None or not holder.holds(SystemClock().now()):
            message = "this gateway does not know this token, or it expired, or was revoked"
            raise MalformedError(message)
        return holder

    def _parsed(self, request: web.Request, path: str, body: BinaryIO | None) -> Intent:
        query = request.raw_path.partition("?")[2]
        pairs = tuple((name, value) for name, value in request.headers.items())
        asked = HubRequest(request.method, path, query, pairs, body if body is not None else b"{}")
        return parse_request(asked, self._settings.endpoint)

    async def _pass(self, arrived: Arrived) -> web.StreamResponse:
        if is_open(arrived.intent):
            login = self._settings.token if covers(arrived.asked) else ""
            return (await self._forward(arrived, login)).response
        if arrived.asked.holder is None:
            self._metrics.denied("login")
            return answers.no_login()
        if not arrived.asked.holder.writes:
            await self._office.note(arrived, "denied", reason=intake.READ_ONLY)
            self._metrics.denied("scope")
            return answers.out_of_scope(intake.READ_ONLY)
        if repos_of(arrived.intent) and not covers(arrived.asked):
            reason = f"this token is not for {', '.join(repos_of(arrived.intent))}"
            await self._office.note(arrived, "denied", reason=reason)
            self._metrics.denied("scope")
            return answers.out_of_scope(reason)
        if isinstance(arrived.intent, wire.LfsVerify):
            return await self._judged(arrived, allow("what was uploaded, was judged"))
        async with contextlib.AsyncExitStack() as stack:
            try:
                names = repos_of(arrived.intent) if isinstance(arrived.intent, _MOVES) else ()
                await stack.enter_async_context(self._turns.taken(names))
            except ServiceError as error:
                return answers.busy(error.message)
            return await self._judged(arrived)

    async def _judged(
        self, arrived: Arrived, given: Permission | None = None
    ) -> web.StreamResponse:
        """Have it judged, unless that is ``given``, and written down; then it goes to the hub."""
        try:
            ruling = await self._docket.rule(arrived, given)
        except HubpolicyError as error:
            return answers.unavailable(error.message)
        permission = ruling.permission
        if not permission.allowed:
            self._metrics.denied(permission.rule)
            return answers.denied(
                permission, git=arrived.request.headers.get("User-Agent", "").startswith("git/")
            )
        if isinstance(arrived.intent, wire.GitPush):
            return await self._git.answer(arrived, arrived.intent)
        done = await self._forward(arrived, self._settings.token, permission)
        after = await self._docket.answered(arrived, ruling, done.status, done.raw)
        self._metrics.incidents += after.incidents
        if after.moved:
            return answers.moved(f"{CHANGED} {after.moved}", " ".join(repos_of(arrived.intent)))
        return done.response

    async def _forward(
        self, arrived: Arrived, login: str, permission: Permission | None = None
    ) -> Answered:
        request, ours = arrived.request, self._ours(arrived.request)
        out = Outgoing(self._settings.upstream + request.raw_path, login)
        if arrived.body is not None:
            line, size = b"", arrived.size
            arrived.body.seek(0)
            if permission is not None and permission.pinned and isinstance(arrived.intent, Commit):
                old = arrived.body.readline(LINE_LIMIT)
                line = with_parent(old, permission.pinned)
                size += len(line) - len(old)
            out = out._replace(file=arrived.body, line=line, size=size)
        change = self._change(arrived, ours, login, permission)
        # Whoever takes a list for all that there is has to know that it is not.
        out = out._replace(answer=change, told=() if login else ((LOGIN_HEADER, "none"),))
        if self._courier is None:
            return Answered(answers.unavailable("the gateway is starting"), 0)
        return await self._courier.carry(request, out, ours)

    def _change(
        self, arrived: Arrived, ours: str, login: str, permission: Permission | None
    ) -> Callable[[bytes], bytes] | None:
        """What to make of the hub's answer: its addresses are ours, and our login is nobody's."""
        hidden = hiding(self._settings.token)
        if login and isinstance(arrived.intent, wire.Read) and arrived.intent.namespace:
            return lambda raw: reworked(raw, _shown_to(arrived), hidden, strictly=True)
        if isinstance(arrived.intent, _NAMED):
            changes = [renaming(self._renamer(arrived.intent, ours)), hidden]
            if isinstance(arrived.intent, wire.LfsBatch):
                changes.append(granting(arrived.request.headers["Authorization"], ours))
            return lambda raw: reworked(raw, *changes)
        if login and intake.is_batch(arrived.path):  # to download
            return lambda raw: reworked(raw, hidden)
        # What the hub said is written down before it is passed on.
        return bytes if permission is not None else None

    def _renamer(self, intent: Intent, ours: str) -> Callable[[str], str]:
        hub, relay = self._settings.upstream, self._relay
        if self._settings.relays and isinstance(intent, wire.LfsBatch):
            return lambda address: relay.sealed(address, ours)
        return lambda address: replaced(address, hub, ours)

    def _ours(self, request: web.Request) -> str:
        return self._settings.public_url or f"{request.scheme}://{request.host}"

    async def _stored(self, request: web.Request, path: str) -> web.StreamResponse:
        """Bytes from and to storage, by an address that we sealed."""
        address = self._relay.opened(path)
        if address is None or self._courier is None or not self._settings.relays:
            return answers.no_such_page()
        out = Outgoing(address, "", straight=True)
        response = (await self._courier.carry(request, out, self._ours(request))).response
        self._metrics.answered("Storage", response.status)
        return response


def _shown_to(arrived: Arrived) -> Change:
    """What of a list, made with the hub's token, is for the one who asks."""
    holder = arrived.asked.holder
    if holder is None or is_of_people(segments(arrived.path)):
        return people
    return lambda value: seen_by(value, holder.may)
