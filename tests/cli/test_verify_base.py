# SPDX-License-Identifier: Apache-2.0
"""``verify --ask-base``: what an adapter pins as its base is what a hub has at that commit."""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants

from hubpolicy.adapters.hub import HubClient
from hubpolicy.demo.hub.process import HubProcess
from hubpolicy.domain.finding import verdict_of
from hubpolicy.flows import pinned_bases
from hubpolicy.flows.pinned_bases import compare
from tests.cli.world import REPO, released, run, write
from tests.hub.world import TOKENS
from tests.unit.core.card.cards import with_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIN = "base_config.json"
CONFIG, WEIGHTS, EVIL = b'{"hidden": 8}', b"weights of the base", b"other weights"


class Bases(NamedTuple):
    """A hub with ``acme/base``: its commit, one before that, and a stranger's pull request."""

    endpoint: str
    first: str
    last: str
    proposed: str


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bases]:
    with (
        HubProcess(tmp_path_factory.mktemp("hub"), TOKENS) as hub,
        pytest.MonkeyPatch.context() as patched,
        warnings.catch_warnings(),
    ):
        # The client warns about its own use of its HTTP library.
        warnings.simplefilter("ignore")
        patched.setattr(constants, "HF_HUB_DISABLE_XET", True)
        commits = []
        for name in ("base", "secret"):
            api = HfApi(endpoint=hub.endpoint, token="hf_alice")
            api.create_repo(f"acme/{name}", private=name == "secret")
            for weights in (WEIGHTS, b"later weights"):
                commits.append(_commit(api, f"acme/{name}", weights))
        stranger = HfApi(endpoint=hub.endpoint, token="hf_bob")
        proposed = _commit(stranger, "acme/base", EVIL, create_pr=True)
        yield Bases(hub.endpoint, commits[0], commits[1], proposed)


def _commit(api: HfApi, repo: str, weights: bytes, **more: Any) -> str:
    files = {"config.json": CONFIG, "model.safetensors": weights}
    adding = [CommitOperationAdd(path, content) for path, content in files.items()]
    return str(api.create_commit(repo, adding, commit_message="files", **more).oid)


def pin(bases: Bases, **changes: Any) -> bytes:
    """Of ``acme/base`` at its first commit."""
    files = {"config.json": CONFIG, "model.safetensors": WEIGHTS, **changes.pop("files", {})}
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    document = {"schema": "hubpolicy/base/1", "repo": "acme/base", "revision": bases.first,
                "files": digests}  # fmt: skip
    return json.dumps({**document, **changes}).encode()


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, "passed", ""),
        ({"files": {"model.safetensors": EVIL}}, "failed", "other bytes for model.safetensors"),
        ({"files": {"config.json": b"{}"}}, "failed", "other bytes for config.json"),
        ({"files": {"more.safetensors": EVIL}}, "failed", "no more.safetensors"),
        ({"revision": "last"}, "failed", "other bytes for model.safetensors"),
        ({"revision": "last", "files": {"model.safetensors": b"later weights"}}, "passed", ""),
        (
            {"revision": "proposed", "files": {"model.safetensors": EVIL}},
            "failed",
            "the history of no branch or tag",
        ),
        ({"revision": "c" * 40}, "inconclusive", "cannot be compared"),
        ({"repo": "acme/nowhere"}, "inconclusive", "cannot be compared"),
        ({"repo": "acme/secret"}, "inconclusive", "cannot be compared"),
        ({"repo": "gpt2"}, "inconclusive", "expected namespace/name"),
        ({"revision": "main"}, "inconclusive", "a commit of 40 digits"),
    ],
)
def test_a_pin_is_compared_with_the_hub(
    bases: Bases, changes: dict[str, Any], verdict: str, words: str
) -> None:
    if changes.get("revision") in bases._fields:
        changes = {**changes, "revision": getattr(bases, changes["revision"])}
    hub = HubClient(bases.endpoint, "hf_bob", sleep=lambda _: None)
    found = compare(PIN, pin(bases, **changes), hub, bases.endpoint)
    assert verdict_of(found) == verdict
    assert {finding.rule for finding in found} == ({"HP415"} if words else set())
    assert words in " ".join(finding.message for finding in found)


@pytest.mark.parametrize(("weights", "verdict"), [(WEIGHTS, "inconclusive"), (EVIL, "failed")])
def test_of_more_refs_than_are_looked_through_nobody_says_that_none_leads_there(
    bases: Bases, monkeypatch: pytest.MonkeyPatch, weights: bytes, verdict: str
) -> None:
    monkeypatch.setattr(pinned_bases, "MOST_REFS", 0)
    hub = HubClient(bases.endpoint, "hf_bob", sleep=lambda _: None)
    content = pin(bases, files={"model.safetensors": weights})
    *others, last = compare(PIN, content, hub, bases.endpoint)
    assert "of 1 branches and tags the first 0 do not lead there" in last.message
    assert verdict_of((*others, last)) == verdict


def test_a_hub_that_does_not_answer_is_never_green(bases: Bases) -> None:
    nobody = "http://127.0.0.1:9"
    (finding,) = compare(PIN, pin(bases), HubClient(nobody, None, sleep=lambda _: None), nobody)
    assert finding.effect == "inconclusive"


def adapter(folder: Path, content: bytes) -> Path:
    """A release of an adapter, run on the base that it pins."""
    named = json.loads(content)
    config = {"base_model_name_or_path": named["repo"], "revision": named["revision"]}
    files = {"README.md": with_metadata(base_model=named["repo"]).encode(), "adapter_model.safetensors": b"low rank",
             "adapter_config.json": json.dumps(config).encode(), PIN: content}  # fmt: skip
    return released(write(folder, files))


@pytest.mark.parametrize("honest", [True, False])
def test_verify_asks_for_folders_and_for_the_hub(
    bases: Bases, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, honest: bool
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", bases.endpoint)
    monkeypatch.setenv("HF_TOKEN", "hf_alice")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    files = {} if honest else {"model.safetensors": EVIL}
    folder = adapter(tmp_path / "lora", pin(bases, files=files))
    api = HfApi(endpoint=bases.endpoint, token="hf_alice")
    api.create_repo(REPO, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api.upload_folder(repo_id=REPO, folder_path=folder)
    for target in (folder, REPO):  # the second is read on the hub
        without = run("verify", target, "--format", "json")
        ran = run("verify", target, "--ask-base", "--format", "json")
        assert ran.rules - without.rules == (set() if honest else {"HP415"}), ran
        said = "1 compared with the hub: the same" if honest else "1 finding(s)"
        assert said in ran.out
        assert ran.code == (0 if honest else 1)


def test_nobody_is_asked_offline(home: Path, model: Path) -> None:
    ran = run("verify", released(model), "--ask-base", "--offline")
    assert ran.code == 2
    assert "expected a hub that can be asked" in ran.err
    assert run("verify", model, "--ask-base").code == 0  # no adapter: nobody has to be asked
