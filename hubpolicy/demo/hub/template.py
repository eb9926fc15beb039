# SPDX-License-Identifier: Apache-2.0
"""What a new repo begins with: the Hub's default ``.gitattributes`` in one commit."""

from __future__ import annotations

import shutil
import threading
from importlib.resources import files
from typing import TYPE_CHECKING

from hubpolicy.demo.hub.commits import Author, Change, commit_tree, create_repository
from hubpolicy.demo.hub.git import git

if TYPE_CHECKING:
    from pathlib import Path


def default_attributes() -> bytes:
    """Return the file's content (git blob a6344aac8c09253b3b630fb776ae94478aa0275b)."""
    return files("hubpolicy").joinpath("assets", "hub", "gitattributes.txt").read_bytes()


class Template:
    """A bare repository, made once and copied for each new repo to spare git the work."""

    def __init__(self, root: Path) -> None:
        """Keep it in `root`/template.git."""
        self._path = root / "template.git"
        self._tree = ""
        self._lock = threading.Lock()

    def copy(self, repo: Path, author: Author) -> str:
        """Make the bare repository `repo` with an initial commit by `author`; return its id."""
        with self._lock:
            if not self._tree:
                self._tree = self._make()
        shutil.copytree(self._path, repo)
        commit = commit_tree(repo, self._tree, (), "initial commit\n", author)
        (repo / "refs" / "heads" / "main").write_text(f"{commit}\n", encoding="ascii")
        return commit

    def _make(self) -> str:
        shutil.rmtree(self._path, ignore_errors=True)
        attributes = Change(".gitattributes", default_attributes())
        create_repository(self._path, [attributes], Author("hub", 0))
        return git(self._path, "rev-parse", "--verify", "main^{tree}").decode().strip()
