# SPDX-License-Identifier: Apache-2.0
"""Names of refs that git has not looked at yet when its hook runs: nobody may act on one."""

from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubpolicy.domain.refs import Push, RefUpdate, is_ref_name
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import MalformedError
from hubpolicy.flows.gate_push import refused_refs
from hubpolicy.gateway.commands import MOST_BYTES, MOST_REFS, read_commands, refusal
from hubpolicy.gateway.mirror import Mirrors
from hubpolicy.gateway.settings import Settings
from tests.e2e.author import TOKEN
from tests.gateway.test_git_push import commit
from tests.gateway.world import address
from tests.hub.world import ask

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.e2e.author import Author
    from tests.gateway.world import GatewayProcess
    from tests.hub.world import Git

ZERO, OLD, NEW = "0" * 40, "1" * 40, "2" * 40
_PIECES = st.sampled_from(
    [*"ab/.~^:?*[\\@{ -\n\r\t\x7f\x1bé", "refs/heads/", "refs/tags", "..", "@{", ".lock", "//"]
)
NAMES = st.lists(_PIECES, max_size=7).map("".join).map("refs/heads/".__add__)
STRANGE = (
    b"refs/heads/x:refs/heads/main", b"refs/heads/one\n%s %s refs/heads/main", b"refs/heads/a b",
    b"refs/heads/two\nend", b"refs/heads/\xff\xfe", b"refs/heads/\x1b[31mred", b"refs/heads/*",
    b"refs/heads/\r\nx", b"refs/heads/..", b"refs/heads/x^{}", b"refs/heads/a.lock/b",
    "refs/heads/ä".encode(),
)  # fmt: skip


def taken_by_git(name: str) -> bool:
    done = subprocess.run(["git", "check-ref-format", name], capture_output=True, check=False)
    return done.returncode == 0


@settings(max_examples=120)
@given(NAMES)
@example("refs/heads/@")
@example("refs/heads/-x")
@example("refs/heads/a.lock")
@example("refs/heads/.a")
@example("refs/heads/a.")
def test_a_name_is_one_that_git_takes(name: str) -> None:
    assert is_ref_name(name) == (taken_by_git(name) and name.isascii())


@pytest.mark.parametrize("raw", STRANGE)
@pytest.mark.parametrize("free", [False, True])
def test_no_such_name_is_acted_on(raw: bytes, tmp_path: Path, free: bool) -> None:
    """Neither by who decides nor by who would make a refspec of it."""
    name = raw.decode("utf-8", "surrogateescape")
    push = Push("", "", (RefUpdate(name, NEW, name, ZERO),))
    refused = refused_refs(RepoId("acme", "m"), push, lambda _: True, free=free)
    assert refused is not None
    assert "no name of a ref" in refused.reason
    mirrors = Mirrors(Settings("http://hub", "http://hub", "t", "::1", 0, git_folder=str(tmp_path)))
    with pytest.raises(MalformedError, match="no name of a ref"):
        mirrors.send(RepoId("acme", "m"), push, {})


def packet(content: bytes) -> bytes:
    return b"%04x%s" % (len(content) + 4, content)


def commands(*names: bytes, offered: bytes = b"report-status side-band-64k") -> bytes:
    """What git would send to make each a branch at one commit."""
    lines = [f"{ZERO} {NEW} ".encode() + name for name in names]
    lines[0] += b"\0 " + offered
    return b"".join(packet(line + b"\n") for line in lines) + b"0000"


@given(st.lists(st.sampled_from([b"a", b"b/c", b"d-e", b"1.2"]), unique=True, min_size=1))
def test_each_command_is_read_as_git_reads_it(names: list[bytes]) -> None:
    refs = [b"refs/heads/" + name for name in names]
    found = read_commands(io.BytesIO(commands(*refs) + b"PACK..."))
    assert not found.fault
    assert [u.remote_ref.encode() for u in found.updates] == refs
    assert all(u.local_oid == NEW and u.creates for u in found.updates)
    assert b"side-band-64k" in found.capabilities


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not all of them"),
        (commands(b"refs/heads/a")[:-4], "not all of them"),
        (commands(b"refs/heads/a")[:-9], "not all of them"),
        (b"0001", "something else"),
        (b"0004" + commands(b"refs/heads/a"), "something else"),
        (b"+010", "something else"),
        (packet(b"push-cert\0 atomic") + b"0000", "expected '<oid> <oid> <ref>'"),
        (packet(b"x y z") + b"0000", "expected '<oid> <oid> <ref>'"),
        (commands(b"refs/heads/a", b"refs/heads/a"), "one ref twice"),
        (commands(b"refs/heads/" + b"a" * 250), "250 bytes"),
        (commands(*(b"refs/heads/%d" % n for n in range(MOST_REFS + 1))), "1000 refs"),
        *((commands(name), "no name of a ref") for name in STRANGE),
    ],
)
def test_commands_that_nobody_acts_on(body: bytes, words: str) -> None:
    found = read_commands(io.BytesIO(body))
    assert words in found.fault
    told = refusal(found, f"hubpolicy: {found.fault}")
    if b"side-band-64k" in found.capabilities:
        assert words.encode() in told


