# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit ORGANISATION --members``: its weights in its people's own namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from tests.e2e.author import TOKEN, Author, with_release
from tests.unit.render.hostile import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.cli.world import Ran

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

OWN, LEAK = b"of nobody else" * 100, b"acme's own" * 100


@pytest.fixture(scope="module")
def filled(
    own_hub: HubProcess, configured_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> HubProcess:
    """``acme`` has a release and more; alice (of acme) and bob (who is not) have copies."""
    _, model = with_release(configured_home, tmp_path_factory.mktemp("filling"), own_hub.endpoint)
    api = HfApi(endpoint=own_hub.endpoint, token=TOKEN)
    weights = (model / "model.onnx").read_bytes()
    for repo, kind, path, content in (
        ("acme/data", "dataset", "x.bin", LEAK),
        ("alice/own", "model", "model.safetensors", OWN),
        ("alice/parked", "model", "deep/er.onnx", weights),
        ("alice/hidden", "dataset", "player.wasm", LEAK),
    ):
        api.create_repo(repo, repo_type=kind)
        api.create_commit(
            repo, [CommitOperationAdd(path, content)], commit_message="x", repo_type=kind
        )
    api.create_branch("alice/parked", branch="side")
    bob = HfApi(endpoint=own_hub.endpoint, token="hf_bob")
    bob.create_repo("bob/parked")
    bob.create_commit("bob/parked", [CommitOperationAdd("model.onnx", weights)], commit_message="x")
    return own_hub


@pytest.fixture
def hub(filled: HubProcess) -> Iterator[HubProcess]:
    """As it was filled, again after every test; ``ada`` is its user."""
    yield filled
    filled.configure({})


def statuses(done: Ran) -> dict[tuple[str, str], str]:
    return {(ref["repo"], ref["ref"]): ref["status"] for ref in done.document["refs"]}


def theirs(done: Ran) -> dict[tuple[str, str], str]:
    return {where: said for where, said in statuses(done).items() if "acme/" not in where[0]}


def look(ada: Author, *arguments: str, **environment: str) -> Ran:
    done = ada.type("audit", *arguments, "--members", "--format", "json", **environment)
    if done.out:
        jsonschema.validate(done.document, SCHEMA)
    return done


def test_copies_are_found_wherever_a_member_keeps_them(ada: Author) -> None:
    assert theirs(ada.type("audit", "acme", "--format", "json")) == {}
    done = look(ada, "acme")
    assert done.code == 1
    assert theirs(done) == {
        ("alice/parked", "refs/heads/main"): "UNATTESTED",
        ("alice/parked", "refs/heads/side"): "UNATTESTED",
        ("datasets/alice/hidden", "refs/heads/main"): "UNATTESTED",
    }
    parked = next(ref for ref in done.document["refs"] if ref["repo"] == "alice/parked")
    assert parked["rules"] == ["HP611"], "nobody is told to release it there"
    said = {f["message"] for f in done.document["findings"] if f["rule"] == "HP611"}
    assert len(said) == 2
    assert any("deep/er.onnx (sha256 " in text and "is acme/civil: model.onnx" in text
               for text in said)  # fmt: skip
    assert any("player.wasm" in text and "is datasets/acme/data: x.bin" in text for text in said)
    (row,) = (row for row in done.document["rows"] if row["name"] == "members")
    assert row["text"] == "2 people, 3 repositories"
    assert "private" in row["remark"]


def test_a_second_look_costs_a_list_of_each_kind_and_one_request_a_repository(
    ada: Author, filled: HubProcess
) -> None:
    first = look(ada, "acme")
    mark = len(filled.requests())
    assert look(ada, "acme").document["refs"] == first.document["refs"]
    paths = [str(line["path"]).partition("?")[0] for line in filled.requests()[mark:]]
    assert sum(path.endswith("/refs") for path in paths) == 2 + 3
    # A list of each kind, who asks, the people, and a list of theirs of each kind but buckets.
    assert len(paths) == 2 + 3 + 4 + 1 + 1 + 2 * 3, paths
    assert "/api/organizations/acme/members" in paths


def test_pages_of_people_and_of_their_repositories(ada: Author, filled: HubProcess) -> None:
    filled.configure({"page_size": 1})
    assert len(theirs(look(ada, "acme", "--jobs", "3"))) == 3


def test_a_member_who_cannot_be_listed_is_unreadable(ada: Author, filled: HubProcess) -> None:
    filled.configure({"faults": [
        {"status": 410, "path_regex": "/api/models$", "after": 2, "times": None},
    ]})  # fmt: skip
    done = look(ada, "acme", "--jobs", "1")
    assert statuses(done)["carol/*", "(all repositories)"] == "UNREADABLE"
    assert ("alice/parked", "refs/heads/main") in theirs(done)


def test_a_repository_that_breaks_half_way_hinders_no_other(
    ada: Author, filled: HubProcess
) -> None:
    filled.configure({"faults": [
        {"status": 410, "path_regex": "alice/own/tree", "times": None},
    ]})  # fmt: skip
    done = look(ada, "acme", "--no-cache")
    assert statuses(done)["alice/own", "(all refs)"] == "UNREADABLE"
    assert statuses(done)["alice/parked", "refs/heads/side"] == "UNATTESTED"


@pytest.mark.parametrize(
    ("targets", "fault", "code", "said"),
    [
        (("acme/civil",), None, 2, "got --members without an organisation"),
        (("bob",), None, 3, "bob is no organisation on the hub"),
        (("acme",), 403, 4, "listing the members of acme"),
        (("acme",), 401, 4, "listing the members of acme"),
        (("acme",), 410, 3, "listing the members of acme"),
    ],
)
def test_who_the_members_are_must_be_known(
    ada: Author, filled: HubProcess, targets: tuple[str, ...], fault: int | None, code: int,
    said: str,
) -> None:  # fmt: skip
    faults: list[dict[str, Any]] = []
    if fault is not None:
        faults = [{"status": fault, "path_regex": "acme/members", "times": None}]
    filled.configure({"faults": faults})
    done = look(ada, *targets)
    assert (done.code, said in done.err) == (code, True), done.text
