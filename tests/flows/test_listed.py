# SPDX-License-Identifier: Apache-2.0
"""A hub's listing as a release: the manifest of the folder, from small files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.domain.manifest import EvidenceFile, Listing
from hubpolicy.errors import ServiceError
from hubpolicy.flows.assemble import assemble
from hubpolicy.flows.listed import ListedRelease
from tests.flows.audited import put
from tests.flows.publishing_world import NOW, WEIGHTS, World, gate
from tests.hook.gate_world import person

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.release import RepoId


class Other:
    """A hub that says something else: about one path, or about the listing."""

    def __init__(
        self,
        hub: Any,
        path: str,
        content: bytes,
        change: Callable[[Listing], Listing] | None = None,
    ) -> None:
        self._hub, self._path, self._content, self._change = hub, path, content, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hub, name)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        found = self._hub.listing(repo, revision)
        return self._change(found) if self._change is not None else found

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        return self._content if path == self._path else self._hub.read(repo, revision, path)


def listed(world: World, hub: Any = None) -> ListedRelease:
    return ListedRelease(world.repo, world.main().oid, hub or world.client(), world.notes)


def test_the_manifest_is_that_of_the_folder(world: World) -> None:
    world.publish()
    world.asked()
    release = listed(world)
    folder = FolderRelease(world.folder)
    assert release.manifest.dir_hash == folder.manifest.dir_hash
    assert [e[:3] for e in release.manifest.entries] == [e[:3] for e in folder.manifest.entries]
    assert release.findings == ()
    assert release.evidence_files() == folder.evidence_files()
    assert not [line for line in world.asked() if WEIGHTS in line.path]


def test_it_is_judged_as_the_folder_is(world: World) -> None:
    from hubpolicy.core.judge import judge

    world.publish()
    policy, trust = gate(person())
    assert judge(assemble(listed(world), world.repo, policy, trust, NOW)).verdict == "passed"
    put(world, "config.json", b'{"auto_map": {"AutoModel": "x.Y"}}')
    evidence = assemble(listed(world), world.repo, policy, trust, NOW)
    assert evidence.remote_code == ("config.json",)
    assert {"HP308", "HP406"} <= {f.rule for f in judge(evidence).findings}


def test_small_files_are_read_once(world: World) -> None:
    world.publish()
    release = listed(world)
    assert release.manifest is release.manifest
    world.asked()
    assert release.read("config.json") == (world.folder / "config.json").read_bytes()
    assert release.head("config.json") == release.read("config.json")[:512]
    assert world.asked() == []


@pytest.mark.parametrize("path", [WEIGHTS, "no-such-file"])
def test_large_contents_are_not_fetched_for_their_first_bytes(world: World, path: str) -> None:
    world.publish()
    with pytest.raises(ServiceError, match="not at hand"):
        listed(world).head(path)


def test_what_is_not_there_cannot_be_read(world: World) -> None:
    world.publish()
    with pytest.raises(ServiceError, match="no file"):
        listed(world).read("no-such-file")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"architectures": ["GptForCausalLM"]}!'])
def test_a_hub_that_sends_other_bytes_than_it_listed_is_found(world: World, content: bytes) -> None:
    world.publish()
    with pytest.raises(ServiceError, match="not what the hub listed"):
        listed(world, Other(world.client(), "config.json", content)).manifest.dir_hash  # noqa: B018


def test_a_large_file_without_a_digest_is_not_read(world: World) -> None:
    def huge(listing: Listing) -> Listing:
        return Listing(
            tuple(f._replace(size=10**9) if f.path == "config.json" else f for f in listing.files)
        )

    world.publish()
    with pytest.raises(ServiceError, match="expected at most"):
        listed(world, Other(world.client(), "", b"", huge)).manifest.dir_hash  # noqa: B018


def test_refused_paths_are_findings_and_not_in_the_manifest(world: World) -> None:
    def odd(listing: Listing) -> Listing:
        twin = next(f for f in listing.files if f.path == "config.json")
        return Listing(
            (*listing.files, twin._replace(path="../x"), twin._replace(path="Config.json"))
        )

    world.publish()
    release = listed(
        world,
        Other(world.client(), "Config.json", (world.folder / "config.json").read_bytes(), odd),
    )
    assert {f.rule for f in release.findings} == {"HP401", "HP403"}
    assert "../x" not in {e.path for e in release.manifest.entries}


def test_evidence_is_no_part_of_the_manifest(world: World) -> None:
    world.publish()
    release = listed(world)
    kept = {file.path for file in release.evidence_files()}
    assert kept
    assert not kept & {e.path for e in release.manifest.entries}
    assert all(isinstance(file, EvidenceFile) and file.content for file in release.evidence_files())
