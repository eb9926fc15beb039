# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy audit ./clone``: what a repository on this disk holds, without any network."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.world import REPO, Ran, released, run
from tests.git.repos import Repo, init, isolate, pointer, twins

if TYPE_CHECKING:
    from collections.abc import Callable

MAIN, TIP = "refs/heads/main", "refs/remotes/origin/main"
URL = f"https://huggingface.co/{REPO}"
WEIGHTS = "model.safetensors"


@pytest.fixture(autouse=True)
def _nobodys_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, Path.home())
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clone(home: Path, model: Path) -> Repo:
    """A work tree of a released model, with the hub as its remote."""
    assert home
    released(model)
    repo = init(model)
    repo.git("remote", "add", "origin", URL)
    repo.commit()
    return repo


def look(*arguments: str | Path) -> Ran:
    return run("audit", *arguments, "--format", "json")


def seen(done: Ran) -> dict[str, str]:
    return {ref["ref"]: ref["status"] for ref in done.document["refs"]}


def test_a_work_tree_is_judged_by_what_is_committed(clone: Repo) -> None:
    done = look(clone.path)
    assert (done.code, seen(done)) == (0, {MAIN: "ATTESTED"})
    (row,) = done.document["refs"]
    assert (row["repo"], row["oid"]) == (REPO, clone.git("rev-parse", "HEAD"))
    assert row["source"] == f"clone {clone.path}"
    (clone.path / WEIGHTS).write_bytes(b"something else, not committed")
    assert seen(look(clone.path)) == {MAIN: "ATTESTED"}


def test_branches_tracking_refs_tags_and_a_detached_head(clone: Repo) -> None:
    good = clone.git("rev-parse", "HEAD")
    clone.git("update-ref", TIP, good)
    clone.git("symbolic-ref", "refs/remotes/origin/HEAD", TIP)
    clone.git("tag", "-a", "v1", "-m", "one")
    clone.git("tag", "-a", "v2", "-m", "of a tag", "v1")
    clone.git("notes", "add", "-m", "no release")
    clone.git("checkout", "-q", "-b", "side")
    bad = clone.commit({"config.json": b'{"architectures": ["OtherForCausalLM"]}'})
    clone.git("update-ref", "refs/pr/3", bad)
    clone.git("checkout", "-q", "--detach")
    alone = clone.commit({"more.safetensors": b"x" * 30})
    done = look(clone.path)
    assert done.code == 1
    assert seen(done) == {
        MAIN: "ATTESTED", TIP: "ATTESTED", "refs/tags/v1": "ATTESTED", "refs/tags/v2": "ATTESTED",
        "refs/heads/side": "MODIFIED", "refs/pr/3": "MODIFIED", "HEAD": "MODIFIED",
    }  # fmt: skip
    oids = {ref["ref"]: ref["oid"] for ref in done.document["refs"]}
    assert (oids["refs/tags/v2"], oids["refs/heads/side"], oids["HEAD"]) == (good, bad, alone)


def test_weights_count_wherever_git_keeps_them(clone: Repo) -> None:
    (clone.path / WEIGHTS).write_bytes(b"not released")
    clone.git("stash", "push", "-q")
    assert seen(look(clone.path)) == {MAIN: "ATTESTED", "refs/stash": "MODIFIED"}


def test_a_bare_repository_with_pointers(clone: Repo, tmp_path: Path) -> None:
    """As a hub or a server has it: large files are pointers, whose objects are not here."""
    clone.commit({WEIGHTS: pointer((clone.path / WEIGHTS).read_bytes())})
    bare = tmp_path / "repo.git"
    clone.git("clone", "-q", "--bare", str(clone.path), str(bare))
    nameless = look(bare)
    assert nameless.code == 2
    assert "--repo NAMESPACE/NAME" in nameless.err
    assert seen(look("repo.git", "--as", REPO)) == {MAIN: "ATTESTED"}
    Repo(bare).git("remote", "set-url", "origin", f"{URL}.git")
    done = look("./repo.git", "--all-revisions")
    assert (done.code, set(seen(done).values())) == (0, {"ATTESTED"})


def test_another_repositorys_evidence_is_none(clone: Repo) -> None:
    done = look(clone.path, "--repo", "acme/other")
    assert done.code == 1
    assert seen(done) == {MAIN: "UNATTESTED"}
    assert done.rules == {"HP307"}


