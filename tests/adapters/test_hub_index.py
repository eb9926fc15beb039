# SPDX-License-Identifier: Apache-2.0
"""Lists of a hub: what is in a collection and is no repository is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.hub_http import NotFoundError
from hubpolicy.adapters.hub_index import HubIndex
from hubpolicy.cli.audit_targets import resolve, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS = (
    ("acme/tern", "model"), ("2307.09288", "paper"), ("acme/text", "dataset"),
    ("acme/logs", "bucket"), ("acme/app", "space"), ("2307.09289", "paper"),
    ("acme/more-66f0c2", "collection"),
)  # fmt: skip


class _Collections(BaseHTTPRequestHandler):
    """A hub that has two: one of everything, and one of papers."""

    def do_GET(self) -> None:
        kept = ITEMS if self.path.endswith("/birds-66f0c1") else (("2307.09288", "paper"),)
        items = [
            {"_id": f"{n:024x}", "id": name, "type": kind, "position": n}
            for n, (name, kind) in enumerate(kept)
        ]
        body = json.dumps({
            "slug": "acme/birds-66f0c1", "title": "Birds", "owner": {"name": "acme"},
            "items": items, "lastUpdated": "2026-11-01T00:00:00.000Z", "position": 0,
            "private": False, "theme": "blue", "upvotes": 0,
        }).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collections)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_collections_repositories_and_buckets_and_what_else_is_in_it(address: str) -> None:
    found, others = HubIndex(address, None).collection("acme/birds-66f0c1")
    assert [shown(repo) for repo in found] == [
        "acme/tern", "datasets/acme/text", "buckets/acme/logs", "spaces/acme/app",
    ]  # fmt: skip
    assert others == ("paper", "paper", "collection")


def test_what_is_left_out_of_a_collection_is_told(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    meant = resolve(("collections/acme/birds-66f0c1",), ())
    assert len(meant.repos) == 4
    ((name, text, _),) = meant.told
    assert (name, text) == (
        "collections/acme/birds-66f0c1", "collection 1, paper 2: not looked at",
    )  # fmt: skip


def test_a_collection_of_papers_has_nothing_to_audit(address: str) -> None:
    with pytest.raises(NotFoundError, match="holds no repository"):
        HubIndex(address, None).collection("acme/papers-66f0c3")
