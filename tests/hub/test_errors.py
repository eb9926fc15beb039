"""What goes wrong arrives as the official client's own exception."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hub.world import Client, ClientError, upload


def error(client: Client, function: str, **arguments: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        client.call(function, **arguments)
    return caught.value


def add(path: str, content: bytes = b"x") -> dict[str, Any]:
    return {
        "operation": "CommitOperationAdd",
        "path_in_repo": path,
        "path_or_fileobj": upload(content),
    }


@pytest.mark.parametrize(("token", "status"), [("hf_alice", 404), ("", 401)])
def test_a_missing_repo(client: Client, token: str, status: int) -> None:
    caught = error(client, "model_info", repo_id="acme/none", token=token)
    assert "RepositoryNotFoundError" in caught.types
    assert caught.status == status


READS: list[tuple[str, dict[str, Any]]] = [
    ("model_info", {}),
    ("list_repo_tree", {}),
    ("list_repo_refs", {}),
    ("list_repo_commits", {}),
    ("get_paths_info", {"paths": ["a"]}),
    ("get_discussion_details", {"discussion_num": 1}),
    ("snapshot_download", {"cache_dir": "never"}),
]
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("update_repo_settings", {"private": False}),
    ("create_commit", {"operations": [add("a")], "commit_message": "x"}),
    ("create_tag", {"tag": "v1"}),
    ("delete_repo", {}),
]


@pytest.mark.parametrize(("token", "status"), [("hf_bob", 404), ("", 401)])
def test_a_private_repo_is_as_if_it_were_not_there(
    client: Client, repo: str, token: str, status: int
) -> None:
    client.call("update_repo_settings", repo_id=repo, private=True)
    for function, arguments in READS + WRITES:
        hidden, missing = (
            error(client, function, repo_id=repo_id, token=token, **arguments)
            for repo_id in (repo, "acme/none")
        )
        assert hidden.status == status, function
        if status == 404 or (function, arguments) in READS:
            assert "RepositoryNotFoundError" in hidden.types, function
        said = [str(caught).split("(Request ID")[0] for caught in (hidden, missing)]
        assert said[0] == said[1].replace("acme/none", repo), function


def test_a_token_nobody_holds(client: Client, repo: str) -> None:
    caught = error(client, "whoami", token="hf_nobody")
    assert caught.status == 401
    caught = error(client, "model_info", repo_id=repo, token="hf_nobody")
    assert caught.status == 401
    assert "RepositoryNotFoundError" not in caught.types


@pytest.mark.parametrize(
    "revision", ["none", "main~1", "0" * 40, "refs/heads", "HEAD^{tree}", "-x"]
)
def test_a_missing_revision(client: Client, repo: str, revision: str) -> None:
    for function in ("model_info", "list_repo_tree", "list_repo_commits"):
        caught = error(client, function, repo_id=repo, revision=revision)
        assert "RevisionNotFoundError" in caught.types, function


def test_a_missing_file(client: Client, repo: str) -> None:
    caught = error(client, "delete_file", repo_id=repo, path_in_repo="none")
    assert "EntryNotFoundError" in caught.types
    assert "A file with this name doesn't exist" in str(caught)
    caught = error(client, "list_repo_tree", repo_id=repo, path_in_repo="none")
    assert "EntryNotFoundError" in caught.types
    assert client.call("file_exists", repo_id=repo, filename="none") is False


def test_a_stale_parent(client: Client, repo: str) -> None:
    head = client.call("model_info", repo_id=repo)["sha"]
    client.call("create_commit", repo_id=repo, operations=[add("a")], commit_message="1")
    caught = error(
        client,
        "create_commit",
        repo_id=repo,
        operations=[add("b")],
        commit_message="2",
        parent_commit=head,
    )
    assert caught.status == 412
    assert "A commit has happened since" in str(caught)
    assert len(client.call("list_repo_commits", repo_id=repo)) == 2


def test_a_reader_may_not_write(client: Client, repo: str) -> None:
    for token in ("hf_carol", "hf_bob"):
        caught = error(
            client,
            "create_commit",
            repo_id=repo,
            operations=[add("a")],
            commit_message="1",
            token=token,
        )
        assert (caught.status, "HfHubHTTPError" in caught.types) == (403, True)


def test_a_commit_to_a_tag(client: Client, repo: str) -> None:
    client.call("create_tag", repo_id=repo, tag="v1")
    caught = error(
        client,
        "create_commit",
        repo_id=repo,
        operations=[add("a")],
        commit_message="1",
        revision="v1",
    )
    assert "BadRequestError" in caught.types


def test_a_file_where_a_folder_stands(client: Client, repo: str) -> None:
    client.call("create_commit", repo_id=repo, operations=[add("a/b")], commit_message="1")
    caught = error(client, "create_commit", repo_id=repo, operations=[add("a")], commit_message="2")
    assert "BadRequestError" in caught.types
