# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit`` of buckets: files without commits, of which nobody can attest anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN, Author
from tests.unit.render.hostile import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.cli.world import Ran

HOSTILE = "<script>\x1b[31m\u202e.safetensors"


def put(hub: HubProcess, name: str, *paths: str, private: bool = False) -> None:
    """A bucket of the local hub; nothing can be sent to one without Xet."""
    files = [{"path": path, "size": 30, "xetHash": "a" * 64} for path in paths]
    place = hub.root / "buckets" / f"{name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"private": private, "files": files}))


@pytest.fixture(scope="module")
def filled(own_hub: HubProcess) -> HubProcess:
    put(own_hub, "acme/checkpoints", *(f"{n}/model.safetensors" for n in range(5)), "notes.txt")
    put(own_hub, "acme/logs", "a.txt", "b/c.csv")
    put(own_hub, "acme/odd", HOSTILE)
    put(own_hub, "acme/secret", "x.gguf", private=True)
    put(own_hub, "acme-other/x", "x.gguf")
    api = HfApi(endpoint=own_hub.endpoint, token=TOKEN)
    api.create_repo("acme/text", repo_type="dataset")
    return own_hub


@pytest.fixture
def hub(filled: HubProcess) -> Iterator[HubProcess]:
    """As it was filled, again after every test; ``ada`` is its user."""
    yield filled
    filled.configure({})


def rows(done: Ran) -> dict[str, dict[str, Any]]:
    return {ref["repo"]: ref for ref in done.document["refs"]}


def look(ada: Author, *arguments: str, **environment: str) -> Ran:
    done = ada.type("audit", *arguments, "--format", "json", **environment)
    if done.out:
        jsonschema.validate(done.document, SCHEMA)
    return done


@pytest.mark.parametrize(
    ("page_size", "revisions"), [(1000, ()), (2, ("--all-revisions", "--deep"))]
)
def test_weights_in_a_bucket_are_in_nobodys_release(
    ada: Author, hub: HubProcess, page_size: int, revisions: tuple[str, ...]
) -> None:
    hub.configure({"page_size": page_size})
    done = look(ada, "acme", *revisions)
    assert done.code == 1
    assert rows(done).keys() == {
        f"buckets/acme/{name}" for name in ("checkpoints", "odd", "secret")
    }
    row = rows(done)["buckets/acme/checkpoints"]
    assert (row["ref"], row["oid"], row["status"]) == ("(bucket)", "", "UNATTESTED")
    assert "model.safetensors and 2 more" in row["detail"]
    assert {finding["rule"] for finding in done.document["findings"]} == {"HP301"}


def test_a_bucket_is_a_target(ada: Author) -> None:
    assert look(ada, "buckets/acme/logs").document["refs"] == []
    assert look(ada, "buckets/acme/checkpoints").code == 1
    nobody = look(ada, "buckets/acme/absent")
    assert nobody.code == 3
    assert rows(nobody)["buckets/acme/absent"]["status"] == "UNREADABLE"


def test_a_private_one_is_seen_by_its_people_alone(ada: Author) -> None:
    done = look(ada, "acme", HF_TOKEN="hf_bob")
    assert rows(done).keys() == {"buckets/acme/checkpoints", "buckets/acme/odd", "acme/*"}


def test_odd_paths_are_shown_inert(ada: Author) -> None:
    done = look(ada, "buckets/acme/odd")
    detail = rows(done)["buckets/acme/odd"]["detail"]
    assert "\x1b" not in detail
    assert "\\x1b[31m\\u202e.safetensors" in detail
    page = ada.type("audit", "buckets/acme/odd", "--format", "html").out
    assert "<script>\\x1b" not in page


def test_a_hub_without_buckets_is_told(ada: Author, hub: HubProcess) -> None:
    hub.configure({"faults": [{"status": 404, "path_regex": "api/buckets", "times": None}]})
    done = look(ada, "acme")
    assert [row["text"] for row in done.document["rows"] if row["name"] == "buckets"] == [
        "none listed of acme"
    ]
    assert (
        "it has no buckets at all, or shows this login none of them"
        in ada.type("audit", "acme").out
    )


@pytest.mark.parametrize(("status", "code"), [(403, 4), (401, 4), (410, 3)])
def test_a_list_that_fails_otherwise_is_never_green(
    ada: Author, hub: HubProcess, status: int, code: int
) -> None:
    hub.configure(
        {"faults": [{"status": status, "path_regex": "api/buckets/acme$", "times": None}]}
    )
    done = look(ada, "acme")
    assert (done.code, "listing the buckets of acme" in done.err) == (code, True), done.text


def test_one_that_breaks_half_way_hinders_no_other(ada: Author, hub: HubProcess) -> None:
    hub.configure({"page_size": 2, "faults": [
        {"status": 410, "path_regex": "checkpoints/tree", "after": 1, "times": None},
    ]})  # fmt: skip
    done = look(ada, "acme")
    statuses = {repo: row["status"] for repo, row in rows(done).items()}
    assert statuses == {
        "buckets/acme/checkpoints": "UNREADABLE",
        "buckets/acme/odd": "UNATTESTED",
        "buckets/acme/secret": "UNATTESTED",
    }


def test_a_clone_is_of_no_bucket(ada: Author, tmp_path: Path) -> None:
    done = ada.type("audit", tmp_path, "--repo", "buckets/acme/logs")
    assert done.code == 2
