"""Both official clients make branches and tags, and change what a repo is."""

from __future__ import annotations

import pytest

from tests.hub.world import Client, ClientError, upload


def targets(client: Client, repo: str, kind: str) -> dict[str, str]:
    refs = client.call("list_repo_refs", repo_id=repo)
    return {ref["name"]: ref["target_commit"] for ref in refs[kind]}


def status(client: Client, function: str, **arguments: object) -> int | None:
    with pytest.raises(ClientError) as caught:
        client.call(function, **arguments)  # type: ignore[arg-type]
    return caught.value.status


@pytest.mark.parametrize("message", [None, "the first release"])
def test_tags_lead_to_commits(client: Client, repo: str, message: str | None) -> None:
    head = targets(client, repo, "branches")["main"]
    client.call("create_tag", repo_id=repo, tag="v1.0", tag_message=message)
    client.call("upload_file", repo_id=repo, path_in_repo="a", path_or_fileobj=upload(b"a"))
    assert targets(client, repo, "tags") == {"v1.0": head}
    assert client.call("model_info", repo_id=repo, revision="v1.0")["sha"] == head
    assert status(client, "create_tag", repo_id=repo, tag="v1.0") == 409
    client.call("create_tag", repo_id=repo, tag="v1.0", exist_ok=True)
    client.call("delete_tag", repo_id=repo, tag="v1.0")
    assert targets(client, repo, "tags") == {}
    assert status(client, "delete_tag", repo_id=repo, tag="v1.0") == 404


def test_branches_take_commits_of_their_own(client: Client, repo: str) -> None:
    client.call("create_branch", repo_id=repo, branch="dev/one")
    client.call(
        "upload_file",
        repo_id=repo,
        path_in_repo="a",
        path_or_fileobj=upload(b"a"),
        revision="dev/one",
    )
    client.call("create_branch", repo_id=repo, branch="two", revision="dev/one")
    branches = targets(client, repo, "branches")
    assert branches["two"] == branches["dev/one"] != branches["main"]
    assert status(client, "create_branch", repo_id=repo, branch="two") == 409
    client.call("delete_branch", repo_id=repo, branch="two")
    assert set(targets(client, repo, "branches")) == {"main", "dev/one"}
    assert status(client, "delete_branch", repo_id=repo, branch="main") == 403


def test_names_that_git_refuses_are_refused(client: Client, repo: str) -> None:
    assert status(client, "create_tag", repo_id=repo, tag="a..b") == 400
    assert status(client, "create_branch", repo_id=repo, branch="-x/.lock") == 400


def test_history_can_be_squashed(client: Client, repo: str) -> None:
    client.call("upload_file", repo_id=repo, path_in_repo="a", path_or_fileobj=upload(b"a"))
    client.call("super_squash_history", repo_id=repo, commit_message="all in one")
    assert [c["title"] for c in client.call("list_repo_commits", repo_id=repo)] == ["all in one"]
    assert {e["path"] for e in client.call("list_repo_tree", repo_id=repo)} == {
        ".gitattributes",
        "a",
    }


def test_visibility_decides_who_sees_the_repo(client: Client, repo: str) -> None:
    client.call("update_repo_settings", repo_id=repo, private=True)
    assert client.call("repo_exists", repo_id=repo, token="hf_carol") is True
    assert client.call("repo_exists", repo_id=repo, token="hf_bob") is False
    assert client.call("repo_exists", repo_id=repo, token="") is False
    client.call("update_repo_settings", repo_id=repo, private=False)
    assert client.call("repo_exists", repo_id=repo, token="") is True
    assert (
        status(client, "update_repo_settings", repo_id=repo, private=True, token="hf_carol") == 403
    )


def test_gated_files_need_access(client: Client, repo: str) -> None:
    client.call("update_repo_settings", repo_id=repo, gated="manual")
    assert client.call("model_info", repo_id=repo, token="hf_bob")["gated"] == "manual"
    with pytest.raises(ClientError) as caught:
        client.call("auth_check", repo_id=repo, token="hf_bob")
    assert "GatedRepoError" in caught.value.types
    with pytest.raises(ClientError) as caught:
        client.call("snapshot_download", repo_id=repo, token="hf_bob", cache_dir="never")
    assert "GatedRepoError" in caught.value.types
    client.call("update_repo_settings", repo_id=repo, gated=False)
    client.call("auth_check", repo_id=repo, token="hf_bob")


def test_a_repo_is_created_once(client: Client, repo: str) -> None:
    assert status(client, "create_repo", repo_id=repo) == 409
    assert client.call("create_repo", repo_id=repo, exist_ok=True).endswith(f"/{repo}")
    assert status(client, "create_repo", repo_id="other/x") == 403
    assert status(client, "create_repo", repo_id="acme/x", token="hf_carol") == 403
    assert status(client, "create_repo", repo_id="acme/x", token="") == 401


def test_a_repo_moves_and_goes_away(client: Client, repo: str) -> None:
    client.call("upload_file", repo_id=repo, path_in_repo="a", path_or_fileobj=upload(b"a"))
    new = repo.replace("acme/", "alice/")
    client.call("move_repo", from_id=repo, to_id=new)
    assert client.call("repo_exists", repo_id=repo) is False
    assert client.call("file_exists", repo_id=new, filename="a") is True
    assert client.call("model_info", repo_id=new)["id"] == new
    client.call("delete_repo", repo_id=new)
    assert status(client, "delete_repo", repo_id=new) == 404
    client.call("delete_repo", repo_id=new, missing_ok=True)


def test_a_repo_is_copied_with_its_history_and_large_files(client: Client, repo: str) -> None:
    weights = upload(b"w" * 2048)
    client.call("upload_file", repo_id=repo, path_in_repo="m.safetensors", path_or_fileobj=weights)
    client.call("create_tag", repo_id=repo, tag="v1")
    client.call("upload_file", repo_id=repo, path_in_repo="a", path_or_fileobj=upload(b"a"),
                create_pr=True)  # fmt: skip
    client.call("update_repo_settings", repo_id=repo, private=True)
    copy = f"{repo}-copy"
    assert client.call("duplicate_repo", from_id=repo, to_id=copy).endswith(f"/{copy}")
    found = client.call("model_info", repo_id=copy)
    assert found["private"] is True  # as its source
    assert targets(client, copy, "branches") == targets(client, repo, "branches")
    assert targets(client, copy, "tags") == targets(client, repo, "tags")
    refs = client.call("list_repo_refs", repo_id=copy, include_pull_requests=True)
    assert refs["pull_requests"] == []
    assert client.call("file_exists", repo_id=copy, filename="m.safetensors") is True
    assert status(client, "duplicate_repo", from_id=repo, to_id=copy) == 409
    client.call("duplicate_repo", from_id=repo, to_id=copy, exist_ok=True)
    client.call("duplicate_repo", from_id=repo, to_id=f"{repo}-open", private=False)
    assert client.call("model_info", repo_id=f"{repo}-open", token="")["private"] is False
    for to, token, code in (
        ("other/x", "hf_alice", 403),
        (f"{repo}-no", "hf_carol", 403),  # she may only read
        ("bob/mine", "hf_bob", 404),  # he cannot see the source
        (f"{repo}-no", "", 401),
    ):
        assert status(client, "duplicate_repo", from_id=repo, to_id=to, token=token) == code
