# SPDX-License-Identifier: Apache-2.0
"""Every way our hook can be installed, every kind of repository, every kind of ref: one push each.

A cell passes if nothing left that should not have: where ``hook status`` is green, a push without
evidence leaves 0 refs and 0 Git LFS objects on the remote, and one with evidence arrives. Where a
tool that was installed after us took the hook away, ``hook status`` must say so.

    GIT_DEFAULT_REF_FORMAT=reftable python -m bench.git_matrix --every 1    (needs git 2.45)
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters import hookfile, hookplace
from hubpolicy.adapters.git_process import open_git
from hubpolicy.errors import ConfigError
from tests.hook.gate_world import MODEL, person, sign

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = (ROOT / "hooks" / hookplace.HOOK).read_bytes()
NODE = ROOT / ".tools" / "node" / "node_modules" / ".bin"
PRE_COMMIT = ROOT / ".tools" / "precommit" / "bin" / "pre-commit"
GITCONFIG = """[user]
 name = Ada
 email = ada@example.org
[init]
 defaultBranch = main
[protocol "file"]
 allow = always
[gc]
 auto = 0
[core]
 fsync = none
"""
WEIGHTS = hashlib.sha256(MODEL["model.safetensors"]).hexdigest()
LFS = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


class Cell(NamedTuple):
    """One push. ``order``: when the other tool was installed. ``evidence``: whether it is there."""

    tool: str
    order: str
    kind: str
    ref: str
    evidence: bool

    def __str__(self) -> str:
        word = "attested" if self.evidence else "no evidence"
        tool = f"{self.tool} {self.order} ours" if self.order else self.tool
        return f"{tool:24}{self.kind:11}{self.ref:25}{word:12}"


class Outcome(NamedTuple):
    """What became of a cell: what is wrong (empty if nothing), and a remark."""

    wrong: str
    remark: str = ""


class Push(NamedTuple):
    """How a ref is pushed: git's arguments, and whether it may go with and without evidence."""

    arguments: Callable[[Path], list[str]]
    attested: bool = True
    unattested: bool = False


def git(folder: Path, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git; stop the whole run where it fails, unless told otherwise."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    if ok and done.returncode:
        sys.exit(f"git {' '.join(arguments)} in {folder.name}: {done.stderr}")
    return done


# Refs ----------------------------------------------------------------------------------------


def _tags(folder: Path) -> None:
    git(folder, "tag", "light", ok=False)
    git(folder, "tag", "-a", "-m", "x", "annotated", ok=False)
    git(folder, "tag", "-a", "-m", "x", "nested", "annotated", ok=False)


def _tag(*names: str) -> Callable[[Path], list[str]]:
    def arguments(folder: Path) -> list[str]:
        _tags(folder)
        return [f"refs/tags/{name}" for name in names]

    return arguments


def _hidden(folder: Path, *more: str) -> list[str]:
    """The weights one commit back, under a tip without any."""
    made = git(folder, "commit-tree", "-p", "HEAD", "-m", "clean", "HEAD~1^{tree}").stdout.strip()
    return [f"{made}:refs/heads/clean", *more]


def _object_tag(revision: str) -> Callable[[Path], list[str]]:
    def arguments(folder: Path) -> list[str]:
        oid = git(folder, "rev-parse", revision).stdout.strip()
        return [f"{oid}:refs/tags/object"]

    return arguments


REFS: dict[str, Push] = {
    "new branch": Push(lambda _: ["HEAD:refs/heads/new"]),
    "branch moved on": Push(lambda _: ["HEAD:refs/heads/main"]),
    "forced branch": Push(lambda _: ["+HEAD:refs/heads/old"]),
    "two branches, atomic": Push(lambda _: ["--atomic", "HEAD:refs/heads/a", "HEAD:refs/heads/b"]),
    "odd name": Push(lambda _: ["HEAD:refs/heads/\u00fc'$(x)&;|"]),
    "raw object id": Push(
        lambda folder: [f"{git(folder, 'rev-parse', 'HEAD').stdout.strip()}:refs/heads/raw"]
    ),
    "pull request ref": Push(lambda _: ["HEAD:refs/pr/1"]),
    "light tag": Push(_tag("light")),
    "annotated tag": Push(_tag("annotated")),
    "nested tag": Push(_tag("nested")),
    "all tags and a branch": Push(
        lambda folder: [*_tag("light", "annotated", "nested")(folder), "HEAD:refs/heads/new"]
    ),
    "mirror": Push(lambda _: ["--mirror"]),
    "deleted branch": Push(lambda _: [":refs/heads/old"], unattested=True),
    "code alone": Push(lambda _: ["HEAD~1:refs/heads/code"], unattested=True),
    "weights only in history": Push(_hidden, attested=False),
    "history and its tag": Push(lambda folder: _hidden(folder, *_tag("light")(folder))),
    "blob as tag": Push(_object_tag("HEAD:model.safetensors"), attested=False),
    "tree as tag": Push(_object_tag("HEAD^{tree}"), attested=False),
}


# Kinds of repository -------------------------------------------------------------------------


def _plain(base: Path) -> Path:
    return base / "repo"


def _worktree(base: Path) -> Path:
    git(base / "repo", "worktree", "add", "-q", "-b", "side", str(base / "linked"))
    return base / "linked"


def _submodule(base: Path) -> Path:
    git(base, "init", "-q", "super")
    git(base / "super", "submodule", "--quiet", "add", str(base / "repo"), "sub")
    sub = base / "super" / "sub"
    git(sub, "remote", "set-url", "origin", str(base / "remote.git"))
    git(sub, "fetch", "-q")
    return sub


def _bare(base: Path) -> Path:
    git(base, "clone", "-q", "--bare", str(base / "repo"), "bare.git")
    if (base / "repo" / ".git" / "lfs").exists():
        shutil.copytree(base / "repo" / ".git" / "lfs", base / "bare.git" / "lfs")
    git(base / "bare.git", "remote", "set-url", "origin", str(base / "remote.git"))
    return base / "bare.git"


def _shallow(base: Path) -> Path:
    git(base, "clone", "-q", "-o", "source", "--depth", "2", f"file://{base}/repo", "shallow")
    git(base / "shallow", "remote", "add", "origin", str(base / "remote.git"))
    return base / "shallow"


KINDS: dict[str, Callable[[Path], Path]] = {
    "plain": _plain,
    "worktree": _worktree,
    "submodule": _submodule,
    "bare": _bare,
    "shallow": _shallow,
    "sha256": _plain,
}


# Other tools ---------------------------------------------------------------------------------


def _custom(folder: Path) -> None:
    place = hookplace.locate(open_git(str(folder), os.environ, see_hooks=True))
    if not place.ours.exists():
        place.ours.write_text("#!/bin/sh\ncat >/dev/null\n")
        place.ours.chmod(0o755)


def _run(folder: Path, *command: str | Path) -> None:
    # A tool that refuses, since our hook is there, has said so; the hook is what is looked at.
    subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)


