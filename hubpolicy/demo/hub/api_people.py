# SPDX-License-Identifier: Apache-2.0
"""Who belongs to an organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.demo.hub.accounts import require_account
from hubpolicy.demo.hub.api_files import next_link
from hubpolicy.demo.hub.api_storage import page_of
from hubpolicy.demo.hub.wire import HubError, Reply, json_reply

if TYPE_CHECKING:
    from hubpolicy.demo.hub.calls import Call


def members(call: Call) -> Reply:
    """``GET /api/organizations/{org}/members``: a page of them, by name."""
    require_account(call.account)
    name = call.param("organization")
    people = {each.name for each in call.hub.accounts.load().values() if name in each.orgs}
    if not people:
        raise HubError(404, f"Organization not found: {name}")
    start, size = page_of(call)
    page = [
        {"_id": user, "user": user, "fullname": user, "avatarUrl": "", "type": "user"}
        for user in sorted(people)[start : start + size]
    ]
    more = start + size < len(people)
    headers = (next_link(call, {"cursor": str(start + size)}),) if more else ()
    return json_reply(page, headers=headers)