def test_a_push_of_nothing_and_one_of_a_shallow_clone() -> None:
    assert read_commands(io.BytesIO(b"0000")).updates == ()
    found = read_commands(io.BytesIO(packet(b"shallow " + OLD.encode()) + commands(b"refs/tags/v")))
    assert (found.fault, len(found.updates)) == ("", 1)


def test_what_is_said_beside_the_commands_has_a_limit() -> None:
    """A shallow clone names where its history ends, and any line may offer capabilities."""
    offers = (b" ".join(b"%x" % n for n in range(at, at + 9000)) for at in range(0, 270_000, 9000))
    ends = [packet(b"shallow " + OLD.encode() + b"\0" + each) for each in offers]
    few = read_commands(io.BytesIO(b"".join(ends) + commands(b"refs/heads/a")))
    assert (few.fault, len(few.updates), len(few.capabilities)) == ("", 1, 9000)
    many = read_commands(io.BytesIO(b"".join(ends) * 4 + commands(b"refs/heads/a")))
    assert f"more than {MOST_BYTES} bytes" in many.fault
    assert many.updates == ()


class TestPushed:
    """To a data set that everybody sees, whose main holds no weights."""

    @pytest.fixture
    def rows(self, hub: HubProcess, git: Git, gateway: GatewayProcess, token: str, repo: str,
             tmp_path: Path) -> Path:  # fmt: skip
        HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(repo, repo_type="dataset")
        git("clone", "-q", address(gateway, token, f"datasets/{repo}"), "rows", cwd=tmp_path)
        return tmp_path / "rows"

    def test_no_weights_reach_main_by_another_name(
        self, ada: Author, hub: HubProcess, git: Git, gateway: GatewayProcess, token: str,
        repo: str, rows: Path,
    ) -> None:  # fmt: skip
        """The tree holds a submodule where a refspec's other end would look for a commit."""
        base = git("rev-parse", "HEAD", cwd=rows).stdout.strip()
        bad = commit(git, rows, {"model.gguf": b"GGUF" + b"w" * 5000})
        git("reset", "-q", "--hard", base, cwd=rows)
        (rows / "rows.csv").write_bytes(b"a,b\n")
        git("add", "rows.csv", cwd=rows)
        entry = f"160000,{bad},refs/heads/x"
        git("update-index", "--add", "--cacheinfo", entry, cwd=rows)
        git("commit", "-qm", "innocent", cwd=rows)
        good = git("rev-parse", "HEAD", cwd=rows).stdout.strip()
        pack = subprocess.run(
            ["git", "pack-objects", "--stdout", "--revs"], cwd=rows, check=True,
            input=f"{good}\n{bad}\n^{base}\n".encode(), capture_output=True,
        ).stdout  # fmt: skip
        names = (STRANGE[0], STRANGE[1] % (base.encode(), bad.encode()), *STRANGE[2:])
        refs = f"{hub.endpoint}/api/datasets/{repo}/refs"
        before = ask(refs, token=TOKEN).json
        for name in names:
            body = commands(name).replace(NEW.encode(), good.encode(), 1) + pack
            done = ask(
                f"{gateway.endpoint}/datasets/{repo}.git/git-receive-pack", "POST", body=body,
                token=token, headers={"Content-Type": "application/x-git-receive-pack-request"},
            )  # fmt: skip
            assert done.status == 200
            assert b"HP510" in done.body
            assert b"ng refs/heads/" in done.body
            assert ask(refs, token=TOKEN).json == before, name
        assert ada.ok("gateway", "log", "show").out.count("no name of a ref") >= len(names)

    def test_who_pushes_by_git_reads_which_name_it_was(self, git: Git, rows: Path) -> None:
        commit(git, rows, {"rows.csv": b"a,b\n"})
        done = git("push", "--no-verify", "origin", "HEAD:refs/heads/ä", cwd=rows, fails=True)
        assert "HP510" in done.stderr
        assert r"refs/heads/\xc3\xa4" in done.stderr
        assert "Nothing was accepted" in done.stderr
        assert "[remote rejected]" in done.stderr
