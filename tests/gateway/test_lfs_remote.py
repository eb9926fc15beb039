# SPDX-License-Identifier: Apache-2.0
"""Large contents that lie on a hub, looked at as if they were on this disk."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters import lfs_remote
from hubpolicy.adapters.lfs_remote import HubLfsStore
from hubpolicy.core.lfs_pointer import Pointer
from hubpolicy.domain.release import parse_repo_id
from hubpolicy.errors import AccessError, ServiceError
from tests.e2e.author import TOKEN
from tests.hub.world import ask

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess

CONTENT = gzip.compress(bytes(range(256)) * 400, mtime=0) * 3
POINTER = Pointer(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def store(hub: HubProcess, repo: str) -> HubLfsStore:
    """A repository to which one object was uploaded; no commit names it."""
    name = repo.partition("/")[2]
    ask(f"{hub.endpoint}/api/repos/create", "POST", body={"name": name, "organization": "acme"})
    asked = {"operation": "upload", "objects": [{"oid": POINTER.sha256, "size": POINTER.size}]}
    answer = ask(f"{hub.endpoint}/{repo}.git/info/lfs/objects/batch", "POST", body=asked)
    actions = answer.json["objects"][0].get("actions")
    if actions is not None:
        ask(actions["upload"]["href"], "PUT", body=CONTENT, token=None)
    return HubLfsStore(parse_repo_id(repo, endpoint="https://hub.example"), hub.endpoint, TOKEN)


def test_heads_and_contents_are_the_uploaded_bytes(store: HubLfsStore, hub: HubProcess) -> None:
    assert store.head(POINTER, 0) == b""
    assert store.head(POINTER, 100) == CONTENT[:100]
    assert store.head(POINTER, 2000) == CONTENT[:2000]
    assert store.read(POINTER, 10**6) == CONTENT
    assert store.is_intact(POINTER)
    mark = len(hub.requests(POINTER.sha256))
    assert mark > 0
    store.head(POINTER, 512)
    assert len(hub.requests(POINTER.sha256)) == mark  # known by now


@pytest.mark.parametrize(
    "wrong",
    [
        POINTER._replace(sha256="e" * 64),
        POINTER._replace(size=POINTER.size + 1),
        POINTER._replace(size=POINTER.size - 1),
        POINTER._replace(size=0),
    ],
)
def test_what_is_not_there_or_not_so_long_is_an_error(store: HubLfsStore, wrong: Pointer) -> None:
    for look in (store.head, store.read):
        with pytest.raises(ServiceError, match="on the hub"):
            look(wrong, 512 if look == store.head else 10**6)


def test_limits_are_kept(store: HubLfsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServiceError, match="expected 10"):
        store.read(POINTER, 10)
    monkeypatch.setattr(lfs_remote, "_MOST", 0)
    with pytest.raises(ServiceError, match="more LFS objects"):
        store.head(POINTER, 512)


def test_a_login_that_opens_nothing_is_an_error(hub: HubProcess, store: HubLfsStore) -> None:
    stranger = HubLfsStore(parse_repo_id("acme/nowhere"), hub.endpoint, "hf_nobody")
    with pytest.raises(AccessError):
        stranger.head(POINTER, 512)
    assert store.head(POINTER, 1)
