# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy guard``: what stands in an environment's site-packages afterwards, and what does not."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubpolicy.adapters.guard_files import MARK, NAMES, contents
from hubpolicy.errors import ServiceError
from tests.cli.world import run

PROBE = "import sys; print(sorted(sys.modules)); print(any('Finder' in str(f) and 'hubpolicy' in str(f) for f in sys.meta_path))"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    folder = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def site(venv: Path) -> Path:
    return next(venv.glob("lib/python*/site-packages"))


def below(venv: Path) -> dict[str, bytes]:
    files = (path for path in site(venv).rglob("*") if path.is_file())
    return {path.relative_to(venv).as_posix(): path.read_bytes() for path in files}


def python(venv: Path, *arguments: str, **env: str) -> str:
    done = subprocess.run(
        [str(venv / "bin" / "python"), *arguments], env=os.environ | env,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_enabled_once_live_and_taken_out_without_a_trace(venv: Path) -> None:
    before, plain = below(venv), python(venv, "-c", PROBE)
    assert run("guard", "status", "--venv", venv).code == 1

    ran = run("guard", "enable", "--venv", venv)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("enabled: ")
    first = below(venv)
    assert {Path(name).name for name in first} >= set(NAMES)
    again = run("guard", "enable", "--venv", venv)
    assert (again.code, again.out.startswith("already enabled: ")) == (0, True)
    assert below(venv) == first

    # A Python that uploads nothing gets one module more, and that one imports nothing.
    modules, live = python(venv, "-c", PROBE).splitlines()
    assert live == "True"
    assert sorted(
        {*json.loads(modules.replace("'", '"'))} - {"_hubpolicy_guard", "__future__"}
    ) == (json.loads(plain.splitlines()[0].replace("'", '"')))
    assert python(venv, "-I", "-c", PROBE).splitlines()[1] == "True"
    assert python(venv, "-S", "-c", PROBE).splitlines()[1] == "False"  # a known way around it

    gone = run("guard", "disable", "--venv", venv)
    assert (gone.code, gone.out.startswith("disabled: ")) == (0, True)
    assert below(venv) == before
    assert run("guard", "disable", "--venv", venv).out.startswith("not enabled: ")


def test_a_module_of_that_name_on_the_search_path_does_not_take_its_place(
    venv: Path, tmp_path: Path
) -> None:
    (tmp_path / "_hubpolicy_guard.py").write_text("def install() -> None: print('shadow')\n")
    run("guard", "enable", "--venv", venv)
    code = "import sys, _hubpolicy_guard as guard; print(guard.__file__); print(sys.path)"
    plain = python(venv, "-c", code).splitlines()
    found, search = python(venv, "-c", code, PYTHONPATH=str(tmp_path)).splitlines()
    assert found == plain[0] == str(site(venv) / "_hubpolicy_guard.py")
    after = [each for each in ast.literal_eval(search) if each != str(tmp_path)]
    assert after == ast.literal_eval(plain[1]), "the search path stays as it was"
    told = run("guard", "status", "--venv", venv).out
    assert all(name in told for name in ("PYTHONPATH", "PYTHONHOME", "HOME"))


def test_status_for_programs_and_for_people(venv: Path) -> None:
    run("guard", "enable", "--venv", venv)
    ran = run("guard", "status", "--venv", venv, "--format", "json")
    found = ran.document
    assert (ran.code, found["state"], found["works"], found["live"]) == (0, "enabled", True, True)
    assert found["judge"][0] == sys.executable
    assert found["judge_version"]
    assert any("python -S" in each for each in found["bypasses"])
    text = run("guard", "status", "--venv", venv).out
    assert "it does not see: python -S" in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["enable", "disable"])
def test_somebody_elses_file_is_left_alone(venv: Path, name: str, command: str) -> None:
    (site(venv) / name).write_text("# mine\n")
    before = below(venv)
    ran = run("guard", command, "--venv", venv)
    assert (ran.code, name in ran.err) == (2, True)
    assert below(venv) == before
    assert run("guard", "status", "--venv", venv, "--format", "json").document["state"] == "foreign"


@pytest.mark.parametrize(
    ("name", "content", "state"),
    [
        (NAMES[0], None, "partial"),
        (NAMES[1], None, "partial"),
        (NAMES[2], None, "partial"),
        (NAMES[1], f"{MARK}\n", "outdated"),
        (NAMES[0], f"{MARK}\ndef install() -> None: ...\n", "outdated"),
    ],
)
def test_what_is_not_whole_is_said_and_mended(
    venv: Path, name: str, content: str | None, state: str
) -> None:
    run("guard", "enable", "--venv", venv)
    whole = below(venv)
    path = site(venv) / name
    path.unlink() if content is None else path.write_text(content)
    ran = run("guard", "status", "--venv", venv, "--format", "json")
    assert (ran.code, ran.document["state"], ran.document["works"]) == (1, state, False)
    assert run("guard", "enable", "--venv", venv).code == 0
    assert {k: v for k, v in below(venv).items() if k.endswith(NAMES)} == {
        k: v for k, v in whole.items() if k.endswith(NAMES)
    }


@pytest.mark.parametrize(
    ("version", "code"),
    [("0.36.0", 2), ("1.30.9", 2), ("newest", 2), ("1.31.0", 0), ("1.100", 0), ("2.0.0rc1", 0)],
)
def test_a_client_that_it_cannot_watch_is_refused(venv: Path, version: str, code: int) -> None:
    distribution = site(venv) / f"huggingface_hub-{version}.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text(f"Name: huggingface_hub\nVersion: {version}\n")
    before = below(venv)
    ran = run("guard", "enable", "--venv", venv)
    assert ran.code == code, ran.err
    if code:
        assert f"got huggingface_hub {version}, expected 1.31 or newer" in ran.err
        assert below(venv) == before


def test_a_folder_that_is_no_environment(tmp_path: Path) -> None:
    ran = run("guard", "enable", "--venv", tmp_path)
    assert (ran.code, "bin/python" in ran.err) == (2, True)


def test_both_ways_to_start_name_the_same_function() -> None:
    startup = Path("hubpolicy/guard/startup.py").read_text()
    module, pth, start = contents(startup, ("python", "-m", "x")).values()
    assert b"\nJUDGE: tuple[str, ...] = ('python', '-m', 'x')\n" in module
    mark, line = pth.decode().splitlines()
    assert (mark, line[:7], line[-28:]) == (MARK, "import ", "; _hubpolicy_guard.install()")
    # Python 3.15 (PEP 829): comments, and pkg.mod:callable. It ignores the .pth beside it.
    assert start.decode().splitlines() == [MARK, "_hubpolicy_guard:install"]


def test_a_start_up_module_that_nobody_knows_is_not_written() -> None:
    with pytest.raises(ServiceError, match="one line that names the judge"):
        contents("print()\n", ())
