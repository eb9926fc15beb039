# SPDX-License-Identifier: Apache-2.0
"""The hook's path stays lean: asserted on what is imported, never on a clock."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.hookplace import this_interpreter
from tests.git.repos import ZERO, Repo
from tests.hook.gate_world import MODEL, person, sign

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "click",
    "git",
    "jsonschema",
    "yaml",
    "ruamel",
    "numpy",
    "huggingface_hub",
    "markdown_it",
    "rich",
    "jinja2",
    "onnxruntime",
    "tokenizers",
    "dataclasses",
    "inspect",
    "pathlib",
    "subprocess",
    "tempfile",
    "urllib",
    "importlib.resources",
    "importlib.metadata",
    "logging",
    "asyncio",
    "datetime",
    "decimal",
    "fractions",
    "site",
}
RUN = """
import io, json, sys
sys.path += sys.argv[1].split(":")
from hubpolicy.prepush import main
code = main(sys.argv[2:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def modules_after(repo: Repo, commit: str) -> tuple[int, set[str]]:
    """Exit code and everything that one judged push imported."""
    line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
    here = this_interpreter()
    done = subprocess.run(
        [here.python, "-I", "-S", "-c", RUN, ":".join(here.folders), "origin", "/x"],
        cwd=repo.path,
        input=line,
        capture_output=True,
        timeout=60,
    )
    code, modules = json.loads(done.stdout)
    return code, set(modules)


def test_a_release_with_evidence_needs_a_signature_library_and_little_else(
    repo: Repo, home: Path
) -> None:
    person().install(home)
    repo.write(MODEL)
    repo.git("add", "-A")
    sign(repo.path, person())
    code, modules = modules_after(repo, repo.commit())
    assert code == 0
    assert modules & HEAVY == set()
    assert "cryptography" in modules


@pytest.mark.parametrize("known", [False, True], ids=["no policy", "policy"])
def test_a_push_that_releases_nothing_needs_not_even_that(
    repo: Repo, home: Path, known: bool
) -> None:
    if known:
        person().install(home)
    code, modules = modules_after(repo, repo.commit({"main.py": b"print()"}))
    assert code == 0
    assert modules & HEAVY == set()
    assert "cryptography" not in modules
    assert "hubpolicy.core.verify" not in modules


def test_a_release_without_evidence_checks_no_signature(repo: Repo, home: Path) -> None:
    person().install(home)
    code, modules = modules_after(repo, repo.commit(MODEL))
    assert code == 1
    assert "cryptography" not in modules


def test_the_documented_entry_point_is_the_same(repo: Repo) -> None:
    commit = repo.commit({"main.py": b"print()"})
    line = f"refs/heads/main {commit} refs/heads/main {ZERO}\n".encode()
    here = this_interpreter()
    run = "import runpy, sys; sys.path += sys.argv.pop(1).split(':'); runpy.run_module('hubpolicy.prepush', run_name='__main__', alter_sys=True)"
    done = subprocess.run(
        [here.python, "-I", "-S", "-c", run, ":".join(here.folders), "origin", "/x"],
        cwd=repo.path,
        input=line,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"hubpolicy: refs/heads/main  not a release\n")
