# SPDX-License-Identifier: Apache-2.0
"""The project as a set of files, for tests about the house itself."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[2]


class Module(NamedTuple):
    """One Python file: its path below the project and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return _parsed(self.text)

    @property
    def room(self) -> str:
        """The first part below ``hubpolicy/``: a floor, or a module such as ``prepush.py``."""
        return self.path.split("/")[1]

    def imports(self) -> Iterator[str]:
        """Every module name that is imported anywhere in the file, inside functions too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: imports are absolute"
                yield node.module or ""


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """All Python files below these folders of the project."""
    paths = sorted(path for folder in folders for path in (PROJECT / folder).rglob("*.py"))
    assert paths
    return tuple(
        Module(path.relative_to(PROJECT).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    )


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def files() -> tuple[str, ...]:
    """Every file that git has, or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, timeout=60)
    names = set(os.fsdecode(done.stdout).split("\0")) - {""}
    return tuple(sorted(name for name in names if (PROJECT / name).is_file()))


def copy_to(folder: Path) -> Path:
    """Copy the project as a commit of everything would be."""
    if not (PROJECT / ".git").exists():
        pytest.fail("these tests judge a clone: run them in one")
    for name in files():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, place)
    return folder
