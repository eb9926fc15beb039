# SPDX-License-Identifier: Apache-2.0
"""Ways around the gateway: each is tried on the wire, and then the hub is looked at."""

from __future__ import annotations

import contextlib
import json
import socket
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from hubpolicy.gateway.records import Records
from tests.e2e.author import TOKEN
from tests.flows.gating_world import header, line, ndjson, small
from tests.gateway.test_git_push import stored
from tests.gateway.world import client_of, issue
from tests.hub.world import Answer, ask, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author
    from tests.gateway.world import GatewayProcess

NDJSON = {"Content-Type": "application/x-ndjson"}
EVIL = "e" * 64


def wire(gateway: GatewayProcess, raw: bytes) -> bytes:
    """The status line that these very bytes get, or nothing if the connection is dropped."""
    parts = urlsplit(gateway.endpoint)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
    return answer


@pytest.fixture
def there(hub: HubProcess, repo: str) -> Iterator[str]:
    """A private repository; after the test nothing in it has changed."""
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(repo, private=True)

    def state() -> Any:
        found = api.model_info(repo, files_metadata=True)
        refs = api.list_repo_refs(repo, include_pull_requests=True)
        return found.sha, found.private, str(found.siblings), str(refs)

    before = state()
    yield repo
    assert state() == before


class TestWhoAsks:
    def test_nobody_and_strangers_write_nothing(
        self, gateway: GatewayProcess, ada: Author, there: str, token: str
    ) -> None:
        url = f"{gateway.endpoint}/api/models/{there}/settings"
        show = {"visibility": "public"}
        for who in (None, "hf_alice", TOKEN, "hpg_x", token + "x", token[:-1], "hpg_" + "0" * 60):
            done = ask(
                url, "PUT", body=show, token=who, headers={"Content-Type": "application/json"}
            )
            assert done.status == 401, who
            assert "WWW-Authenticate".lower() in done.headers
        stranger = issue(ada, f"eve-{there.replace('/', '-')}", "globex/*")
        done = ask(
            url, "PUT", body=show, token=stranger, headers={"Content-Type": "application/json"}
        )
        assert done.status == 403
        assert "not for" in done.headers["x-error-message"]

    def test_a_revoked_and_an_expired_token_open_nothing_from_then_on(
        self, gateway: GatewayProcess, ada: Author, there: str
    ) -> None:
        name = there.replace("/", "-")
        good = issue(ada, f"dan-{name}", there)
        url = f"{gateway.endpoint}/api/models/{there}"
        assert ask(url, token=good).status == 200
        ada.ok("gateway", "token", "revoke", f"dan-{name}")
        assert ask(url, token=good).status == 401
        with contextlib.closing(Records(next(ada.home.rglob("gateway.sqlite3")))) as records:
            old = records.issue(f"old-{name}", (there,), "2019-01-01", "2020-01-01T00:00:00Z")
        assert ask(url, token=old).status == 401

    def test_a_token_in_the_address_is_refused_and_not_passed_on(
        self, gateway: GatewayProcess, hub: HubProcess, there: str, token: str
    ) -> None:
        seen = len(hub.requests(there))
        done = ask(f"{gateway.endpoint}/api/models/{there}?token={token}", token=None)
        assert done.status == 401
        assert len(hub.requests(there)) == seen

    def test_what_is_private_is_read_only_by_whom_it_is_for(
        self, gateway: GatewayProcess, ada: Author, there: str, token: str
    ) -> None:
        url = f"{gateway.endpoint}/api/models/{there}"
        other = issue(ada, f"fay-{there.replace('/', '-')}", "acme/another")
        assert ask(url, token=token).status == 200
        assert ask(url, token=other).status == 401
        assert ask(url, token=None).status == 401
        sneaked = f"{gateway.endpoint}/api/models/acme/another/../../{there}"
        assert ask(sneaked, token=other).status in {400, 403, 404}

    def test_whoami_is_the_gateway_s_answer(self, bob: Author, gateway: GatewayProcess) -> None:
        me = client_of(bob).whoami()
        assert (me["name"], [org["name"] for org in me["orgs"]]) == ("bob", ["acme"])
        assert "alice" not in json.dumps(me)