def _pre_commit(folder: Path) -> None:
    (folder / ".pre-commit-config.yaml").write_text("repos: []\n")
    _ignore(folder, ".pre-commit-config.yaml")
    _run(folder, PRE_COMMIT, "install", "-t", "pre-push")


def _husky(folder: Path) -> None:
    _ignore(folder, ".husky")
    _run(folder, NODE / "husky")
    (folder / ".husky" / "pre-push").write_text("cat >/dev/null\n")


def _lefthook(folder: Path) -> None:
    _ignore(folder, "lefthook.yml")
    (folder / "lefthook.yml").write_text('pre-push:\n  commands:\n    ok:\n      run: "true"\n')
    _run(folder, NODE / "lefthook", "install", "-f")


def _ignore(folder: Path, name: str) -> None:
    found = git(folder, "rev-parse", "--path-format=absolute", "--git-path", "info/exclude")
    with Path(found.stdout.strip()).open("a") as file:
        file.write(f"{name}\n")


TOOLS: dict[str, tuple[Callable[[Path], None], Callable[[], bool]]] = {
    "git-lfs": (
        lambda folder: _run(folder, "git", "lfs", "install", "--local"),
        lambda: shutil.which("git-lfs") is not None,
    ),
    "pre-commit": (_pre_commit, PRE_COMMIT.exists),
    "husky": (_husky, (NODE / "husky").exists),
    "lefthook": (_lefthook, (NODE / "lefthook").exists),
    "custom hook": (_custom, lambda: True),
}


# Cells ---------------------------------------------------------------------------------------


def cells() -> list[Cell]:
    """All of them: refs over kinds with our hook alone, tools over kinds and orders."""
    both = (True, False)
    alone = [
        Cell("ours alone", "", kind, ref, evidence)
        for kind, ref, evidence in itertools.product(KINDS, REFS, both)
    ]
    joined = [
        Cell(tool, order, kind, "new branch", evidence)
        for tool, order, kind, evidence in itertools.product(
            TOOLS, ("before", "after"), KINDS, both
        )
        if kind != "bare" or tool in {"git-lfs", "custom hook"}  # the others need a work tree
    ]
    return [*alone, *joined]


def available(cell: Cell) -> bool:
    """Whether the tool of that cell is on this machine."""
    return cell.tool not in TOOLS or TOOLS[cell.tool][1]()


