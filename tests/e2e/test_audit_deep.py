# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit``: a hub that sends another thing than it lists, or does not list all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN, Author, with_release
from tests.hub.world import TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.cli.world import Ran

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

ONE, OTHER = "acme/civil", "acme/other"


@pytest.fixture(scope="module")
def filled(
    own_hub: HubProcess, configured_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> HubProcess:
    """The same model in two repositories."""
    with_release(configured_home, tmp_path_factory.mktemp("filling"), own_hub.endpoint, ONE, OTHER)
    return own_hub


@pytest.fixture
def hub(filled: HubProcess) -> Iterator[HubProcess]:
    """As it was filled, again after every test; ``ada`` is its user."""
    yield filled
    filled.configure({})


def seen(done: Ran) -> dict[str, str]:
    return {ref["repo"]: ref["status"] for ref in done.document["refs"]}


def look(ada: Author, *arguments: str) -> Ran:
    return ada.type("audit", ONE, OTHER, "--format", "json", *arguments)


def lie(hub: HubProcess, path: str) -> None:
    """One repository's file is sent with other bytes than the tree says."""
    hub.configure({"faults": [
        {"status": 200, "body": "something else", "times": None,
         "path_regex": rf"acme/civil/resolve/[^/]+/{path}"},
    ]})  # fmt: skip


@pytest.mark.parametrize(
    ("path", "revisions"),
    [
        ("README.md", ()),
        ("model.onnx", ()),
        ("genai_config.json", ("--all-revisions", "--engine", "api")),
    ],
)
def test_what_is_sent_counts_not_what_is_listed(
    ada: Author, filled: HubProcess, path: str, revisions: tuple[str, ...]
) -> None:
    lie(filled, path)
    assert seen(look(ada, *revisions)) == {ONE: "ATTESTED", OTHER: "ATTESTED"}
    done = look(ada, "--deep", *revisions)
    assert done.code == 1
    assert seen(done) == {ONE: "MODIFIED", OTHER: "ATTESTED"}
    assert any(path in finding["message"] for finding in done.document["findings"])


def test_a_second_look_asks_where_refs_stand_and_nothing_else(
    ada: Author, filled: HubProcess
) -> None:
    first = look(ada, "--deep")
    assert (first.code, seen(first)) == (0, {ONE: "ATTESTED", OTHER: "ATTESTED"})
    assert first.document["rows"] == []
    mark = len(filled.requests())
    assert look(ada, "--deep").document["refs"] == first.document["refs"]
    paths = [str(line["path"]) for line in filled.requests()[mark:]]
    assert [path.partition("?")[0].rpartition("/")[2] for path in paths] == ["refs", "refs"]


def test_a_shallow_look_makes_no_deep_one(ada: Author, filled: HubProcess) -> None:
    """What was only listed before is read all the same."""
    look(ada)
    lie(filled, "README.md")
    assert seen(look(ada, "--deep"))[ONE] == "MODIFIED"


def test_from_a_clone_nothing_but_large_files_is_asked_for(ada: Author, filled: HubProcess) -> None:
    mark = len(filled.requests())
    done = look(ada, "--deep", "--all-revisions", "--no-cache")
    assert done.code == 0, done.text
    asked = [str(line["path"]) for line in filled.requests()[mark:]]
    read = [path.rpartition("/")[2] for path in asked if "/resolve/" in path]
    assert sorted(read) == sorted(["model.onnx", "model.onnx.data"] * 2), (
        "an object is one object, whatever commit names it"
    )


def test_what_cannot_be_read_is_unreadable(ada: Author, filled: HubProcess) -> None:
    filled.configure({"faults": [
        {"status": 410, "path_regex": r"civil/resolve/[^/]+/genai_config.json", "times": None},
    ]})  # fmt: skip
    done = look(ada, "--deep")
    assert done.code == 3
    assert seen(done) == {ONE: "UNREADABLE", OTHER: "ATTESTED"}


def test_a_namespace_is_not_green_for_nobody_in_particular(ada: Author, filled: HubProcess) -> None:
    api = HfApi(endpoint=filled.endpoint, token=TOKEN)
    api.update_repo_settings(OTHER, private=True)
    try:
        known = ada.type("audit", "acme", "--format", "json")
        nobody = ada.type("audit", "acme", "--format", "json", HF_TOKEN="")
        forgiving = ada.type("audit", "acme", "--exit-zero", HF_TOKEN="")
        named = ada.type("audit", ONE, HF_TOKEN="")
    finally:
        api.update_repo_settings(OTHER, private=False)
    assert (known.code, seen(known)) == (0, {ONE: "ATTESTED", OTHER: "ATTESTED"})
    assert (nobody.code, seen(nobody)) == (3, {ONE: "ATTESTED", "acme/*": "UNREADABLE"})
    (why,) = (ref["detail"] for ref in nobody.document["refs"] if ref["repo"] == "acme/*")
    assert why.startswith("the list of acme was asked for without a login: what is private there")
    assert "hf auth login, or HF_TOKEN" in why
    assert (forgiving.code, why in forgiving.out) == (0, True)
    assert named.code == 0
    empty = ada.type("audit", "carol", HF_TOKEN="")  # who shows nothing at all
    assert (empty.code, "asked for without a login" in empty.err) == (3, True)


def fine(kind: str, name: str) -> dict[str, Any]:
    """A token of alice's that only reads, and only there."""
    scope = {"entity": {"type": kind, "name": name}, "permissions": ["repo.content.read"]}
    granted = {"global": [], "scoped": [scope]}
    return {"name": "alice", "orgs": ["acme"], "role": "fineGrained", "fineGrained": granted}


@pytest.mark.parametrize(
    ("login", "whole"),
    [
        ({"name": "bob", "orgs": [], "role": "write"}, False),
        ({"name": "carol", "orgs": ["acme"], "role": "read"}, True),
        (fine("model", ONE), False),
        (fine("org", "acme"), True),
    ],
    ids=["of nobody there", "a member", "for one repository", "for all of it"],
)
def test_nor_for_a_login_that_is_not_shown_all_of_it(
    ada: Author, filled: HubProcess, login: dict[str, Any], whole: bool
) -> None:
    api = HfApi(endpoint=filled.endpoint, token=TOKEN)
    api.update_repo_settings(OTHER, private=True)
    filled.allow({**TOKENS, "hf_other": login})
    try:
        done = ada.type("audit", "acme", "--format", "json", HF_TOKEN="hf_other")
    finally:
        filled.allow(TOKENS)
        api.update_repo_settings(OTHER, private=False)
    if whole:
        assert (done.code, seen(done)) == (0, {ONE: "ATTESTED", OTHER: "ATTESTED"})
        return
    assert (done.code, seen(done)) == (3, {ONE: "ATTESTED", "acme/*": "UNREADABLE"})
    (why,) = (ref["detail"] for ref in done.document["refs"] if ref["repo"] == "acme/*")
    assert why.startswith("the list of acme was asked for by a login that is not shown all of it")