WRITES: list[tuple[str, str, Any]] = [
    ("PUT", "/api/models/{repo}/settings", {"visibility": "public"}),
    ("PUT", "/api/models/{repo}/settings", {"gated": False}),
    ("POST", "/api/models/{repo}/tag/main", {"tag": "v1"}),
    ("POST", "/api/models/{repo}/branch/dev", {}),
    ("POST", "/api/models/{repo}/super-squash/main", {"message": "x"}),
    ("POST", "/api/models/{repo}/discussions/1/merge", {}),
    ("POST", "/api/models/{repo}/duplicate", {"repository": "acme/copy"}),
    ("POST", "/api/repos/move", {"fromRepo": "{repo}", "toRepo": "acme/moved", "type": "model"}),
    ("DELETE", "/api/repos/delete", {"name": "m", "organization": "acme"}),
    ("POST", "/api/repos/create", {"name": "fresh", "organization": "acme", "type": "model"}),
    ("POST", "/api/repos/create", {"name": "fresh", "type": "model"}),
    ("POST", "/api/models/{repo}/preupload/main", {"files": [{"path": "m.bin", "size": 9}]}),
    ("POST", "/{repo}.git/info/lfs/objects/batch",
     {"operation": "upload", "objects": [{"oid": EVIL, "size": 3}]}),
    ("GET", "/api/models/{repo}/xet-write-token/main", None),
    ("POST", "/api/models/{repo}/lfs-files/batch", {"deletions": {}}),
    ("POST", "/api/buckets/acme/b", {}),
    ("POST", "/uploads", {"a": 1}),
    ("POST", "/api/models/{repo}/like", {}),
    ("PATCH", "/api/models/{repo}", {}),
    ("POST", "/{repo}.git/git-receive-pack", {}),
]  # fmt: skip


def test_no_write_passes_without_evidence(gateway: GatewayProcess, there: str, token: str) -> None:
    for method, path, body in WRITES:
        filled = json.loads(json.dumps(body).replace("{repo}", there)) if body is not None else None
        done = ask(
            gateway.endpoint + path.replace("{repo}", there), method, body=filled, token=token,
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert done.status == 403, (method, path, done)
        assert done.headers["x-error-message"].startswith("hubpolicy: HP"), (method, path)


def test_what_turns_one_request_into_another_is_denied(
    gateway: GatewayProcess, there: str, token: str, bare: Path
) -> None:
    commit = ndjson(bare)
    good = f"/api/models/{there}/commit/main"
    for path, headers in (
        (good, {"X-HTTP-Method-Override": "GET"}),
        (good, {"X-Original-URL": "/api/validate-yaml"}),
        (good, {"Content-Encoding": "gzip"}),
        (good, {"Content-Type": "application/json"}),
        (good + "?_method=GET", {}),
        (good.replace("/commit/", "/commit%2F"), {}),
        (good.replace("acme/", "acme%2F"), {}),
        (good.replace("/api/", "/API/"), {}),
        (good + "/", {}),
        ("/." + good, {}),
        ("/x/.." + good, {}),
        ("/" + good, {}),
    ):
        sent = {**NDJSON, **headers}
        done = ask(gateway.endpoint + path, "POST", body=commit, token=token, headers=sent)
        assert done.status in {400, 403, 404}, path


def test_a_commit_without_evidence_or_with_two_meanings_is_denied(
    gateway: GatewayProcess, there: str, token: str, bare: Path
) -> None:
    url = f"{gateway.endpoint}/api/models/{there}/commit/main"
    twice = b'{"key":"file","key":"deletedFile","value":{"path":"a"}}\n'
    bad = (
        ndjson(bare),
        header() + twice,
        header() + line("deletedFile", path=".gitattributes"),
        header() + small("x", b"1") + small("x", b"2"),
        header() + line("lfsFile", path="../../x", algo="sha256", oid=EVIL, size=1),
        header() + b'{"key":"file","value":{"path":"a","content":"' + b"A" * 40_000_000 + b'"}}\n',
        header() + b"\xff\n",
        b"",
    )
    for body in bad:
        assert ask(url, "POST", body=body, token=token, headers=NDJSON).status == 403


class TestWire:
    """Bytes that two servers could cut into requests differently (RFC 9112 §11.2)."""

    def raw(self, token: str, repo: str, *headers: str, body: bytes, target: str = "") -> bytes:
        path = target or f"/api/models/{repo}/settings"
        lines = (f"PUT {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}",
                 "Content-Type: application/json", "Connection: close", *headers)  # fmt: skip
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def test_no_smuggled_request_reaches_the_hub(
        self, gateway: GatewayProcess, hub: HubProcess, there: str, token: str
    ) -> None:
        show = b'{"visibility":"public"}'
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(show), show)
        length = f"Content-Length: {len(show)}"
        inner = self.raw(token, there, length, body=show)
        cases = (
            self.raw(token, there, length, "Transfer-Encoding: chunked", body=chunked),
            self.raw(token, there, length, "Content-Length: 0", body=show),
            self.raw(token, there, "Transfer-Encoding: chunked, identity", body=chunked),
            self.raw(token, there, "Transfer-Encoding : chunked", body=chunked),
            self.raw(token, there, length, body=show,
                     target=f"http://{urlsplit(hub.endpoint).netloc}/api/models/{there}/settings"),
            self.raw(token, there, f"X-A: b\n{length}", body=show),
            self.raw(token, there, "Content-Length: +23", body=show),
            b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX: \0\r\n\r\n" + inner,
        )  # fmt: skip
        for number, case in enumerate(cases):
            answer = wire(gateway, case)
            assert b" 200 " not in answer, number


