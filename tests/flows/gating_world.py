# SPDX-License-Identifier: Apache-2.0
"""What tests of the gate share: somebody who watches a hub, and requests made of folders."""

from __future__ import annotations

import base64
import json
import warnings
from typing import TYPE_CHECKING, Any

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core.hub_requests import parse_request
from hubpolicy.domain.hub_request import Announced, Commit, HubRequest, LfsObject
from hubpolicy.domain.manifest import GIT_BLOB_LIMIT
from hubpolicy.flows.assemble import assemble_listing
from hubpolicy.flows.auditing import Court
from hubpolicy.flows.gating import Permission, Watch, decide, known_release
from tests.flows.publishing_world import NOW, WEIGHTS, World, gate
from tests.hook.gate_world import person, sign

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import KnownRelease
    from tests.flows.publishing_world import World

HEADERS = (("Authorization", "Bearer hf_alice"), ("Content-Type", "application/json"))
NDJSON = (("Authorization", "Bearer hf_alice"), ("Content-Type", "application/x-ndjson"))
WEIGHTY = (".safetensors", ".onnx", ".data", ".bin")
EVIL = "d" * 64
"""Of no file."""


class Known:
    """Port ``KnownReleases``: what was put there."""

    def __init__(self, *releases: KnownRelease) -> None:
        self.releases = releases

    def of(self, target: RepoId) -> tuple[KnownRelease, ...]:
        return self.releases


def known_in(folder: Path, target: RepoId, *, now: str = NOW) -> Known:
    """What a folder's evidence says, before any of its bytes is sent."""
    reader = FolderRelease(folder)
    files = reader.evidence_files()
    sizes = tuple((entry.path, entry.size) for entry in reader.manifest.entries)
    found = known_release(files, sizes, target, gate(person())[1], now)
    assert found is not None
    return Known(found)


def watch(world: World, known: Known | None = None, *, now: str = NOW, **changes: Any) -> Watch:
    """Somebody with ada's gate; ``changes`` are to the policy."""
    policy, trust = gate(person())
    court = Court(policy._replace(**changes), trust, now, assemble_listing)
    return Watch(court, world.client(), known or Known())


def ask(intent: Intent, world: World, known: Known | None = None, **changes: Any) -> Permission:
    return decide(intent, watch(world, known, **changes))


def parsed(
    method: str, path: str, body: Any = b"", *, query: str = "", endpoint: str = "https://hub.test"
) -> Intent:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_request(HubRequest(method, path, query, HEADERS, raw), endpoint)


def line(key: str, **value: Any) -> bytes:
    return json.dumps({"key": key, "value": value}).encode() + b"\n"


def header(parent: str = "") -> bytes:
    named = {"parentCommit": parent} if parent else {}
    return line("header", summary="a", description="", **named)


def ndjson(folder: Path, *, parent: str = "", without: tuple[str, ...] = ()) -> bytes:
    """The commit that the client would send of a folder: weights by their digests, the rest whole."""
    reader = FolderRelease(folder)
    lines = [header(parent)]
    for entry in reader.manifest.entries:
        if entry.path in without:
            continue
        if entry.path.endswith(WEIGHTY) or entry.size > GIT_BLOB_LIMIT:
            lines.append(
                line("lfsFile", path=entry.path, algo="sha256", oid=entry.sha256, size=entry.size)
            )
        else:
            lines.append(small(entry.path, reader.read(entry.path)))
    lines += [small(path, content) for path, content in reader.evidence_files()
              if path not in without]  # fmt: skip
    return b"".join(lines)


def small(path: str, content: bytes) -> bytes:
    text = base64.b64encode(content).decode()
    return line("file", path=path, content=text, encoding="base64")


def commit(world: World, body: bytes, *, revision: str = "main", query: str = "") -> Commit:
    path = f"/api/models/{world.repo.text}/commit/{revision}"
    request = HubRequest("POST", path, query, NDJSON, body)
    intent = parse_request(request, world.repo.endpoint)
    assert isinstance(intent, Commit), intent
    return intent


def announced(folder: Path) -> tuple[Announced, ...]:
    reader = FolderRelease(folder)
    return tuple(
        Announced(e.path, e.size, (folder / e.path).read_bytes()[:512])
        for e in reader.manifest.entries
    )


def harm(world: World, call: str, **options: Any) -> Any:
    """Write by the official client, past every gate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(world.api, call)(repo_id=world.repo.text, **options)


def released(world: World) -> Known:
    """A signed folder for this world's repository, which nobody has uploaded."""
    world.model()
    sign(world.folder, person(), target=world.repo)
    return known_in(world.folder, world.repo)


def stage(world: World, *, private: bool = True) -> str:
    """An empty repository on the hub; its head."""
    world.api.create_repo(world.repo.text, private=private)
    return world.main().oid


def weights(world: World) -> tuple[LfsObject, ...]:
    """The large files of its folder, as they are announced."""
    entries = FolderRelease(world.folder).manifest.entries
    return tuple(LfsObject(e.sha256, e.size) for e in entries if e.path == WEIGHTS)
