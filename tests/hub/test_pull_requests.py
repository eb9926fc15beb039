"""Both official clients open, fill, discuss, close and merge pull requests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hub.world import Client, ClientError, upload


def put(client: Client, repo: str, path: str, content: bytes, **more: Any) -> Any:
    return client.call(
        "upload_file", repo_id=repo, path_in_repo=path, path_or_fileobj=upload(content), **more
    )


def heads(client: Client, repo: str) -> dict[str, str]:
    refs = client.call("list_repo_refs", repo_id=repo, include_pull_requests=True)
    listed = [*refs["branches"], *refs["tags"], *refs["pull_requests"]]
    return {ref["ref"]: ref["target_commit"] for ref in listed}


def test_a_commit_can_open_a_pull_request(client: Client, repo: str) -> None:
    before = heads(client, repo)
    commit = put(client, repo, "a.txt", b"a", create_pr=True, commit_message="Add a")
    assert commit["pr_revision"] == "refs/pr/1"
    after = heads(client, repo)
    assert after == before | {"refs/pr/1": commit["oid"]}
    details = client.call("get_discussion_details", repo_id=repo, discussion_num=1)
    assert details["status"] == "open"
    assert details["target_branch"] == "refs/heads/main"
    assert "+a" in details["diff"]
    assert [e["type"] for e in details["events"]] == ["comment", "commit"]


def test_a_draft_is_filled_opened_and_merged(client: Client, repo: str) -> None:
    pr = client.call("create_pull_request", repo_id=repo, title="Better", description="why")
    assert (pr["num"], pr["status"], pr["is_pull_request"]) == (1, "draft", True)
    put(client, repo, "m.onnx", b"\0" * 99, revision="refs/pr/1", commit_message="Add m")
    put(client, repo, "n.txt", b"n", revision="refs/pr/1", commit_message="Add n")
    put(client, repo, "other.txt", b"o", commit_message="Meanwhile")
    client.call("change_discussion_status", repo_id=repo, discussion_num=1, new_status="open")
    client.call("merge_pull_request", repo_id=repo, discussion_num=1)
    newest, *older = client.call("list_repo_commits", repo_id=repo)
    assert newest["title"] == "Better (#1)"
    assert "- Add m (" in newest["message"]
    assert [c["title"] for c in older] == ["Meanwhile", "initial commit"]
    files = {e["path"] for e in client.call("list_repo_tree", repo_id=repo)}
    assert files == {".gitattributes", "m.onnx", "n.txt", "other.txt"}
    details = client.call("get_discussion_details", repo_id=repo, discussion_num=1)
    assert (details["status"], details["merge_commit_oid"]) == ("merged", newest["commit_id"])


def test_a_conflict_is_reported_and_not_merged(client: Client, repo: str) -> None:
    put(client, repo, "a.txt", b"one", create_pr=True)
    put(client, repo, "a.txt", b"two")
    details = client.call("get_discussion_details", repo_id=repo, discussion_num=1)
    assert details["conflicting_files"] is True
    before = heads(client, repo)
    with pytest.raises(ClientError) as caught:
        client.call("merge_pull_request", repo_id=repo, discussion_num=1)
    assert caught.value.status == 409
    assert heads(client, repo) == before


def test_a_draft_cannot_be_merged(client: Client, repo: str) -> None:
    client.call("create_pull_request", repo_id=repo, title="Draft")
    with pytest.raises(ClientError) as caught:
        client.call("merge_pull_request", repo_id=repo, discussion_num=1)
    assert caught.value.status == 400


def test_a_closed_pull_request_takes_no_commits(client: Client, repo: str) -> None:
    put(client, repo, "a.txt", b"one", create_pr=True)
    client.call("change_discussion_status", repo_id=repo, discussion_num=1, new_status="closed")
    with pytest.raises(ClientError) as caught:
        put(client, repo, "a.txt", b"two", revision="refs/pr/1")
    assert caught.value.status == 400


def test_anybody_may_propose_but_not_merge_or_write(client: Client, repo: str) -> None:
    put(client, repo, "a.txt", b"bob", create_pr=True, token="hf_bob")
    put(client, repo, "m.onnx", b"\0bob", revision="refs/pr/1", token="hf_bob")
    with pytest.raises(ClientError) as caught:
        client.call("merge_pull_request", repo_id=repo, discussion_num=1, token="hf_bob")
    assert caught.value.status == 403
    with pytest.raises(ClientError) as caught:
        put(client, repo, "b.txt", b"bob", token="hf_bob")
    assert caught.value.status == 403
    with pytest.raises(ClientError) as caught:
        put(client, repo, "a.txt", b"carol", create_pr=True, token="hf_carol")
    assert caught.value.status == 403


def test_talk_is_kept(client: Client, repo: str) -> None:
    talk = client.call("create_discussion", repo_id=repo, title="Hm", description="first")
    client.call(
        "comment_discussion", repo_id=repo, discussion_num=1, comment="second", token="hf_bob"
    )
    client.call("rename_discussion", repo_id=repo, discussion_num=1, new_title="Aha")
    put(client, repo, "a.txt", b"a", create_pr=True)
    details = client.call("get_discussion_details", repo_id=repo, discussion_num=talk["num"])
    assert (details["title"], details["is_pull_request"]) == ("Aha", False)
    assert [e.get("content") for e in details["events"]] == ["first", "second", None]
    assert [e["author"] for e in details["events"]] == ["alice", "bob", "alice"]
    listed = client.call("get_repo_discussions", repo_id=repo)
    assert [(d["num"], d["is_pull_request"]) for d in listed] == [(2, True), (1, False)]
    only = client.call("get_repo_discussions", repo_id=repo, discussion_type="pull_request")
    assert [d["num"] for d in only] == [2]


def test_a_pull_request_can_start_at_an_older_commit(client: Client, repo: str) -> None:
    base = heads(client, repo)["refs/heads/main"]
    put(client, repo, "a.txt", b"a")
    commit = put(client, repo, "b.txt", b"b", create_pr=True, parent_commit=base)
    history = client.call("list_repo_commits", repo_id=repo, revision="refs/pr/1")
    assert [c["commit_id"] for c in history] == [commit["oid"], base]


def test_a_comment_is_edited_by_its_author_and_hidden_for_good(client: Client, repo: str) -> None:
    talk: dict[str, Any] = {"repo_id": repo, "discussion_num": 1}
    client.call("create_discussion", repo_id=repo, title="t")
    said = client.call("comment_discussion", **talk, comment="one", token="hf_bob")
    comment = {**talk, "comment_id": said["id"]}
    with pytest.raises(ClientError) as caught:
        client.call("edit_discussion_comment", **comment, new_content="x")
    assert caught.value.status == 403  # a writer of the repository, but not who said it
    done = client.call("edit_discussion_comment", **comment, new_content="two", token="hf_bob")
    assert (done["content"], done["edited"]) == ("two", True)
    assert client.call("hide_discussion_comment", **comment)["hidden"] is True
    events = client.call("get_discussion_details", **talk)["events"]
    assert [event["hidden"] for event in events] == [False, True]
    comment["comment_id"] = "0" * 24
    with pytest.raises(ClientError) as caught:
        client.call("hide_discussion_comment", **comment)
    assert caught.value.status == 404
