# SPDX-License-Identifier: Apache-2.0
"""What each repository of an audit is read from: its hub, a bare clone of it, or a folder here."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.adapters.audit_store import AuditStore
    from hubpolicy.adapters.deep_hub import Reading
    from hubpolicy.cli.audit_targets import Targets
    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.storage import StoredObject
    from hubpolicy.flows.seen import Opened
    from hubpolicy.flows.storing import Storage
    from hubpolicy.flows.surveying import Opening
    from hubpolicy.ports import HistoryReader


class Sources(NamedTuple):
    """Where to read: the targets, what earlier audits have read, and from clones or by requests.

    ``unread``: for what a deep audit leaves unread, by digest; None where nobody asked for one.
    ``endpoints``: hubs of repositories that are not known yet.
    """

    targets: Targets
    store: AuditStore | None
    cloning: bool
    unread: dict[str, int] | None = None
    endpoints: frozenset[str] = frozenset()


def opening(sources: Sources) -> Opening:
    """Opens a repository for as long as it is looked at.

    What is said by a folder here is never kept: somebody may have written its objects by hand,
    and the hub's commit of the same id is another matter.
    """
    from hubpolicy.adapters.clone import ClonedHub
    from hubpolicy.adapters.deep_hub import DeepHub, downloading
    from hubpolicy.adapters.hub import HubClient
    from hubpolicy.adapters.hub_buckets import HubBuckets
    from hubpolicy.adapters.local_clone import open_clone
    from hubpolicy.adapters.login import login_token
    from hubpolicy.adapters.stored_hub import StoredHub, kept_lineage
    from hubpolicy.flows.seen import Opened, SeenHub

    targets, store, cloning, unread, more = sources
    hubs = more | {repo.endpoint for repo in targets.repos if repo not in targets.places}
    token = login_token() if hubs else None
    clients = {hub: HubClient(hub, token) for hub in hubs}
    buckets = {hub: HubBuckets(hub, token) for hub in hubs}

    def watched(reader: HistoryReader, reading: Reading, kept: AuditStore | None) -> Opened:
        seen = SeenHub(reader)
        return Opened(seen if unread is None else DeepHub(seen, reading, kept, unread), seen)

    @contextmanager
    def opened(repo: RepoId) -> Iterator[Opened]:
        if repo.repo_type == "bucket":
            yield watched(buckets[repo.endpoint], lambda *_: None, None)
            return
        if repo in targets.places:
            clone = open_clone(targets.places[repo], repo)
            yield watched(clone, clone.read_large, None)._replace(lineage=clone.lineage)
            return
        client = clients[repo.endpoint]
        source = ClonedHub(client, repo, token) if cloning else nullcontext(client)
        with source as reader:
            plain = reader if store is None else StoredHub(reader, store)
            whole = watched(plain, downloading(reader), store)
            if isinstance(reader, ClonedHub):
                lineage = kept_lineage(reader.lineage, store)
                whole = whole._replace(lineage=lineage, unnamed=reader.unnamed)
            yield whole

    return opened


def storage(targets: Targets) -> Storage:
    """Lists a repository's LFS storage on its hub. Neither a folder here nor a bucket has one."""
    from hubpolicy.adapters.hub_storage import HubStorage
    from hubpolicy.adapters.login import login_token

    remote = {each.endpoint for each in targets.repos if each not in targets.places}
    token = login_token() if remote else None
    hubs = {endpoint: HubStorage(endpoint, token) for endpoint in remote}

    def listed(repo: RepoId) -> tuple[StoredObject, ...]:
        beside = repo in targets.places or repo.repo_type == "bucket"
        return () if beside else hubs[repo.endpoint].objects(repo)

    return listed
