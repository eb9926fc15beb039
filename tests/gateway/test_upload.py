# SPDX-License-Identifier: Apache-2.0
"""The official client, unmodified, through the gateway: with evidence and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.e2e.author import TOKEN
from tests.gateway.world import client_of, person

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author
    from tests.gateway.world import GatewayProcess


def at_hub(hub: HubProcess) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=TOKEN)


@pytest.mark.parametrize("client", ["2.x", "1.x"])
def test_hf_upload_passes_with_evidence_and_the_tree_is_the_folder(
    ada: Author, bob: Author, gateway: GatewayProcess, hub: HubProcess, release: Path, repo: str,
    client: str, tmp_path: Path,
) -> None:  # fmt: skip
    bob.ok("gateway", "submit", release, repo)
    sender = person(ada, tmp_path / "other", gateway.endpoint, bob.environment["HF_TOKEN"], client)
    done = sender.hf("upload", repo, release, "--quiet")
    assert hub.endpoint not in done.text
    ada.ok("audit", repo)
    found = at_hub(hub).verify_repo_checksums(repo, local_dir=release)
    assert not found.mismatches
    assert not found.missing_paths
    from huggingface_hub import snapshot_download

    copy = snapshot_download(
        repo, endpoint=gateway.endpoint, token=bob.environment["HF_TOKEN"],
        cache_dir=tmp_path / "cache",
    )  # fmt: skip
    got = {p.name: p.read_bytes() for p in type(release)(copy).iterdir() if p.is_file()}
    assert got == {p.name: p.read_bytes() for p in release.iterdir() if p.is_file()}


def test_without_evidence_nothing_comes_into_being(
    bob: Author, hub: HubProcess, bare: Path, repo: str
) -> None:
    api = client_of(bob)
    with pytest.raises(HfHubHTTPError, match=f"hubpolicy gateway submit PATH {repo}"):
        api.create_repo(repo)
    at_hub(hub).create_repo(repo, private=True)
    with pytest.raises(HfHubHTTPError, match="HP511"):
        api.upload_folder(repo_id=repo, folder_path=str(bare))
    assert set(at_hub(hub).list_repo_files(repo)) == {".gitattributes"}


def test_our_own_push_at_a_gateway_says_what_to_type_there(
    ada: Author, gateway: GatewayProcess, release: Path, repo: str, token: str
) -> None:
    """Evidence names the hub: a push that takes the gateway for it is led to where both fit."""
    at = {"HF_ENDPOINT": gateway.endpoint, "HF_TOKEN": token}
    pushed = ada.type("push", release, repo, **at)
    assert pushed.code == 2
    assert f'put "{gateway.endpoint}" = "{ada.endpoint}" below a line [gateways]' in pushed.text
    assert "hf auth login" not in pushed.text
    submitted = ada.type("gateway", "submit", release, repo, **at)
    assert submitted.code == 0, "the line for the hub was kept"
