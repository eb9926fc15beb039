"""The faults that tests of other parts rely on do what they say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.world import Client, ClientError, ask, until, upload

if TYPE_CHECKING:
    from hubpolicy.demo.hub.process import HubProcess


def put(client: Client, repo: str, path: str, content: bytes) -> Any:
    return client.call(
        "upload_file", repo_id=repo, path_in_repo=path, path_or_fileobj=upload(content)
    )


def test_a_status_is_answered_so_many_times_and_the_client_retries(
    client: Client, hub: HubProcess, repo: str
) -> None:
    hub.faults({"path_regex": f"{repo}/preupload/", "status": 429, "times": 1})
    put(client, repo, "a.txt", b"a")
    struck = [r["status"] for r in hub.requests() if f"{repo}/preupload" in r["path"]]
    assert struck == [429, 200]


@pytest.mark.parametrize("status", [401, 403, 404, 409, 412, 429, 500])
def test_any_status_reaches_the_caller_and_nothing_is_written(
    client: Client, hub: HubProcess, repo: str, status: int
) -> None:
    hub.faults({"method": "POST", "path_regex": f"{repo}/commit/", "status": status})
    with pytest.raises(ClientError) as caught:
        put(client, repo, "a.txt", b"a")
    assert caught.value.status == status
    put(client, repo, "a.txt", b"a")
    assert len(client.call("list_repo_commits", repo_id=repo)) == 2


def test_headers_methods_and_a_late_beginning(hub: HubProcess) -> None:
    fault = {"method": "GET", "path_regex": "whoami", "status": 429, "after": 1}
    hub.faults(fault | {"headers": {"Retry-After": "7"}, "id": "late"})
    address = f"{hub.endpoint}/api/whoami-v2"
    assert ask(address, "HEAD").status == 200
    assert ask(address).status == 200
    struck = ask(address)
    assert (struck.status, struck.headers["retry-after"]) == (429, "7")
    assert ask(address).status == 200


def test_a_dropped_connection_before_the_work_leaves_nothing(
    client: Client, hub: HubProcess, repo: str
) -> None:
    hub.faults({"path_regex": f"{repo}/commit/", "action": "close"})
    with pytest.raises(ClientError) as caught:
        put(client, repo, "a.txt", b"a")
    assert caught.value.status is None
    assert len(client.call("list_repo_commits", repo_id=repo)) == 1


def test_a_dropped_answer_after_the_work_leaves_the_commit(
    client: Client, hub: HubProcess, repo: str
) -> None:
    hub.faults({"path_regex": f"{repo}/commit/", "action": "close", "when": "response"})
    with pytest.raises(ClientError) as caught:
        put(client, repo, "a.txt", b"a")
    assert caught.value.status is None
    assert len(client.call("list_repo_commits", repo_id=repo)) == 2


@pytest.mark.parametrize("path", ["model.onnx", "config.json"])
def test_tampering_changes_what_is_read_back(
    client: Client, hub: HubProcess, repo: str, path: str
) -> None:
    hub.faults({"action": "tamper", "path": path, "path_regex": f"{repo}/commit/"})
    commit = put(client, repo, path, b"\0good" if path == "model.onnx" else b"good")
    head = client.call("model_info", repo_id=repo)["sha"]
    assert head != commit["oid"]
    asked = {
        rev: client.call("get_paths_info", repo_id=repo, paths=[path], revision=rev)[0]
        for rev in (head, commit["oid"])
    }
    assert asked[head]["blob_id"] != asked[commit["oid"]]["blob_id"]
    assert (asked[head]["lfs"] is None) == (path == "config.json")
    snapshot = client.call("snapshot_download", repo_id=repo)
    with open(f"{snapshot}/{path}", "rb") as file:
        assert file.read().endswith(b"gooe")


def test_stale_reads_show_the_state_before_the_last_commit(
    client: Client, hub: HubProcess, repo: str
) -> None:
    before = client.call("model_info", repo_id=repo)["sha"]
    commit = put(client, repo, "a.txt", b"a")
    pattern = f"models/{repo}(/|$)"
    hub.faults({"action": "stale_read", "method": "GET", "path_regex": pattern, "times": 4})
    assert client.call("model_info", repo_id=repo)["sha"] == before
    refs = client.call("list_repo_refs", repo_id=repo)
    assert refs["branches"][0]["target_commit"] == before
    assert [e["path"] for e in client.call("list_repo_tree", repo_id=repo)] == [".gitattributes"]
    with pytest.raises(ClientError) as caught:
        client.call("model_info", repo_id=repo, revision=commit["oid"])
    assert "RevisionNotFoundError" in caught.value.types
    assert client.call("model_info", repo_id=repo)["sha"] == commit["oid"]


def test_a_delay_is_told_when_it_begins_and_ends_with_its_fault(
    hub: HubProcess, repo_id: str
) -> None:
    path = f"/api/models/{repo_id}/settings"
    hub.faults({"path_regex": path, "action": "delay", "seconds": 300})
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(ask, hub.endpoint + path, "PUT", body={})
        until(lambda: f"PUT {path}" in hub.delayed())
        assert not [line for line in hub.requests() if line["path"] == path]
        hub.configure({})
        assert waiting.result(60).status == 404


def test_a_configuration_with_an_unknown_key_is_an_error_not_a_default(
    hub: HubProcess,
) -> None:
    address = f"{hub.endpoint}/api/whoami-v2"
    hub.configure({"page_sise": 3})
    assert ask(address).status == 500
    hub.configure({})
    assert ask(address).status == 200
    (hub.root / "errors.log").unlink()


def test_the_log_names_no_token(client: Client, hub: HubProcess, repo: str) -> None:
    put(client, repo, "m.onnx", b"\0x")
    log = (hub.root / "requests.jsonl").read_text()
    assert "hf_alice" not in log
    assert "signature" not in log
    assert '"account": "alice"' in log


def test_a_request_that_is_repeated_on_its_way_is_answered_for_the_second_time(
    client: Client, hub: HubProcess, repo: str
) -> None:
    hub.faults({"path_regex": f"{repo}/commit/", "action": "twice"})
    put(client, repo, "a.txt", b"a")
    assert len(client.call("list_repo_commits", repo_id=repo)) == 3


def test_a_repo_that_vanishes_is_gone_for_this_request_and_after(
    client: Client, hub: HubProcess, repo: str
) -> None:
    assert client.call("list_repo_refs", repo_id=repo)["branches"]
    hub.faults({"path_regex": f"{repo}/tree/", "action": "vanish"})
    for function in ("list_repo_tree", "list_repo_refs"):
        with pytest.raises(ClientError) as caught:
            client.call(function, repo_id=repo)
        assert "RepositoryNotFoundError" in caught.value.types
