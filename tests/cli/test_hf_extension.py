# SPDX-License-Identifier: Apache-2.0
"""``hf policy``: the real ``hf`` runs us, and nobody's extension is lost."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubpolicy import __version__
from tests.cli.world import MODEL, contents, run, write
from tests.hub.world import client_environment, client_python

if TYPE_CHECKING:
    from collections.abc import Callable

    Hf = Callable[..., subprocess.CompletedProcess[str]]

FOLDER = ".local/share/hf/extensions/hf-policy"


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"], FOLDER)


@pytest.fixture(params=["2.x", "1.x"])
def hf(request: pytest.FixtureRequest, tmp_path: Path) -> Hf:
    """The official command line, of both lines; it knows nothing of us."""
    program = client_python(request.param).with_name("hf")
    environment = client_environment(Path(os.environ["HOME"])) | {
        "HF_ENDPOINT": "http://127.0.0.1:9"
    }

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), *map(str, arguments)], env=environment, cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return call


def test_the_official_command_line_runs_us_and_passes_our_exit_code_on(
    hf: Hf, tmp_path: Path
) -> None:
    assert run("hf-extension", "install").code == 0
    good = write(tmp_path / "a good model", MODEL)
    assert hf("policy", "check", good).returncode == 0
    (good / "README.md").write_text("# no metadata\n")
    blocked = hf("policy", "check", good)
    assert (blocked.returncode, "HP1" in blocked.stdout) == (1, True), blocked
    usage = hf("policy", "chek")
    assert usage.returncode == 2
    assert "Usage: hf policy [OPTIONS]" in usage.stderr
    assert "Did you mean 'check'?" in usage.stderr


def test_the_official_command_line_shows_us(hf: Hf) -> None:
    assert "policy" not in hf("--help").stdout
    assert run("hf-extension", "install").code == 0
    words = " ".join(hf("--help").stdout.split())
    assert " policy Publish only with signed evidence. [extension from.pip/hubpolicy] " in words
    listed = hf("extensions", "list")
    assert "hf policy" in listed.stdout
    assert hf("policy", "--version").stdout == f"hubpolicy, version {__version__}\n"
    assert hf("extensions", "remove", "policy").returncode == 0
    assert run("hf-extension", "status").code == 1


def test_install_twice_is_install_once(folder: Path) -> None:
    assert run("hf-extension", "status").code == 1
    first = run("hf-extension", "install")
    assert (first.code, first.out.partition(":")[0]) == (0, "installed")
    before = contents(folder)
    assert set(before) == {"manifest.json"}
    again = run("hf-extension", "install")
    assert (again.code, again.out.partition(":")[0]) == (0, "already installed")
    assert contents(folder) == before
    assert run("hf-extension", "status").code == 0


def test_the_manifest_names_what_nobody_can_register(folder: Path) -> None:
    """``hf extensions update`` installs what GitHub has under that name: it must never have it."""
    run("hf-extension", "install")
    found = json.loads((folder / "manifest.json").read_bytes())
    assert "." in found["owner"], "a GitHub login holds letters, digits and hyphens only"
    assert found["short_name"] == "policy"
    assert Path(found["executable_path"]).is_absolute()
    assert os.access(found["executable_path"], os.X_OK)


@pytest.mark.parametrize("runs", ["/no/such/hf-policy", ""])
def test_a_program_that_went_away_is_said_and_mended(folder: Path, runs: str) -> None:
    run("hf-extension", "install")
    path = folder / "manifest.json"
    found = json.loads(path.read_bytes())
    path.write_text(json.dumps(found | {"executable_path": runs}))
    status = run("hf-extension", "status")
    assert (status.code, "not there" in status.out) == (1, True)
    assert run("hf-extension", "install").out.startswith("installed")
    assert json.loads(path.read_bytes())["executable_path"] == found["executable_path"]
    assert run("hf-extension", "status").code == 0


def _somebody(folder: Path) -> None:
    write(folder, {"manifest.json": b'{"owner": "acme", "repo": "hf-policy"}', "hf-policy": b"#!"})


def _broken(folder: Path) -> None:
    write(folder, {"manifest.json": b"{"})


def _a_list(folder: Path) -> None:
    write(folder, {"manifest.json": b"[]"})


def _half_installed(folder: Path) -> None:
    write(folder, {"venv/pyvenv.cfg": b""})


def _a_file(folder: Path) -> None:
    write(folder.parent, {folder.name: b"mine"})


def _a_link(folder: Path) -> None:
    run("hf-extension", "install")
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


@pytest.mark.parametrize(
    "make",
    [_somebody, _broken, _a_list, _half_installed, _a_file, _a_link],
    ids=lambda f: f.__name__,
)
def test_what_we_did_not_write_stays(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder)
    before = contents(folder.parent)
    for command in ("install", "remove"):
        ran = run("hf-extension", command)
        assert ran.code == 2
        assert "that hubpolicy did not write" in ran.err
        assert "hint: " in ran.err
    assert run("hf-extension", "status").code == 1
    assert contents(folder.parent) == before


def test_remove_takes_ours_and_leaves_what_others_put_there(folder: Path) -> None:
    assert run("hf-extension", "remove").out.startswith("not installed")
    run("hf-extension", "install")
    # The client's own note of the last look for updates goes with it.
    write(folder, {".latest_commit": b""})
    assert run("hf-extension", "remove").out.startswith("removed")
    assert not folder.exists()
    run("hf-extension", "install")
    write(folder, {"notes.txt": b"of somebody"})
    assert run("hf-extension", "remove").code == 0
    assert contents(folder) == {"notes.txt": b"of somebody"}


def test_a_disk_that_refuses_is_said(folder: Path) -> None:
    write(folder.parents[1], {"extensions": b"a file where a folder belongs"})
    ran = run("hf-extension", "install")
    assert ran.code == 3
    assert "when writing" in ran.err
