# SPDX-License-Identifier: Apache-2.0
"""The Git LFS storage of a repo, listed: what was ever sent to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.demo.hub.api_files import next_link
from hubpolicy.demo.hub.git import git
from hubpolicy.demo.hub.repository import TreeEntry, pointers
from hubpolicy.demo.hub.wire import Reply, bad_request, json_reply

if TYPE_CHECKING:
    from hubpolicy.demo.hub.calls import Call


def listing(call: Call) -> Reply:
    """``GET …/lfs-files``: a page of the objects, for whoever may write.

    A name is known of what a commit has or had.
    """
    call.writer()
    record = call.record()
    names = _names(call)
    sent = sorted(record.lfs)
    start, size = page_of(call)
    page = []
    for sha256 in sent[start : start + size]:
        item: dict[str, Any] = {
            "fileOid": sha256,
            "oid": sha256,
            "size": call.hub.files.size(sha256) or 0,
            "pushedAt": record.created,
        }
        if sha256 in names:
            item["filename"] = names[sha256]
        page.append(item)
    more = start + size < len(sent)
    headers = (next_link(call, {"cursor": str(start + size)}),) if more else ()
    return json_reply(page, headers=headers)


def page_of(call: Call) -> tuple[int, int]:
    """Return where the page that is asked for begins, and how many it holds at most.

    Raises:
        HubError: 400 for a cursor that is not this hub's.
    """
    cursor, limit = call.request.first("cursor", "0"), call.request.first("limit")
    if not cursor.isdecimal() or len(cursor) > 9:
        msg = "the cursor was not made by this hub"
        raise bad_request(msg)
    size = call.settings.page_size
    if limit.isdecimal() and len(limit) <= 9:
        size = max(1, min(size, int(limit)))
    return int(cursor), size


def _names(call: Call) -> dict[str, str]:
    """One path for each large file that a commit has or had."""
    listed = git(call.bare, "rev-list", "--objects", "--all").decode("utf-8", "replace")
    paths = dict(line.partition(" ")[::2] for line in listed.splitlines())
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    facts = git(call.bare, "cat-file", form, stdin="\n".join(paths).encode()).decode().split("\n")
    files = [
        TreeEntry("100644", kind, oid, int(size), paths[oid])
        for oid, kind, size in (line.split(" ") for line in facts[:-1])
    ]
    by_blob = {file.oid: file.path for file in files}
    return {large.sha256: by_blob[oid] for oid, large in pointers(call.bare, files).items()}
