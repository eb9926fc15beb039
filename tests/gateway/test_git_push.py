# SPDX-License-Identifier: Apache-2.0
"""``git push`` through the gateway, by git and git-lfs themselves; then the hub is looked at."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN
from tests.gateway.world import address, client_of, issue
from tests.hub.world import ask

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author
    from tests.gateway.world import GatewayProcess
    from tests.hub.world import Git

ZERO = "0" * 40


def commit(git: Git, work: Path, files: Path | dict[str, bytes], message: str = "x") -> str:
    if isinstance(files, dict):
        for name, content in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(content)
    else:
        shutil.copytree(files, work, dirs_exist_ok=True)
    git("add", "--all", ".", cwd=work)
    git("commit", "-qm", message, cwd=work)
    return git("rev-parse", "HEAD", cwd=work).stdout.strip()


def refs(hub: HubProcess, repo: str) -> dict[str, str]:
    found = ask(f"{hub.endpoint}/api/models/{repo}/refs?include_prs=1").json
    return {r["ref"]: r["targetCommit"] for kind in found.values() for r in kind}


def objects(hub: HubProcess, repo: str) -> set[str]:
    """Everything in the hub's git store of that repository, whether a ref leads to it or not."""
    bare = hub.root / "repos" / "models" / f"{repo}.git"
    done = subprocess.run(
        ["git", f"--git-dir={bare}", "cat-file", "--batch-check", "--batch-all-objects"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split("\n"))


def stored(hub: HubProcess) -> set[str]:
    """Every large content in the hub's storage; not what is coming in, for another test perhaps."""
    return {path.name for path in (hub.root / "lfs").glob("??/??/*")}


def log_of(ada: Author, repo: str) -> list[dict[str, Any]]:
    shown = ada.ok("gateway", "log", "show").out
    entries = [json.loads(line) for line in shown.splitlines() if f'"{repo}"' in line]
    return [entry for entry in entries if entry.get("asked") == "GitPush"]


@pytest.mark.lfs
class TestRelease:
    def test_with_evidence_ahead_refs_and_large_files_arrive(
        self, ada: Author, bob: Author, hub: HubProcess, git: Git, work: Path, release: Path,
        there: str,
    ) -> None:  # fmt: skip
        head = commit(git, work, release)
        bob.ok("gateway", "submit", work, there)
        git("tag", "-am", "one", "v1", cwd=work)
        done = git("push", "--follow-tags", "origin", "main", cwd=work)
        assert "refs/heads/main  passed" in done.stderr
        assert hub.endpoint not in done.stderr + done.stdout
        assert refs(hub, there) == {"refs/heads/main": head, "refs/tags/v1": head}
        found = HfApi(endpoint=hub.endpoint, token=TOKEN).verify_repo_checksums(
            there, local_dir=release
        )
        assert not found.mismatches
        assert not found.missing_paths
        ada.ok("audit", there)
        told = log_of(ada, there)
        assert [entry["did"] for entry in told] == ["allowed", "answered"]
        assert told[0]["refs"][0].endswith(head)
        assert told[0]["who"] == "bob"

    def test_without_evidence_no_ref_no_object_and_no_large_file_arrives(
        self, ada: Author, hub: HubProcess, git: Git, work: Path, bare: Path, there: str
    ) -> None:
        before = refs(hub, there), objects(hub, there), stored(hub)
        commit(git, work, bare)
        done = git("push", "origin", "main", cwd=work, fails=True)
        assert f"hubpolicy gateway submit PATH {there}" in done.stderr
        assert (refs(hub, there), objects(hub, there), stored(hub)) == before
        # Where git-lfs is told to send nothing, the refs are judged all the same.
        done = git("push", "--no-verify", "origin", "main", cwd=work, fails=True)
        assert "pre-receive hook declined" in done.stderr
        assert f"Evidence names the hub: HF_ENDPOINT={hub.endpoint} before" in done.stderr
        assert "~/.config/hubpolicy/gateways.toml:  [gateways]" in done.stderr
        assert f'"ADDRESS OF THIS GATEWAY" = "{hub.endpoint}"' in done.stderr
        assert "Nothing was accepted" in done.stderr
        assert (refs(hub, there), objects(hub, there), stored(hub)) == before
        assert log_of(ada, there)[-1]["did"] == "denied"

    def test_pointers_whose_content_was_never_uploaded_are_refused(
        self, bob: Author, hub: HubProcess, git: Git, work: Path, release: Path, there: str
    ) -> None:
        bob.ok("gateway", "submit", release, there)
        commit(git, work, release)
        before = refs(hub, there), objects(hub, there), stored(hub)
        done = git("push", "--no-verify", "origin", "main", cwd=work, fails=True)
        assert "HP404" in done.stderr or "is not on the hub" in done.stderr
        assert (refs(hub, there), objects(hub, there), stored(hub)) == before
        git("push", "origin", "main", cwd=work)

    def test_one_changed_byte_after_the_evidence_stays_here(
        self, bob: Author, hub: HubProcess, git: Git, work: Path, release: Path, there: str
    ) -> None:
        bob.ok("gateway", "submit", release, there)
        weights = release / "tokenizer.json"
        weights.write_bytes(weights.read_bytes() + b" ")
        commit(git, work, release)
        before = refs(hub, there), objects(hub, there)
        done = git("push", "origin", "main", cwd=work, fails=True)
        assert "HP302" in done.stderr or "HP3" in done.stderr
        assert (refs(hub, there), objects(hub, there)) == before

    def test_weights_of_the_past_do_not_travel_with_a_release(
        self, bob: Author, hub: HubProcess, git: Git, work: Path, release: Path, there: str
    ) -> None:
        bob.ok("gateway", "submit", release, there)
        commit(git, work, {"old.weights": b"\x80\x02" + b"w" * 5000})
        (work / "old.weights").unlink()
        commit(git, work, release)
        before = refs(hub, there), objects(hub, there)
        done = git("push", "origin", "main", cwd=work, fails=True)
        assert "HP601" in done.stderr
        assert (refs(hub, there), objects(hub, there)) == before


class TestAnyPush:
    """No weights, so no large files: what is refused, and what is left of it."""

    @pytest.fixture
    def released(
        self, bob: Author, git: Git, work: Path, release: Path, there: str
    ) -> tuple[Path, str]:
        """A clone whose head is a release that the hub has."""
        bob.ok("gateway", "submit", release, there)
        head = commit(git, work, release)
        git("push", "-q", "origin", "main", cwd=work)
        return work, head

    def test_what_stands_there_is_neither_lost_nor_rewritten(
        self, hub: HubProcess, git: Git, released: tuple[Path, str], there: str
    ) -> None:
        work, head = released
        git("push", "-q", "origin", "main:dev", "main:refs/tags/v1", cwd=work)
        before = refs(hub, there)
        assert before["refs/heads/dev"] == head
        git("commit", "-q", "--amend", "-m", "other", cwd=work)
        for spec, words in (
            ("+main:main", "would be lost"),
            ("+main:refs/tags/v1", "does not move"),
            (":dev", "nor brought back"),
            (":refs/tags/v1", "nor brought back"),
            ("main:refs/notes/x", "only branches, tags and pull requests"),
            ("main:refs/pr/0", "only branches, tags and pull requests"),
        ):
            done = git("push", "--no-verify", "origin", spec, cwd=work, fails=True)
            assert words in done.stderr, done.stderr
            assert "HP510" in done.stderr
        # One bad ref, and the good ones beside it stay here too.
        git("push", "--no-verify", "origin", f"{head}:refs/heads/good", ":dev", cwd=work,
            fails=True)  # fmt: skip
        assert refs(hub, there) == before

    def test_a_hub_that_moved_or_refuses_is_told_and_forgotten(
        self, ada: Author, hub: HubProcess, git: Git, released: tuple[Path, str], there: str
    ) -> None:
        work, head = released
        git("commit", "-q", "--allow-empty", "-m", "mine", cwd=work)
        hub.faults({"path_regex": "git-receive-pack$", "method": "POST", "action": "status",
                    "status": 500})  # fmt: skip
        done = git("push", "origin", "main", cwd=work, fails=True)
        assert "it passed, and the hub did not take it" in done.stderr
        assert hub.endpoint not in done.stderr
        assert refs(hub, there) == {"refs/heads/main": head}
        assert [entry["did"] for entry in log_of(ada, there)[-2:]] == ["allowed", "answered"]
        assert log_of(ada, there)[-1]["status"] == 409
        # Somebody with another token made a branch; and the hub's answer to a push gets lost.
        theirs = HfApi(endpoint=hub.endpoint, token=TOKEN).create_branch
        theirs(there, branch="raced", revision=head)
        hub.faults({"path_regex": "git-receive-pack$", "method": "POST", "action": "close",
                    "when": "response"})  # fmt: skip
        git("push", "-q", "origin", "main", cwd=work)
        git("fetch", "-q", cwd=work)
        assert git("rev-parse", "origin/raced", cwd=work).stdout.strip() == head
        assert refs(hub, there)["refs/heads/main"] == git("rev-parse", "main", cwd=work).stdout[:40]

    def test_of_two_at_once_one_is_taken(
        self, hub: HubProcess, git: Git, released: tuple[Path, str], there: str
    ) -> None:
        work, head = released
        made = []
        for name in ("one", "two"):
            git("commit", "-q", "--allow-empty", "-m", name, cwd=work)
            made.append(git("rev-parse", "HEAD", cwd=work).stdout.strip())
            git("reset", "-q", "--hard", head, cwd=work)
        pushing = [
            subprocess.Popen(
                ["git", "push", "--no-verify", "origin", f"{oid}:main"], cwd=work,
                env=git.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            ) for oid in made
        ]  # fmt: skip
        told = [each.communicate(timeout=120)[0] for each in pushing]
        codes = [each.returncode for each in pushing]
        assert sorted(codes) == [0, 1], told
        assert refs(hub, there) == {"refs/heads/main": made[codes.index(0)]}
        # Refused here, or at the hub; or the second was offered already what the first one pushed.
        words = ("HP510", "stale info", "fetch first")
        assert any(each in told[codes.index(1)] for each in words), told

    def test_a_lease_on_what_was_offered(
        self, gateway: GatewayProcess, hub: HubProcess, token: str, git: Git,
        released: tuple[Path, str], there: str,
    ) -> None:  # fmt: skip
        """A pusher names where a branch stood. Who says something else moves nothing."""
        work, head = released
        git("commit", "-q", "--allow-empty", "-m", "next", cwd=work)
        new = git("rev-parse", "HEAD", cwd=work).stdout.strip()
        pack = subprocess.run(
            ["git", "pack-objects", "--stdout", "--revs"], input=f"{new}\n^{head}\n".encode(),
            cwd=work, capture_output=True, check=True,
        ).stdout  # fmt: skip
        first = git("rev-parse", f"{head}~1", cwd=work).stdout.strip()

        def push(old: str, ref: str, *, packed: bool = False) -> bytes:
            line = f"{old} {new} {ref}\0 report-status side-band-64k\n".encode()
            body = b"%04x%s0000%s" % (len(line) + 4, line, pack)
            kind = {"Content-Type": "application/x-git-receive-pack-request"}
            if packed:
                body, kind = gzip.compress(body), kind | {"Content-Encoding": "gzip"}
            url = f"{gateway.endpoint}/{there}.git/git-receive-pack"
            return ask(url, "POST", body=body, token=token, headers=kind).body

        assert b"ng refs/heads/main" in push(first, "refs/heads/main")
        assert b"ng refs/heads/main" in push(ZERO, "refs/heads/main")
        assert refs(hub, there) == {"refs/heads/main": head}
        assert b"ok refs/heads/main" in push(head, "refs/heads/main", packed=True)
        assert refs(hub, there) == {"refs/heads/main": new}

    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (b"0000", {}, 403),
            (b"0000", {"Content-Type": "application/x-git-receive-pack-request"}, 200),
            (b"xx", {"Content-Encoding": "gzip"}, 413),
            (b"xx", {"Content-Encoding": "br"}, 413),
            (gzip.compress(b"0000", mtime=0)[:-9], {"Content-Encoding": "gzip"}, 413),
        ],
        ids=["no type", "no refs", "no gzip", "another packing", "cut off"],
    )
    def test_a_body_that_is_no_push(
        self, gateway: GatewayProcess, there: str, token: str, body: bytes,
        headers: dict[str, str], status: int,
    ) -> None:  # fmt: skip
        kind = {"Content-Type": "application/x-git-receive-pack-request"} if headers else {}
        done = ask(f"{gateway.endpoint}/{there}.git/git-receive-pack", "POST", body=body,
                   token=token, headers=kind | headers)  # fmt: skip
        assert done.status == status

    def test_broken_packs_and_objects_are_not_taken(
        self, gateway: GatewayProcess, hub: HubProcess, git: Git, work: Path, there: str,
        token: str,
    ) -> None:  # fmt: skip
        """git checks every object: a tree that names ``.git`` is written to nobody's disk."""
        blob = git("hash-object", "-w", ".gitattributes", cwd=work).stdout.strip()
        tree = subprocess.run(
            ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
            input=b"100644 .git\0" + bytes.fromhex(blob), cwd=work, capture_output=True, check=True,
        ).stdout.decode().strip()  # fmt: skip
        made = git("commit-tree", tree, "-p", "HEAD", "-m", "x", cwd=work).stdout.strip()
        before = refs(hub, there), objects(hub, there)
        done = git("push", "--no-verify", "origin", f"{made}:main", cwd=work, fails=True)
        assert "fsck" in done.stderr
        url = f"{gateway.endpoint}/{there}.git/git-receive-pack"
        kind = {"Content-Type": "application/x-git-receive-pack-request"}
        line = f"{refs(hub, there)['refs/heads/main']} {made} refs/heads/main\0 report-status\n"
        raw = b"%04x%s0000PACK" % (len(line) + 4, line.encode())
        answer = ask(url, "POST", body=raw, token=token, headers=kind)
        assert b"unpack ok" not in answer.body
        assert (refs(hub, there), objects(hub, there)) == before

    def test_who_may_not_push_reads_no_offer(
        self, ada: Author, gateway: GatewayProcess, hub: HubProcess, there: str, token: str
    ) -> None:
        name = there.partition("/")[2]
        reader = issue(ada, f"reader-{name}", "acme/*", **{"read-only": ""})
        stranger = issue(ada, f"stranger-{name}", "globex/*")
        offer = f"{gateway.endpoint}/{there}.git/info/refs?service=git-receive-pack"
        take = f"{gateway.endpoint}/{there}.git/git-receive-pack"
        kind = {"Content-Type": "application/x-git-receive-pack-request"}
        for who, status in ((None, 401), ("hpg_x", 401), (TOKEN, 401), (reader, 403),
                            (stranger, 403)):  # fmt: skip
            assert ask(offer, token=who).status == status
            assert ask(take, "POST", body=b"0000", token=who, headers=kind).status == status
        assert ask(offer, token=token).status == 200
        read = f"{gateway.endpoint}/{there}.git/info/refs?service=git-upload-pack"
        assert ask(read, token=reader).status == 200
        missing = f"{gateway.endpoint}/acme/nowhere.git/info/refs?service=git-receive-pack"
        assert ask(missing, token=token).status == 403

    def test_data_sets_take_what_is_no_weight(
        self, gateway: GatewayProcess, hub: HubProcess, git: Git, repo: str, token: str,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        api = HfApi(endpoint=hub.endpoint, token=TOKEN)
        api.create_repo(repo, repo_type="dataset", private=True)
        git("clone", "-q", address(gateway, token, f"datasets/{repo}"), "rows", cwd=tmp_path)
        work = tmp_path / "rows"
        commit(git, work, {"rows.csv": b"a,b\n1,2\n"})
        git("push", "-q", "origin", "main", cwd=work)
        assert "rows.csv" in api.list_repo_files(repo, repo_type="dataset")
        commit(git, work, {"hidden.safetensors.txt": b"x", "model.gguf": b"GGUF" + b"w" * 100})
        git("push", "origin", "main", cwd=work, fails=True)
        assert "model.gguf" not in api.list_repo_files(repo, repo_type="dataset")


def test_read_only_people_write_nothing(
    ada: Author, bob: Author, there: str, hub: HubProcess
) -> None:
    token = issue(ada, f"only-{there.partition('/')[2]}", "acme/*", **{"read-only": ""})
    bob.environment["HF_TOKEN"] = token
    api = client_of(bob)
    assert api.model_info(there).private
    assert api.whoami()["auth"]["accessToken"]["role"] == "read"
    for path, body in (("settings", {"visibility": "private"}), ("discussions", {"title": "x"})):
        method = "PUT" if path == "settings" else "POST"
        done = ask(f"{bob.endpoint}/api/models/{there}/{path}", method, body=body, token=token,
                   headers={"Content-Type": "application/json"})  # fmt: skip
        assert done.status == 403
        assert "reading alone" in done.headers["x-error-message"]
    done = ask(f"{bob.endpoint}/.hubpolicy/evidence/models/{there}", "PUT", body=b"{}", token=token)
    assert done.status == 403