class World:
    """Prepared repositories, copied for every cell, and a home with policy and trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = itertools.count()
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / ".gitconfig").write_text(GITCONFIG)
        os.environ["HOME"] = str(self.home)
        for name in [n for n in os.environ if n[:4] == "GIT_" and n != "GIT_DEFAULT_REF_FORMAT"]:
            del os.environ[name]
        os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
        person().install(self.home)
        if shutil.which("git-lfs"):
            git(folder, "lfs", "install", "--skip-repo")
        for object_format, evidence in itertools.product(("sha1", "sha256"), (True, False)):
            self._prepare(object_format, evidence=evidence)

    def source(self, object_format: str, *, evidence: bool) -> Path:
        """A repository ``repo`` whose tip is a model, and ``remote.git``, which lacks it."""
        return self._folder / f"{object_format}-{evidence}"

    def _prepare(self, object_format: str, *, evidence: bool) -> None:
        base = self.source(object_format, evidence=evidence)
        base.mkdir()
        for name, option in (("remote.git", "--bare"), ("repo", "--quiet")):
            git(base, "init", "-q", f"--object-format={object_format}", option, name)
        repo = base / "repo"
        git(repo, "remote", "add", "origin", str(base / "remote.git"))
        (repo / "main.txt").write_text("code\n")
        lfs = object_format == "sha1" and shutil.which("git-lfs")
        (repo / ".gitattributes").write_bytes(LFS if lfs else b"")
        git(repo, "add", "-A")
        git(repo, "commit", "-q", "-m", "code")
        git(repo, "push", "-q", "origin", "HEAD:refs/heads/main", "HEAD:refs/heads/old")
        for name, content in MODEL.items():
            (repo / name).write_bytes(content)
        (repo / "main.txt").unlink()
        git(repo, "add", "-A")
        if evidence:
            sign(repo, person())
            git(repo, "add", "-A")
        git(repo, "commit", "-q", "-m", "model")

    def run(self, cell: Cell) -> Outcome:
        """One push, in copies that are thrown away."""
        base = self._folder / f"cell-{next(self._number)}"
        object_format = "sha256" if cell.kind == "sha256" else "sha1"
        shutil.copytree(self.source(object_format, evidence=cell.evidence), base, symlinks=True)
        try:
            git(base / "repo", "remote", "set-url", "origin", str(base / "remote.git"))
            return self._judge(cell, base)
        finally:
            shutil.rmtree(base)

    def _judge(self, cell: Cell, base: Path) -> Outcome:
        folder, remote = KINDS[cell.kind](base), base / "remote.git"
        if not _install(cell, folder):
            return Outcome("", "refused to install, and said what to do instead")
        if not _is_green(folder):
            return Outcome("", "`hook status` says that nothing is checked")
        push = REFS[cell.ref]
        arguments = push.arguments(folder)
        before = git(remote, "for-each-ref").stdout
        done = git(folder, "push", "origin", *arguments, ok=False)
        moved = git(remote, "for-each-ref").stdout != before
        stored = {path.name for path in (remote / "lfs").rglob("*") if len(path.name) == 64}
        if "Traceback" in done.stderr:
            return Outcome("a traceback")
        if push.attested if cell.evidence else push.unattested:
            uploads = cell.tool == "git-lfs" and cell.kind != "sha256"
            wanted = {WEIGHTS} if uploads else stored  # Git LFS 3 knows no sha256 repositories
            if done.returncode or not moved or not stored <= {WEIGHTS}:
                return Outcome(f"exit {done.returncode}, {len(stored)} objects: {done.stderr!r}")
            return Outcome("" if stored == wanted else "Git LFS uploaded nothing")
        if done.returncode == 0 or moved or stored:
            return Outcome(f"leaked: exit {done.returncode}, {len(stored)} objects")
        return Outcome("")


def _install(cell: Cell, folder: Path) -> bool:
    """Both hooks in the cell's order. False if ours refused a folder that another tool owns."""
    if cell.order == "before":
        TOOLS[cell.tool][0](folder)
    place = hookplace.locate(open_git(str(folder), os.environ, see_hooks=True))
    try:
        hookfile.install(place, TEMPLATE, hookplace.this_interpreter())
    except ConfigError:
        return False
    if cell.order == "after":
        TOOLS[cell.tool][0](folder)
    return True


def _is_green(folder: Path) -> bool:
    """What ``hubpolicy hook status`` would say."""
    found = hookfile.inspect(hookplace.locate(open_git(str(folder), os.environ, see_hooks=True)))
    return found.presence == "ours" and not found.problems


def main() -> int:
    """Run the cells and print each. Exit 0 if none failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, metavar="N")
    wanted = cells()[:: parser.parse_args().every]
    tried, failed, started = 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hubpolicy-matrix-") as name:
        world = World(Path(name))
        print(git(Path(name), "--version").stdout.strip())
        for cell in wanted:
            if not available(cell):
                print(f"left out  {cell}")
                continue
            wrong, remark = world.run(cell)
            tried, failed = tried + 1, failed + bool(wrong)
            print(f"{'FAIL' if wrong else 'pass'}  {cell}{wrong or remark}".rstrip(), flush=True)
    took = time.monotonic() - started
    print(f"\n{tried} cells in {took:.0f} s, {failed} failed, {len(wanted) - tried} left out")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
