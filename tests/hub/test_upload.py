"""Both official clients put files into a repo, and take the same bytes out again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hub.world import Client, ask, upload

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess

DEFAULT_ATTRIBUTES_OID = "a6344aac8c09253b3b630fb776ae94478aa0275b"


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def tree(client: Client, repo: str) -> dict[str, dict[str, object]]:
    listed = client.call("list_repo_tree", repo_id=repo, recursive=True)
    return {entry["path"]: entry for entry in listed}


def test_a_new_repo_holds_the_hubs_default_attributes(client: Client, repo: str) -> None:
    entries = tree(client, repo)
    assert list(entries) == [".gitattributes"]
    assert entries[".gitattributes"]["blob_id"] == DEFAULT_ATTRIBUTES_OID
    assert [c["title"] for c in client.call("list_repo_commits", repo_id=repo)] == [
        "initial commit"
    ]


def test_a_folder_comes_back_byte_for_byte(client: Client, repo: str, model: Path) -> None:
    client.call("upload_folder", repo_id=repo, folder_path=str(model))
    snapshot = Path(client.call("snapshot_download", repo_id=repo))
    downloaded = files_of(snapshot)
    downloaded.pop(".gitattributes")
    assert downloaded == files_of(model)


def test_large_and_binary_files_go_to_lfs(client: Client, repo: str, model: Path) -> None:
    client.call("upload_folder", repo_id=repo, folder_path=str(model))
    entries = tree(client, repo)
    large = {path for path, entry in entries.items() if entry.get("lfs")}
    assert large == {"model.onnx", "weights.unknown"}
    content = (model / "model.onnx").read_bytes()
    assert entries["model.onnx"]["lfs"] == {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "pointer_size": 131,
    }
    assert entries["model.onnx"]["size"] == len(content)


def test_what_no_pattern_covers_is_added_to_the_attributes(
    client: Client, hub: HubProcess, repo: str, model: Path
) -> None:
    client.call("upload_folder", repo_id=repo, folder_path=str(model))
    attributes = ask(f"{hub.endpoint}/{repo}/resolve/main/.gitattributes").body.decode()
    assert attributes.splitlines()[35:] == ["weights.unknown filter=lfs diff=lfs merge=lfs -text"]


def test_attributes_can_be_left_alone(
    client: Client, hub: HubProcess, repo: str, model: Path
) -> None:
    hub.configure({"track_lfs": False})
    client.call("upload_folder", repo_id=repo, folder_path=str(model))
    assert tree(client, repo)[".gitattributes"]["blob_id"] == DEFAULT_ATTRIBUTES_OID


def test_an_unchanged_folder_makes_no_commit(client: Client, repo: str, model: Path) -> None:
    first = client.call("upload_folder", repo_id=repo, folder_path=str(model))
    second = client.call("upload_folder", repo_id=repo, folder_path=str(model))
    assert second["oid"] == first["oid"]
    assert len(client.call("list_repo_commits", repo_id=repo)) == 2


def test_the_command_line_uploads(
    client: Client, hub: HubProcess, repo_id: str, model: Path
) -> None:
    done = client.cli("upload", repo_id, str(model), ".", "--private")
    assert done.returncode == 0, done.stderr
    assert {*files_of(model)} <= {*tree(client, repo_id)}
    assert client.call("model_info", repo_id=repo_id)["private"] is True
    asked = [line for line in hub.requests() if repo_id in line["path"]]
    assert {line["status"] for line in asked} == {200}


def test_files_and_folders_are_deleted(client: Client, repo: str, model: Path) -> None:
    client.call("upload_folder", repo_id=repo, folder_path=str(model))
    client.call("delete_folder", repo_id=repo, path_in_repo="sub dir")
    client.call("delete_file", repo_id=repo, path_in_repo="config.json")
    assert {*tree(client, repo)} == {
        ".gitattributes",
        "README.md",
        "empty.bin",
        "model.onnx",
        "weights.unknown",
    }


def test_operations_apply_in_order_and_copies_work(client: Client, repo: str, model: Path) -> None:
    client.call("upload_folder", repo_id=repo, folder_path=str(model))
    operations = [
        {
            "operation": "CommitOperationCopy",
            "src_path_in_repo": "model.onnx",
            "path_in_repo": "b.onnx",
        },
        {"operation": "CommitOperationDelete", "path_in_repo": "config.json"},
        {
            "operation": "CommitOperationAdd",
            "path_in_repo": "config.json/x",
            "path_or_fileobj": upload(b"1"),
        },
    ]
    client.call("create_commit", repo_id=repo, operations=operations, commit_message="all")
    entries = tree(client, repo)
    assert entries["b.onnx"]["lfs"] == entries["model.onnx"]["lfs"]
    assert "config.json/x" in entries


def test_gitignore_of_the_upload_leaves_files_out(client: Client, repo: str, model: Path) -> None:
    (model / ".gitignore").write_text("*.json\nsub dir/\n", encoding="utf-8")
    client.call("upload_folder", repo_id=repo, folder_path=str(model))
    assert {path for path in tree(client, repo) if path.endswith((".json", ".txt"))} == set()


def test_multipart_upload_joins_the_parts(
    client: Client, hub: HubProcess, repo: str, tmp_path: Path
) -> None:
    hub.configure({"multipart_chunk_size": 1000})
    content = bytes(range(251)) * 14
    client.call("upload_file", repo_id=repo, path_in_repo="m.onnx", path_or_fileobj=upload(content))
    parts = [r for r in hub.requests() if "/parts/" in r["path"] and r["status"] == 200]
    assert [r["received"] for r in parts[-4:]] == [1000, 1000, 1000, 514]
    assert Path(client.call("snapshot_download", repo_id=repo), "m.onnx").read_bytes() == content


def test_a_card_with_broken_metadata_is_refused_before_the_upload(
    client: Client, hub: HubProcess, repo: str
) -> None:
    with pytest.raises(Exception, match="Invalid metadata in README"):
        client.call(
            "upload_file",
            repo_id=repo,
            path_in_repo="README.md",
            path_or_fileobj=upload(b"---\nlicense: mit\nlicense: mit\n---\n"),
        )
    assert len(client.call("list_repo_commits", repo_id=repo)) == 1


def test_a_dataset_has_addresses_of_its_own(client: Client, repo_id: str, model: Path) -> None:
    url = client.call("create_repo", repo_id=repo_id, repo_type="dataset", private=True)
    assert url.endswith(f"/datasets/{repo_id}")
    client.call("upload_folder", repo_id=repo_id, repo_type="dataset", folder_path=str(model))
    snapshot = client.call("snapshot_download", repo_id=repo_id, repo_type="dataset")
    assert files_of(Path(snapshot)).keys() >= files_of(model).keys()
