# SPDX-License-Identifier: Apache-2.0
"""The wheel works alone: installed where nothing is but what it declares to need."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubpolicy import __version__
from tests.house.tree import copy_to, files

pytestmark = pytest.mark.slow

SHIPPED = {
    "hubpolicy/": "hubpolicy/",
    "schemas/": "hubpolicy/schemas/",
    "hooks/": "hubpolicy/hooks/",
}


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from the sdist."""
    tree = copy_to(tmp_path_factory.mktemp("tree"))
    out = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-W", "ignore", "-m", "build", "--no-isolation", "--outdir")
    done = run(*build, out, tree, cwd=tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.suffix for path in out.iterdir()) == [".gz", ".whl"]
    return out


def needed(name: str, found: set[str]) -> set[str]:
    """The distributions that pip would install for one, without any extra."""
    if canonicalize_name(name) in found:
        return found
    found.add(canonicalize_name(name))
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed(requirement.name, found)
    return found


def put_together(folder: Path) -> Path:
    """Only what the wheel's metadata asks for, linked from where this interpreter has it."""
    folder.mkdir()
    for name in needed("hubpolicy", set()) - {"hubpolicy"}:
        found = distribution(name)
        tops = {path.parts[0] for path in found.files or () if path.parts[0] != ".."}
        for top in tops - {"__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))).resolve())
    return folder


class Place(NamedTuple):
    """An environment that holds the wheel and its declared dependencies, and a person's home."""

    bin: Path
    folder: Path

    def run(
        self, program: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}:{environment.pop('PATH', os.environ['PATH'])}"
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        said = {"PATH": path, "HOME": str(home), **environment}
        return run(self.bin / program, *arguments, cwd=self.folder, **said)


@pytest.fixture(scope="module")
def place(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("alone")
    dependencies = put_together(folder / "dependencies")
    done = run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    assert done.returncode == 0, done.stderr
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    (wheel,) = built.glob("*.whl")
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index")
    done = run(*pip, "--no-deps", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    return Place(python.parent, folder)


def test_the_wheel_holds_the_product_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        new + name.removeprefix(old)
        for name in files()
        for old, new in SHIPPED.items()
        if name.startswith(old)
    }
    assert sorted(names) == sorted(expected)


def test_the_sdist_holds_what_the_wheel_is_built_from_and_its_licence(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "THIRD_PARTY_NOTICES", "README.md", "pyproject.toml"} <= names
    assert {name for name in files() if name.startswith(tuple(SHIPPED))} <= names


def test_both_programs_are_there(place: Place) -> None:
    for program in ("hubpolicy", "hf-policy"):
        done = place.run(program, "--version")
        assert (done.returncode, done.stdout) == (0, f"hubpolicy, version {__version__}\n")


def test_nothing_undeclared_is_at_hand(place: Place) -> None:
    for name in ("torch", "transformers", "pytest", "onnx", "scipy"):
        assert place.run("python", "-I", "-c", f"import {name}").returncode == 1


def test_schemas_hooks_and_rule_pages_are_read_as_package_data(place: Place) -> None:
    code = (
        "from importlib.resources import files\n"
        "from hubpolicy import hooks, schemas\n"
        "assert schemas.read('card.v1.schema.json').startswith(b'{')\n"
        "assert hooks.read('pre-push').startswith(b'#!/bin/sh')\n"
        "print(files('hubpolicy.schemas') / '', files('hubpolicy.hooks') / '')\n"
    )
    done = place.run("python", "-I", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(place.folder)) == 2
    done = place.run("hubpolicy", "rule", "HP203")
    assert done.returncode == 0, done.stderr
    assert "**Remedy.**" in done.stdout


def test_a_person_starts_and_the_hook_runs(place: Place) -> None:
    options = ("--model-kind", "base", "--name", "ada", "--namespace", "acme", "--no-passphrase")
    done = place.run("hubpolicy", "init", *options)
    assert done.returncode == 0, done.stderr
    assert (place.folder / "home" / ".config" / "hubpolicy" / "gate.json").is_file()
    done = place.run("python", "-I", "-m", "hubpolicy.prepush", "origin", "https://hub.example/a/b")
    assert done.returncode == 0, done.stderr


def shorten(plan: Path) -> None:
    """Of the installed plan's prompts the first 40; ``tests/e2e/test_demo.py`` plays it whole."""
    prompts = plan.with_name("prompts") / "demo-en.jsonl"
    whole = prompts.read_bytes()
    some = b"".join(whole.splitlines(keepends=True)[:40])
    prompts.write_bytes(some)
    text = plan.read_text(encoding="utf-8")
    for old, new in (
        (hashlib.sha256(whole).hexdigest(), hashlib.sha256(some).hexdigest()),
        ("n = 300", "n = 40"),
        ('upper_bound_max = "0.05"', 'upper_bound_max = "0.30"'),
    ):
        assert old in text
        text = text.replace(old, new)
    plan.write_text(text, encoding="utf-8")


def test_the_story_ends_well_with_what_the_wheel_brings(place: Place, tmp_path: Path) -> None:
    """Without Git LFS, too: weights go into plain git then, and nothing is left."""
    programs, temporary = tmp_path / "bin", tmp_path / "tmp"
    programs.mkdir()
    temporary.mkdir()
    for folder in os.environ["PATH"].split(":"):
        for program in Path(folder).glob("*"):
            link = programs / program.name
            if program.name != "git-lfs" and not link.is_symlink():
                link.symlink_to(program)
    (plan,) = place.folder.glob("venv/lib/python*/site-packages/hubpolicy/assets/plans/demo.toml")
    shorten(plan)
    done = place.run("hubpolicy", "demo", PATH=str(programs), TMPDIR=str(temporary))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "git-lfs is not installed here" in done.stdout
    assert "Uploading LFS objects" not in done.stdout
    assert list(temporary.iterdir()) == []