def test_deep_reads_the_large_objects_that_are_here(clone: Repo) -> None:
    content = (clone.path / WEIGHTS).read_bytes()
    clone.commit({WEIGHTS: pointer(content)})
    absent = look(clone.path, "--deep")
    assert (absent.code, seen(absent)) == (0, {MAIN: "ATTESTED"})
    assert [row["name"] for row in absent.document["rows"]] == [REPO, "--deep"]
    assert "1 file" in absent.document["rows"][1]["text"]
    digest = hashlib.sha256(content).hexdigest()
    place = clone.path / ".git" / "lfs" / "objects" / digest[:2] / digest[2:4] / digest
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    here = look(clone.path, "--deep")
    assert (here.code, [row["name"] for row in here.document["rows"]]) == (0, [REPO])
    place.write_bytes(content[:-1] + b"?")
    assert seen(look(clone.path)) == {MAIN: "ATTESTED"}, "a pointer is taken at its word"
    assert seen(look(clone.path, "--deep")) == {MAIN: "MODIFIED"}
    place.write_bytes(content + b"more")
    assert seen(look(clone.path, "--deep")) == {MAIN: "UNREADABLE"}


def test_what_was_taken_out_again_is_in_the_history(clone: Repo) -> None:
    leak = clone.commit({"early.safetensors": b"early" * 10})
    clone.commit(remove=("early.safetensors",))
    assert look(clone.path).code == 0
    done = look(clone.path, "--all-revisions")
    assert done.code == 1
    statuses = {ref["oid"]: ref["status"] for ref in done.document["refs"]}
    assert statuses[leak] in {"UNATTESTED", "MODIFIED"}


@pytest.mark.parametrize("merged", [False, True])
def test_since_a_day_does_not_pass_what_was_dated_back(
    clone: Repo, monkeypatch: pytest.MonkeyPatch, *, merged: bool
) -> None:
    def commit(day: str, tree: str, *parents: str) -> str:
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{day}T00:00:00Z")
        above = (word for parent in parents for word in ("-p", parent))
        return clone.git("commit-tree", "-m", "x", *above, tree)

    good = clone.git("rev-parse", "HEAD^{tree}")
    clone.commit({"evil.safetensors": b"x" * 30})
    bad = clone.git("rev-parse", "HEAD^{tree}")
    old = commit("2026-01-01", good)
    evil = commit("2025-01-01", bad, old)
    above = (commit("2026-11-09", good, old), evil) if merged else (evil,)
    clone.git("update-ref", MAIN, commit("2026-11-20", good, *above))
    done = look(clone.path, "--all-revisions", "--since", "2026-11-01")
    statuses = {ref["oid"]: ref["status"] for ref in done.document["refs"]}
    assert (done.code, statuses[evil], old in statuses) == (1, "MODIFIED", False)


def test_since_takes_the_first_digits_of_one_commit_and_names_two(clone: Repo) -> None:
    old = clone.git("rev-parse", "HEAD")
    clone.commit({"evil.safetensors": b"x" * 30})
    clone.commit(remove=("evil.safetensors",))
    for revision in (old[:7], old[:12].upper()):
        done = look(clone.path, "--all-revisions", "--since", revision)
        assert old not in {ref["oid"] for ref in done.document["refs"]}, done
        assert (done.code, len(done.document["refs"])) == (1, 2)
    pair = twins(clone)
    for number, oid in enumerate(pair):
        clone.git("branch", f"twin{number}", oid)
    assert look(clone.path, "--all-revisions", "--since", pair[0][:12]).code == 0
    two = look(clone.path, "--all-revisions", "--since", pair[0][:7])
    assert (two.code, "which 2 commits begin with" in two.err) == (2, True)
    assert all(oid in two.err for oid in pair)
    none = look(clone.path, "--all-revisions", "--since", "deadbee0")
    assert (none.code, "has no revision 'deadbee0'" in none.err) == (2, True)
    assert "expected all of it" in none.err


def test_a_file_that_is_not_what_its_id_says_is_found(clone: Repo) -> None:
    """Objects written by hand: git reads them without a look at their names."""
    oid = clone.git("rev-parse", "HEAD:README.md")
    content = (clone.path / "README.md").read_bytes().replace(b"a", b"b", 1)
    place = clone.path / ".git" / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    place.write_bytes(zlib.compress(b"blob %d\0" % len(content) + content))
    assert seen(look(clone.path)) == {MAIN: "MODIFIED"}


