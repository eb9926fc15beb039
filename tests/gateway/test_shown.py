# SPDX-License-Identifier: Apache-2.0
"""Flips and copies through the gateway: what becomes visible by them, and what moves meanwhile."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.e2e.author import TOKEN
from tests.gateway.world import client_of
from tests.hub.world import ask, until

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the client's own


@pytest.fixture
def api(hub: HubProcess) -> HfApi:
    """Somebody with the hub's own token, past the gateway."""
    return HfApi(endpoint=hub.endpoint, token=TOKEN)


def staged(api: HfApi, repo: str, folder: Path) -> None:
    """A private repository with these files and nothing else, its first commit aside."""
    api.create_repo(repo, private=True)
    api.upload_folder(repo_id=repo, folder_path=str(folder))


def names(api: HfApi, repo: str) -> set[str]:
    return set(api.list_repo_files(repo))


class TestCopies:
    """``duplicate_repo``: evidence names where the copy goes."""

    def test_a_copy_needs_evidence_for_its_own_name(
        self, ada: Author, bob: Author, api: HfApi, release: Path, repo: str
    ) -> None:
        source = f"{repo}-candidate"
        staged(api, source, release)
        client_of(bob).duplicate_repo(source, repo, private=False)
        assert names(api, repo) == names(api, source)
        assert not api.repo_info(repo).private
        ada.ok("audit", repo)
        for target in (f"{repo}-other", "acme/other"):
            with pytest.raises(HfHubHTTPError, match="HP307"):
                client_of(bob).duplicate_repo(source, target, private=True)
            assert not api.repo_exists(target)

    def test_what_the_past_holds_is_not_copied_along(
        self, bob: Author, api: HfApi, release: Path, repo: str
    ) -> None:
        source = f"{repo}-candidate"
        staged(api, source, release)
        old = b"\x80\x02" + b"w" * 4000
        api.upload_file(repo_id=source, path_in_repo="old.bin", path_or_fileobj=old)
        api.delete_file("old.bin", source)
        with pytest.raises(HfHubHTTPError, match=r"old\.bin"):
            client_of(bob).duplicate_repo(source, repo)
        assert not api.repo_exists(repo)


class TestFlips:
    """A flip names no commit: whoever has another token may move something meanwhile."""

    def flip(self, bob: Author, repo: str) -> Any:
        return ask(
            f"{bob.endpoint}/api/models/{repo}/settings", "PUT", body={"visibility": "public"},
            token=bob.environment["HF_TOKEN"], headers={"Content-Type": "application/json"},
        )  # fmt: skip

    def test_what_moved_while_it_was_flipped_is_private_again(
        self, ada: Author, bob: Author, hub: HubProcess, api: HfApi, release: Path, repo: str
    ) -> None:
        staged(api, repo, release)
        hub.faults({"path_regex": f"/api/models/{repo}/settings$", "method": "PUT",
                    "action": "delay", "seconds": 60})  # fmt: skip
        answers: list[Any] = []
        flipping = threading.Thread(target=lambda: answers.append(self.flip(bob, repo)))
        flipping.start()
        until(lambda: f"PUT /api/models/{repo}/settings" in hub.delayed())
        api.upload_file(repo_id=repo, path_in_repo="late.bin", path_or_fileobj=b"\0" * 9)
        hub.configure({})
        flipping.join()
        (done,) = answers
        assert done.status == 409
        assert "HP503" in done.headers["x-error-message"]
        assert "private again" in done.headers["x-error-message"]
        assert api.repo_info(repo).private
        shown = ada.ok("gateway", "log", "show").out
        mine = [json.loads(line) for line in shown.splitlines() if f'"{repo}"' in line]
        assert [entry["did"] for entry in mine][-3:] == ["allowed", "answered", "incident"]

    def test_what_stands_still_is_public(
        self, bob: Author, api: HfApi, release: Path, repo: str
    ) -> None:
        staged(api, repo, release)
        assert self.flip(bob, repo).status == 200
        assert not api.repo_info(repo).private
        assert self.flip(bob, repo).status == 200
