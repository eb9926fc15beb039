# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit --all-revisions``: what lies in LFS storage and no ref shows."""

from __future__ import annotations

import hashlib
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

WEIGHTS = [b"weights %d" % number * 100 for number in range(4)]
DIGESTS = [hashlib.sha256(content).hexdigest() for content in WEIGHTS]
PLACE = "(LFS storage)"


@pytest.fixture(scope="module")
def filled(
    own_hub: HubProcess, configured_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> HubProcess:
    """A release; beside it weights that were sent only, and some that were squashed away."""
    with_release(configured_home, tmp_path_factory.mktemp("filling"), own_hub.endpoint)
    api = HfApi(endpoint=own_hub.endpoint, token=TOKEN)
    api.preupload_lfs_files(
        "acme/civil", [CommitOperationAdd(f"{n}.safetensors", WEIGHTS[n]) for n in (0, 1)]
    )
    api.create_repo("acme/squashed")
    for n in (2, 3):
        api.create_commit(
            "acme/squashed", [CommitOperationAdd("model.safetensors", WEIGHTS[n])],
            commit_message="another",
        )  # fmt: skip
    api.super_squash_history("acme/squashed")
    return own_hub


@pytest.fixture
def hub(filled: HubProcess) -> Iterator[HubProcess]:
    """As it was filled, again after every test; ``ada`` is its user."""
    yield filled
    filled.configure({})


def rows(done: Ran) -> dict[str, dict[str, Any]]:
    return {ref["ref"]: ref for ref in done.document["refs"]}


def look(ada: Author, *arguments: str) -> Ran:
    done = ada.type("audit", *arguments, "--format", "json")
    if done.out:
        jsonschema.validate(done.document, SCHEMA)
    return done


@pytest.mark.parametrize("engine", ["git", "api"])
def test_what_no_commit_shows_is_found(ada: Author, engine: str) -> None:
    assert look(ada, "acme/civil").code == 0, "tips alone say nothing of it"
    done = look(ada, "acme/civil", "--all-revisions", "--engine", engine)
    assert done.code == 1
    orphans = {ref: row for ref, row in rows(done).items() if ref.startswith("lfs:")}
    assert orphans.keys() == {f"lfs:{DIGESTS[0][:12]}", f"lfs:{DIGESTS[1][:12]}"}
    assert {row["status"] for row in orphans.values()} == {"UNATTESTED"}
    assert rows(done)["refs/heads/main"]["status"] == "ATTESTED"
    assert [f["rule"] for f in done.document["findings"]].count("HP610") == 2
    assert done.document["rows"] == []


def test_what_was_squashed_away_is_still_there(ada: Author, filled: HubProcess) -> None:
    """A page of the list at a time, and the name is gone with the commit."""
    filled.configure({"page_size": 1})
    done = look(ada, "acme/squashed", "--all-revisions")
    assert f"lfs:{DIGESTS[2][:12]}" in rows(done)
    assert f"lfs:{DIGESTS[3][:12]}" not in rows(done)
    assert DIGESTS[2] in rows(done)[f"lfs:{DIGESTS[2][:12]}"]["detail"]


def test_what_was_revoked_is_so_there_too(ada: Author) -> None:
    ada.ok("trust", "revoke", "file", DIGESTS[0], "--yes")
    done = look(ada, "acme/civil", "--all-revisions")
    assert rows(done)[f"lfs:{DIGESTS[0][:12]}"]["status"] == "REVOKED"
    assert rows(done)[f"lfs:{DIGESTS[1][:12]}"]["status"] == "UNATTESTED"


def test_who_may_not_list_it_is_told_that_nobody_looked(ada: Author) -> None:
    """``carol`` reads what is public and writes nothing of it."""
    api = HfApi(endpoint=ada.endpoint, token=TOKEN)
    api.update_repo_settings("acme/civil", private=False)
    done = ada.type(
        "audit", "acme/civil", "--all-revisions", "--format", "json", HF_TOKEN="hf_carol"
    )
    assert done.code == 0, done.text
    (note,) = done.document["rows"]
    assert (note["name"], note["text"]) == ("LFS storage", "not looked at in 1 repository")
    text = ada.type("audit", "acme/civil", "--all-revisions", HF_TOKEN="hf_carol").out
    assert "not looked at in 1 repository" in text
    assert "the right to write" in text


@pytest.mark.parametrize("status", [404, 401])
def test_a_hub_without_the_list_is_told(ada: Author, filled: HubProcess, status: int) -> None:
    filled.configure({"faults": [{"status": status, "path_regex": "lfs-files", "times": None}]})
    done = look(ada, "acme/civil", "--all-revisions")
    assert done.code == 0, done.text
    assert done.document["rows"][0]["text"] == "not looked at in 1 repository"


def test_a_hub_that_asks_for_patience_gets_it(ada: Author, filled: HubProcess) -> None:
    filled.configure({"page_size": 1, "faults": [
        {"status": 429, "headers": {"Retry-After": "0"}, "path_regex": "lfs-files", "times": 1,
         "after": 1},
    ]})  # fmt: skip
    done = look(ada, "acme/civil", "--all-revisions")
    assert [ref.startswith("lfs:") for ref in rows(done)].count(True) == 2


def test_a_list_that_breaks_is_unreadable_for_its_repository_alone(
    ada: Author, filled: HubProcess
) -> None:
    filled.configure({"page_size": 2, "faults": [
        {"status": 410, "path_regex": r"civil/lfs-files", "after": 1, "times": None},
    ]})  # fmt: skip
    done = look(ada, "acme/civil", "acme/squashed", "--all-revisions")
    found = {(ref["repo"], ref["ref"]): ref["status"] for ref in done.document["refs"]}
    assert found["acme/civil", PLACE] == "UNREADABLE"
    assert found["acme/civil", "refs/heads/main"] == "ATTESTED"
    assert found["acme/squashed", f"lfs:{DIGESTS[2][:12]}"] == "UNATTESTED"
    assert not any(repo == "acme/civil" and ref.startswith("lfs:") for repo, ref in found)


def test_where_a_commit_is_unreadable_nobody_says_what_it_shows(
    ada: Author, filled: HubProcess
) -> None:
    filled.configure({"faults": [
        {"status": 410, "path_regex": r"squashed/tree", "times": None},
    ]})  # fmt: skip
    done = look(ada, "acme/squashed", "--all-revisions", "--engine", "api", "--no-cache")
    assert done.code == 3
    assert not any(ref.startswith("lfs:") for ref in rows(done))
    assert done.document["rows"][0]["remark"] == "not every commit could be read"
