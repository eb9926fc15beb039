# SPDX-License-Identifier: Apache-2.0
"""``PUT /.hubpolicy/evidence/models/NAMESPACE/NAME``: evidence ahead of its bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO

from hubpolicy.core.submission import LIMIT
from hubpolicy.errors import HubpolicyError, ServiceError
from hubpolicy.gateway import answers, intake
from hubpolicy.gateway.office import entry_of

if TYPE_CHECKING:
    from aiohttp import web

    from hubpolicy.domain.release import RepoId
    from hubpolicy.gateway.holders import Holder
    from hubpolicy.gateway.office import Office


async def answer(
    request: web.Request, path: str, holder: Holder | None, office: Office, slots: intake.Slots
) -> web.StreamResponse:
    """Take it in, have it judged, keep it if it passes."""
    target = answers.evidence_target(path, office.settings.endpoint)
    if target is None or request.method != "PUT":
        return answers.no_such_page()
    if holder is None:
        return answers.no_login()
    if not holder.writes:
        return answers.out_of_scope(intake.READ_ONLY)
    if not holder.may(target.text):
        return answers.out_of_scope(f"this token is not for {target.text}")

    async def submitted(body: BinaryIO, _: int) -> web.Response:
        return await _submitted(request, target, body.read(), holder, office)

    return await intake.with_body(request, path, LIMIT, slots.taken(holder.name), submitted)


async def _submitted(
    request: web.Request, target: RepoId, content: bytes, holder: Holder, office: Office
) -> web.Response:
    entry = {"repo": target.text, "sha256": hashlib.sha256(content).hexdigest()}

    deadline = office.deadline()

    def note(verdict: str) -> None:
        if not deadline.take():
            raise ServiceError(office.too_late)
        office.records.note(entry_of(request, holder, "submitted", verdict=verdict, **entry))

    try:
        decision = await office.judge(
            lambda: office.passage.submit(target, content, holder.name, note), deadline
        )
    except ServiceError as error:  # of the hub's, or ours: that says nothing of the evidence
        await office.write_down(request, holder, "refused", reason=error.message, **entry)
        return answers.busy(error.message)
    except HubpolicyError as error:
        await office.write_down(request, holder, "refused", reason=error.message, **entry)
        return answers.refused(error.message, error.hint)
    if decision is None:
        await office.write_down(request, holder, "refused", reason=office.too_late, **entry)
        return answers.busy(office.too_late)
    return answers.verdict(decision)
