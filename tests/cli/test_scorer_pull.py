# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy scorer pull`` from a local hub: pinned, loaded, and only then installed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import HfApi, constants

from hubpolicy.adapters.scorers.bundle import bundle_pin
from hubpolicy.adapters.scorers.pulling import parse_address
from hubpolicy.demo.hub.process import HubProcess
from hubpolicy.errors import ConfigError
from tests.adapters.tiny_bundle import write_bundle
from tests.cli.world import Ran, config, contents, run
from tests.hub.world import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hub"), TOKENS) as running:
        yield running


class Shelf:
    """Repositories with bundles in them."""

    def __init__(self, hub: HubProcess) -> None:
        self.endpoint = hub.endpoint
        self.api = HfApi(endpoint=hub.endpoint, token="hf_alice")

    def publish(self, folder: Path, name: str) -> str:
        """Upload; the commit's id."""
        self.api.create_repo(f"acme/{name}", private=True, exist_ok=True)
        with warnings.catch_warnings():
            # The client warns about its own use of its HTTP library.
            warnings.simplefilter("ignore")
            return str(self.api.upload_folder(repo_id=f"acme/{name}", folder_path=folder).oid)

    def pull(self, *arguments: str | Path, token: str = "hf_alice") -> Ran:
        return run("scorer", "pull", *arguments, HF_ENDPOINT=self.endpoint, HF_TOKEN=token)


@pytest.fixture
def shelf(hub: HubProcess, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    return Shelf(hub)


def test_a_bundle_is_pulled_loaded_and_installed(shelf: Shelf, tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "made")
    (made / "README.md").write_text("a card")
    (made / "setup.py").write_text("raise SystemExit")
    commit = shelf.publish(made, "tiny")
    ran = shelf.pull(f"hf://acme/tiny@{commit}")
    assert ran.code == 0, ran
    assert "next: hubpolicy scorer lock tiny" in ran.out
    installed = config("scorers", "tiny")
    assert set(contents(installed)) == {"model.onnx", "tokenizer.json", "scorer.json"}
    assert bundle_pin(installed) == bundle_pin(made)
    assert [path.name for path in installed.parent.iterdir()] == ["tiny"]
    again = shelf.pull(f"hf://acme/tiny@{commit}")
    assert again.code == 2
    assert "installed already" in again.err
    assert shelf.pull(f"hf://acme/tiny@{commit}", "--replace").code == 0


def test_an_older_commit_gives_the_older_bundle(shelf: Shelf, tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "made")
    old, first = bundle_pin(made), shelf.publish(made, "moving")
    shelf.publish(write_bundle(made, version="2"), "moving")
    ran = shelf.pull(f"hf://acme/moving@{first}", "--sha256", old.sha256, "-o", tmp_path / "out",
                     "--format", "json")  # fmt: skip
    assert ran.code == 0, ran
    assert ran.document["scorer"]["sha256"] == old.sha256
    assert ran.document["revision"] == first
    assert bundle_pin(tmp_path / "out") == old
    assert not config("scorers", "tiny").exists()


def test_another_digest_is_not_installed(shelf: Shelf, tmp_path: Path) -> None:
    commit = shelf.publish(write_bundle(tmp_path / "made"), "other")
    ran = shelf.pull(f"hf://acme/other@{commit}", "--sha256", "0" * 64)
    assert ran.code == 1
    assert contents(config("scorers")) == {}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"tier": "gold"}, 3, "got tier 'gold'"),
        ({"output": "nothing"}, 3, "expected 'nothing'"),
        ({"id": "hubpolicy-screen-en"}, 2, "the embedded one's name"),
        ({"id": "../../escape"}, 2, "got scorer id"),
    ],
)
def test_what_does_not_work_is_not_installed(
    shelf: Shelf, tmp_path: Path, changes: dict[str, Any], code: int, words: str
) -> None:
    name = f"bad{abs(hash(words)) % 10**8}"
    commit = shelf.publish(write_bundle(tmp_path / "made", **changes), name)
    ran = shelf.pull(f"hf://acme/{name}@{commit}")
    assert (ran.code, words in ran.err) == (code, True), ran
    assert contents(config("scorers")) == {}


def test_a_repository_without_a_bundle_is_one_error(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.md").write_text("nothing here")
    commit = shelf.publish(tmp_path / "empty", "empty")
    ran = shelf.pull(f"hf://acme/empty@{commit}")
    assert ran.code == 3
    assert "of the scorer bundle" in ran.err


@pytest.mark.parametrize(
    ("name", "token", "code"),
    [("acme/nowhere", "hf_alice", 3), ("acme/tiny", "hf_bob", 3), ("acme/tiny", "hf_wrong", 4)],
)
def test_what_this_login_may_not_see_is_not_pulled(
    shelf: Shelf, tmp_path: Path, name: str, token: str, code: int
) -> None:
    shelf.publish(write_bundle(tmp_path / "made"), "tiny")
    ran = shelf.pull(f"hf://{name}@{COMMIT}", token=token)
    assert ran.code == code, ran
    assert ran.err.count("error:") == 1


def test_offline_is_offline(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run("scorer", "pull", f"hf://acme/tiny@{COMMIT}", HF_ENDPOINT="http://127.0.0.1:9")
    assert ran.code == 3
    assert "did not answer" in ran.err


@pytest.mark.parametrize(
    "address",
    [
        "acme/tiny",
        "hf://acme/tiny",
        "hf://acme/tiny@main",
        "hf://acme/tiny@v1.0",
        "hf://acme/tiny@" + "a" * 39,
        "hf://acme/tiny@" + "A" * 40,
        "hf://acme/tiny/more@" + "a" * 40,
        f"hf://../tiny@{COMMIT}",
        f"https://acme/tiny@{COMMIT}",
        "",
    ],
)
def test_what_can_move_or_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError):
        parse_address(address, endpoint="http://127.0.0.1:9")
    ran = run("scorer", "pull", address)
    assert ran.code == 2
    assert "scorer pull hf://" in ran.err
