# SPDX-License-Identifier: Apache-2.0
"""The ``audit`` trip to a bucket: one tree without commits, and without digests to compare.

What lies in a bucket can be overwritten without a trace, and a hub gives no sha256 of it. So no
evidence can be about it, and whatever is like weights there is UNATTESTED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.lines import named
from hubpolicy.core.listed_weights import publishes_weights
from hubpolicy.core.rules import hp301
from hubpolicy.core.rules.hp401 import printable
from hubpolicy.domain.finding import Finding
from hubpolicy.errors import AccessError, HubpolicyError
from hubpolicy.flows.auditing import RefVerdict

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.flows.auditing import Court
    from hubpolicy.ports import HistoryReader, Progress


def audit_bucket(
    repo: RepoId,
    hub: HistoryReader,
    court: Court,  # noqa: ARG001 - no policy makes a bucket's weights known
    progress: Progress,  # noqa: ARG001
) -> tuple[RefVerdict, ...]:
    """One verdict if there is something like weights in it, else none.

    Raises:
        AccessError: this login may not see it.

    """
    (ref,) = hub.refs(repo)
    try:
        listing = hub.listing(repo, ref.oid)
    except AccessError:
        raise
    except HubpolicyError as error:
        return (RefVerdict(repo, ref.name, "", "UNREADABLE", error.message),)
    paths = tuple(
        printable(file.path.encode("utf-8", "surrogatepass"))
        for file in listing.files
        if publishes_weights(file)
    )
    if not paths:
        return ()
    said = f"{named(paths)}: what lies in a bucket has no sha256 that evidence could name"
    message = f"{repo.text}: {said}"
    fix = f"release it: hubpolicy push PATH NAMESPACE/NAME; here: hf buckets remove {repo.text}/..."
    finding = Finding(hp301.ID, hp301.SEVERITY, message, None, fix, "inconclusive")
    return (RefVerdict(repo, ref.name, "", "UNATTESTED", said, (finding,), weights=True),)
