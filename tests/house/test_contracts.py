# SPDX-License-Identifier: Apache-2.0
"""import-linter's contracts hold, and break when somebody plants what they forbid."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house.tree import PROJECT

LAYERS = "Arrows point down only"
GROUND = "The ground decides and does nothing else"
TRIPS = "Trips and pages reach the world through ports"
HUB = "The local hub knows nothing of the product"
ROOF = "Only the roof talks to people"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment
    )


def copied(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "assets")
    shutil.copytree(PROJECT / "hubpolicy", folder / "hubpolicy", ignore=ignored)
    shutil.copy(PROJECT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the product that a test may spoil."""
    return copied(tmp_path)


def test_the_contracts_hold(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout
    for name in (LAYERS, GROUND, TRIPS, HUB, ROOF):
        assert f"{name} KEPT" in done.stdout


def inside_a_function(line: str) -> str:
    return f"\n\ndef planted() -> None:\n    {line}\n"


PLANTED = [
    (GROUND, "core/statistics.py", "import os"),
    (GROUND, "core/statistics.py", "from os import environ"),
    (GROUND, "core/card/split.py", "import subprocess"),
    (GROUND, "core/rules/hp203.py", "import huggingface_hub"),
    (GROUND, "core/verify.py", "from socket import create_connection"),
    (GROUND, "domain/release.py", "import click"),
    (GROUND, "domain/release.py", "import onnxruntime"),
    (LAYERS, "core/judge.py", "from hubpolicy.adapters import files"),
    (LAYERS, "core/judge.py", "from hubpolicy import ports"),
    (LAYERS, "domain/card.py", "import hubpolicy.core.statistics"),
    (LAYERS, "ports.py", "from hubpolicy.flows import pushing"),
    (LAYERS, "flows/pushing.py", "from hubpolicy.adapters.hub import __name__"),
    (LAYERS, "flows/pushing.py", "from hubpolicy.render import text"),
    (LAYERS, "adapters/files.py", "from hubpolicy.flows import testing"),
    (LAYERS, "adapters/files.py", "from hubpolicy.render import escape"),
    (LAYERS, "render/text.py", "from hubpolicy.adapters import clock"),
    (LAYERS, "render/text.py", "from hubpolicy.cli import exits"),
    (LAYERS, "errors.py", "from hubpolicy.domain import finding"),
    (LAYERS, "demo/story.py", "from hubpolicy.cli import main"),
    (TRIPS, "flows/prepush.py", "import subprocess"),
    (TRIPS, "flows/auditing.py", "import os"),
    (TRIPS, "render/text.py", "import socket"),
    (TRIPS, "ports.py", "import huggingface_hub"),
    (LAYERS, "opening.py", "from hubpolicy.cli import exits"),
    (LAYERS, "flows/verifying.py", "from hubpolicy import opening"),
    (ROOF, "adapters/hub.py", "import click"),
    (ROOF, "api.py", "import click"),
    (HUB, "demo/hub/server.py", "from hubpolicy.core import paths"),
    (HUB, "demo/hub/server.py", "import hubpolicy.errors"),
    (HUB, "demo/hub/lfs.py", "import huggingface_hub"),
]


class Planted(NamedTuple):
    """What is said of each contract after all of these were planted, and where each one stands."""

    said: dict[str, str]
    lines: dict[tuple[str, str], int]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    house = copied(tmp_path_factory.mktemp("planted"))
    lines = {}
    for _, path, line in PLANTED:
        place = house / "hubpolicy" / path
        text = place.read_text(encoding="utf-8") + inside_a_function(line)
        place.write_text(text, encoding="utf-8")
        lines[path, line] = text.count("\n")
    done = lint(house)
    assert done.returncode == 1
    broken = done.stdout.partition("Broken contracts\n")[2]
    parts = re.split(r"^(\S.*)\n-+\n\n", broken, flags=re.MULTILINE)
    return Planted(dict(zip(parts[1::2], parts[2::2], strict=True)), lines)


@pytest.mark.parametrize(("contract", "path", "line"), PLANTED)
def test_an_import_that_points_up_is_found(
    planted: Planted, contract: str, path: str, line: str
) -> None:
    module = "hubpolicy." + path.removesuffix(".py").replace("/", ".")
    number = planted.lines[path, line]
    assert re.search(
        rf"^-?\s+{re.escape(module)} -> \S+ \(.*\bl\.{number}\b.*\)$",
        planted.said[contract],
        re.MULTILINE,
    ), planted.said[contract]


def test_a_type_only_import_is_an_arrow_too(house: Path) -> None:
    place = house / "hubpolicy" / "domain" / "planted.py"
    place.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from hubpolicy.core.statistics import clopper_pearson\n"
    )
    assert f"{LAYERS} BROKEN" in lint(house).stdout


def test_a_new_room_must_be_put_on_a_floor(house: Path) -> None:
    (house / "hubpolicy" / "attic.py").write_text("")
    done = lint(house)
    assert done.returncode == 1
    assert "hubpolicy.attic" in done.stdout