def lacking(clone: Repo) -> None:
    oid = clone.git("rev-parse", "HEAD:README.md")
    (clone.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()


def partial(clone: Repo) -> None:
    """Cloned without blobs: git would fetch them by itself, from wherever it is told."""
    clone.git("config", "uploadpack.allowFilter", "true")
    shutil.move(clone.path, clone.path.with_name("whole"))
    whole = clone.path.with_name("whole")
    Repo(whole).git(
        "clone", "-q", "--no-checkout", "--filter=blob:none", whole.as_uri(), str(clone.path)
    )


@pytest.mark.parametrize("harm", [lacking, partial])
def test_what_is_missing_is_unreadable(clone: Repo, harm: Callable[[Repo], None]) -> None:
    harm(clone)
    done = look(clone.path, "--repo", REPO)
    assert done.code == 3
    assert set(seen(done).values()) == {"UNREADABLE"}
    detail = done.document["refs"][0]["detail"]
    assert "missing" in detail or "could not fetch" in detail


def test_a_shallow_clone_has_no_history(clone: Repo, tmp_path: Path) -> None:
    clone.commit({"early.safetensors": b"early"})
    clone.commit(remove=("early.safetensors",))
    shallow = tmp_path / "shallow"
    clone.git("clone", "-q", "--depth", "1", clone.path.as_uri(), str(shallow))
    assert set(seen(look(shallow, "--repo", REPO)).values()) == {"ATTESTED"}
    done = look(shallow, "--repo", REPO, "--all-revisions")
    assert done.code == 3
    assert seen(done)[MAIN] == "ATTESTED"
    (row,) = (ref for ref in done.document["refs"] if ref["status"] == "UNREADABLE")
    assert "shallow" in row["detail"]


def test_a_tag_of_no_commit_is_unreadable(clone: Repo) -> None:
    clone.git("tag", "odd", clone.git("rev-parse", "HEAD:README.md"))
    done = look(clone.path)
    assert (done.code, seen(done)["refs/tags/odd"]) == (3, "UNREADABLE")


def test_a_ref_to_nothing_is_unreadable(clone: Repo) -> None:
    (clone.path / ".git" / "refs" / "heads" / "dangling").write_text("1" * 40 + "\n")
    done = look(clone.path)
    assert (done.code, seen(done)) == (
        3, {MAIN: "ATTESTED", "refs/heads/dangling": "UNREADABLE"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [("bad", "garbage\n"), ("none", "0" * 40 + "\n"), ("empty", ""), ("a b", "{tip}\n")],
)
def test_a_ref_that_git_passes_over_is_unreadable(clone: Repo, name: str, content: str) -> None:
    tip = clone.git("rev-parse", "HEAD")
    (clone.path / ".git" / "refs" / "heads" / name).write_text(content.format(tip=tip))
    for options in ((), ("--all-revisions",)):
        done = look(clone.path, *options)
        assert (done.code, seen(done)[f"refs/heads/{name}"]) == (3, "UNREADABLE")
        assert seen(done)[MAIN] == "ATTESTED"


def test_a_ref_that_names_what_is_no_ref_is_looked_at(clone: Repo) -> None:
    """git lists it as a symbolic one; what it names lies outside of ``refs/``."""
    tip = clone.git("rev-parse", "HEAD")
    bad = clone.commit({"more.safetensors": b"x" * 30})
    clone.git("reset", "-q", "--hard", tip)
    clone.git("symbolic-ref", "refs/heads/same", MAIN)
    assert seen(look(clone.path)) == {MAIN: "ATTESTED"}
    (clone.path / ".git" / "EVIL_HEAD").write_text(f"{bad}\n")
    (clone.path / ".git" / "refs" / "heads" / "evil").write_text("ref: EVIL_HEAD\n")
    assert seen(look(clone.path)) == {MAIN: "ATTESTED", "refs/heads/evil": "MODIFIED"}


def test_what_any_work_tree_of_it_has_checked_out_counts(clone: Repo, tmp_path: Path) -> None:
    clone.git("worktree", "add", "-q", "--detach", str(tmp_path / "side"))
    side = Repo(tmp_path / "side")
    side.commit({"more.safetensors": b"x" * 30})
    assert seen(look(clone.path)) == {MAIN: "ATTESTED", "worktrees/side/HEAD": "MODIFIED"}
    assert seen(look("./side")) == {MAIN: "ATTESTED", "HEAD": "MODIFIED"}
    (clone.path / ".git" / "worktrees" / "side" / "HEAD").write_text("garbage\n")
    assert seen(look(clone.path)) == {MAIN: "ATTESTED", "worktrees/side/HEAD": "UNREADABLE"}


def test_another_work_tree_of_a_repository_is_the_repository(clone: Repo, tmp_path: Path) -> None:
    clone.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert seen(look("./side")) == {MAIN: "ATTESTED", "refs/heads/side": "ATTESTED"}


def test_object_ids_by_sha256(home: Path, model: Path) -> None:
    assert home
    repo = init(released(model), "--object-format=sha256")
    repo.commit()
    done = look(repo.path, "--repo", REPO, "--all-revisions")
    assert (done.code, seen(done)) == (0, {MAIN: "ATTESTED"})
    assert len(done.document["refs"][0]["oid"]) == 64


def test_nothing_in_a_hostile_repository_runs(clone: Repo, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    script.chmod(0o755)
    for key in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.alternateRefsCommand",
        "diff.external", "diff.evil.textconv", "filter.lfs.process", "filter.lfs.smudge",
        "filter.evil.clean", "credential.helper", "gpg.program", "uploadpack.packObjectsHook",
        "remote.origin.uploadpack", "alias.ls-tree", "alias.cat-file", "pager.ls-tree",
        "pager.for-each-ref",
    ):  # fmt: skip
        clone.git("config", key, str(script))
    clone.git("config", "core.hooksPath", str(tmp_path))
    clone.git("config", "log.showSignature", "true")
    (clone.path / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (tmp_path / "post-index-change").symlink_to(script)
    (tmp_path / "reference-transaction").symlink_to(script)
    assert look(clone.path, "--all-revisions").code == 0
    assert not ran.exists()
    clone.git("status")
    assert ran.exists(), "it would have run, had git been asked the wrong way"


def test_what_a_clone_says_is_kept_for_no_other_audit(clone: Repo) -> None:
    look(clone.path)
    store = Path.home() / ".local" / "state" / "hubpolicy" / "audit.sqlite3"
    kept = store.read_bytes() if store.exists() else b""
    assert clone.git("rev-parse", "HEAD").encode() not in kept
    assert WEIGHTS.encode() not in kept


def test_odd_names_are_shown_inert(clone: Repo) -> None:
    """Git lets bytes into a ref's name that are no text, and mark-up."""
    name = b"refs/heads/<script>\xe2\x80\xae\xff".decode("utf-8", "surrogateescape")
    clone.git("update-ref", name, "HEAD")
    shown = seen(look(clone.path))
    assert "refs/heads/<script>\u202e\\xff" in shown
    text = run("audit", clone.path)
    assert text.code == 0
    assert "\u202e" not in text.out
    page = run("audit", clone.path, "--format", "html")
    assert "<script>\u202e" not in page.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("./absent",), "got ./absent, expected a clone"),
        (("./plain",), "got ./plain, expected a clone"),
        (("./plain",), "hint: hubpolicy verify ./plain judges a folder"),
        (("./tern/sub",), "expected the top of a repository, not sub/"),
        (("./tern", REPO), f"got {REPO} from ./tern and from the hub"),
        (("./tern", "--repo", "x/y/z"), "got --repo 'x/y/z'"),
        (("--repo", REPO, "acme/other"), "with 0 folders"),
        (("./tern", "./other", "--repo", REPO), "with 2 folders"),
        (("./other",), "got none among the remotes of ./other"),
        (("./two",), "among the remotes of ./two"),
        (("no/such/form",), "or the path of a clone"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    clone: Repo, tmp_path: Path, arguments: tuple[Any, ...], said: str
) -> None:
    (clone.path / "sub").mkdir()
    (tmp_path / "plain").mkdir()
    init(tmp_path / "other").commit({"x": b"x"})
    two = init(tmp_path / "two")
    two.git("remote", "add", "a", URL)
    two.git("remote", "add", "b", "https://huggingface.co/acme/wren")
    done = run("audit", *arguments)
    assert (done.code, said in done.err) == (2, True), done.err
    assert "hubpolicy" in done.err


def test_a_name_is_of_the_hub_whatever_folder_lies_here(clone: Repo, tmp_path: Path) -> None:
    """Somebody who can put a folder here does not choose what is audited."""
    (tmp_path / "acme").mkdir()
    shutil.copytree(clone.path, tmp_path / REPO)
    assert seen(look(f"./{REPO}", "--repo", REPO)) == {MAIN: "ATTESTED"}
    nobody = run("audit", REPO, "--format", "json", HF_ENDPOINT="http://127.0.0.1:9")
    assert nobody.code == 3
    assert set(seen(nobody).values()) == {"UNREADABLE"}


def test_a_list_names_clones_too(clone: Repo, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("./tern   # ours\n")
    assert seen(look("--from", "names.txt")) == {MAIN: "ATTESTED"}
    (tmp_path / "names.txt").write_text("./tern\r\n", encoding="utf-8-sig")
    assert seen(look("--from", "names.txt")) == {MAIN: "ATTESTED"}