class TestRace:
    """Somebody else who holds a token of the hub's writes while a judged commit is on its way."""

    @pytest.fixture
    def sent(self, hub: HubProcess, bob: Author, release: Path, repo: str) -> HfApi:
        """The contents are there, the commit is not."""
        api = HfApi(endpoint=hub.endpoint, token=TOKEN)
        api.create_repo(repo, private=True)
        bob.ok("gateway", "submit", release, repo)
        files = [
            CommitOperationAdd(path.name, path) for path in release.iterdir() if path.is_file()
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client_of(bob).preupload_lfs_files(repo, files)
        return api

    def commit(self, bob: Author, repo: str, body: bytes) -> Answer:
        url = f"{bob.endpoint}/api/models/{repo}/commit/main"
        return ask(url, "POST", body=body, token=bob.environment["HF_TOKEN"], headers=NDJSON)

    def test_a_parent_that_is_named_must_be_the_head(
        self, sent: HfApi, bob: Author, release: Path, repo: str
    ) -> None:
        head = str(sent.repo_info(repo).sha)
        done = self.commit(bob, repo, ndjson(release, parent="0" * 40))
        assert done.status == 403
        assert head[:12] in done.headers["x-error-message"]
        done = self.commit(bob, repo, ndjson(release, parent=head[:8]))
        assert done.status == 200
        assert done.json["commitUrl"].startswith(bob.endpoint)
        assert [c.commit_id for c in sent.list_repo_commits(repo)] == [done.json["commitOid"], head]

    def test_the_hub_refuses_a_commit_whose_judged_parent_moved(
        self, sent: HfApi, hub: HubProcess, bob: Author, release: Path, repo: str
    ) -> None:
        hub.faults({"method": "POST", "path_regex": f"{repo}/commit/main",
                    "action": "delay", "seconds": 60, "times": 1})  # fmt: skip
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(self.commit, bob, repo, ndjson(release))
            until(lambda: f"POST /api/models/{repo}/commit/main" in hub.delayed())
            theirs = sent.upload_file(
                repo_id=repo, path_in_repo="x.txt", path_or_fileobj=b"between"
            )
            hub.configure({})
            done = waiting.result(60)
        assert done.status in {403, 412}
        assert sent.repo_info(repo).sha == theirs.oid

    def test_what_the_hub_makes_of_a_commit_is_looked_at(
        self, sent: HfApi, hub: HubProcess, ada: Author, bob: Author, release: Path, repo: str
    ) -> None:
        hub.faults({"method": "POST", "path_regex": f"{repo}/commit/main",
                    "action": "tamper", "path": "README.md", "times": 1})  # fmt: skip
        assert self.commit(bob, repo, ndjson(release)).status == 200
        told = ada.ok("gateway", "log", "show").out
        mine = [json.loads(line) for line in told.splitlines() if f'"{repo}"' in line]
        assert [entry["did"] for entry in mine][-3:] == ["allowed", "answered", "incident"]
        assert "README.md" in mine[-1]["reason"]


def test_what_comes_into_a_pull_request_while_it_is_merged_is_taken_back(
    gateway: GatewayProcess, hub: HubProcess, ada: Author, release: Path, repo: str, token: str
) -> None:
    ada.ok("push", release, repo)
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    note = [CommitOperationAdd("note.md", b"hi")]
    pull = api.create_commit(repo, note, commit_message="x", create_pr=True)
    assert pull.pr_revision is not None
    api.delete_file("note.md", repo, revision=pull.pr_revision)  # now it is the tree on main
    before = api.repo_info(repo).sha
    path = f"/api/models/{repo}/discussions/{pull.pr_num}/merge"
    hub.faults({"method": "POST", "path_regex": path, "action": "delay", "seconds": 60,
                "times": 1})  # fmt: skip

    def entries() -> list[Any]:
        lines = ada.ok("gateway", "log", "show").out.splitlines()
        return [json.loads(line) for line in lines if path in line]

    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(
            ask, gateway.endpoint + path, "POST", body={}, token=token,
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        until(lambda: f"POST {path}" in hub.delayed())
        api.upload_file(
            repo_id=repo, path_in_repo="evil.py", path_or_fileobj=b"e" * 99,
            revision=pull.pr_revision,
        )  # fmt: skip
        hub.configure({})
        assert waiting.result(60).status == 200
    told = entries()
    assert [entry["did"] for entry in told] == ["allowed", "answered", "incident", "taken back"]
    assert "evil.py" in told[2]["reason"]
    assert f"restored to {str(before)[:12]}" in told[3]["reason"]
    good, now = (api.list_repo_tree(repo, revision=each) for each in (before, "main"))
    assert {str(each) for each in now} == {str(each) for each in good}


def test_a_tampered_file_does_not_get_as_far_as_storage(
    bob: Author, hub: HubProcess, release: Path, repo: str
) -> None:
    HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(repo, private=True)
    bob.ok("gateway", "submit", release, repo)
    weights = release / "model.onnx.data"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    before = stored(hub)
    with pytest.raises(HfHubHTTPError, match="HP511"):
        client_of(bob).upload_folder(repo_id=repo, folder_path=str(release))
    assert stored(hub) == before
