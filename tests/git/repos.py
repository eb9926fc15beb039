# SPDX-License-Identifier: Apache-2.0
"""Real git repositories, made from nothing, under nobody's configuration."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ZERO = "0" * 40
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


def pointer(content: bytes) -> bytes:
    """The canonical LFS pointer for a content."""
    return POINTER.format(hashlib.sha256(content).hexdigest(), len(content)).encode()


class Repo(NamedTuple):
    """A repository and how to talk to it."""

    path: Path

    def git(self, *arguments: str, stdin: bytes | None = None, ok: bool = True) -> str:
        """Run git here; fail the test if git fails, unless told otherwise."""
        return os.fsdecode(self.raw(*arguments, stdin=stdin, ok=ok).stdout).removesuffix("\n")

    def raw(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        ok: bool = True,
        more: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """As :meth:`git`, with everything that came back."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=b"" if stdin is None else stdin,
            capture_output=True,
            timeout=120,
            env={**os.environ, **(more or {})},
        )
        assert done.returncode == 0 or not ok, done.stderr.decode()
        return done

    def write(self, files: dict[str, bytes]) -> None:
        """Put files into the work tree."""
        for name, content in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def commit(self, files: dict[str, bytes] | None = None, *, remove: tuple[str, ...] = ()) -> str:
        """Add files, remove others, commit; the commit's id."""
        self.write(files or {})
        for name in remove:
            (self.path / name).unlink()
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", "a commit")
        return self.git("rev-parse", "HEAD")

    def blob(self, content: bytes) -> str:
        """Write a blob, without a look at filters."""
        return self.git("hash-object", "-w", "--no-filters", "--stdin", stdin=content)

    def tree(self, *entries: tuple[str, str, bytes, str]) -> str:
        """A tree of (mode, type, path, id), however bad its paths are."""
        raw = b"".join(
            mode.lstrip("0").encode() + b" " + path + b"\0" + bytes.fromhex(oid)
            for mode, _, path, oid in entries
        )
        return self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)

    def commit_tree(self, tree: str) -> str:
        """A commit without parents for a tree."""
        return self.git("commit-tree", "-m", "a tree", tree)


def twins(repo: Repo, digits: int = 7) -> tuple[str, str]:
    """Two commits on top of HEAD whose ids begin alike: one of some thousands has such a twin."""
    tree, head = repo.git("rev-parse", "HEAD^{tree}"), repo.git("rev-parse", "HEAD")
    known: dict[str, bytes] = {}
    for moment in range(10**6):
        who = f"Ada <ada@example.org> {10**9 + moment} +0000"
        raw = f"tree {tree}\nparent {head}\nauthor {who}\ncommitter {who}\n\ntwin\n".encode()
        oid = hashlib.sha1(b"commit %d\0%b" % (len(raw), raw), usedforsecurity=False).hexdigest()
        other = known.setdefault(oid[:digits], raw)
        if other is not raw:
            made = [repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=each)
                    for each in (other, raw)]  # fmt: skip
            return made[0], made[1]
    raise AssertionError(digits)


def init(path: Path, *options: str) -> Repo:
    """A new repository on branch main."""
    subprocess.run(["git", "init", "-q", *options, str(path)], check=True, timeout=60)
    return Repo(path)


def need_lfs() -> None:
    """Skip, saying what is left out; on CI nothing may be left out."""
    if shutil.which("git-lfs") is None:
        assert os.environ.get("CI") != "true", "git-lfs is missing: apt-get install git-lfs"
        pytest.skip("left out: git-lfs")


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """No user's and no system's configuration, no repository from outside.

    ``home`` is written to: it must be a folder of the test's own, never whose login this is.
    """
    own = Path(pwd.getpwuid(os.getuid()).pw_dir).resolve()
    assert home.resolve() != own, f"got the home of this login ({own}), expected one of the test's"
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(
        "[user]\n name = Ada\n email = ada@example.org\n[init]\n defaultBranch = main\n"
        '[protocol "file"]\n allow = always\n[advice]\n detachedHead = false\n'
        "[core]\n fsync = none\n"
    )
