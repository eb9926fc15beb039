# SPDX-License-Identifier: Apache-2.0
"""What is where, how long it is, and what stands in no room but its own."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import PROJECT, Module, modules

if TYPE_CHECKING:
    from collections.abc import Iterator

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def product() -> tuple[Module, ...]:
    """All that is shipped; read when a test asks for it, not whenever tests are collected."""
    return modules("hubpolicy", "schemas", "hooks")


def test_every_package_is_shipped_and_no_other() -> None:
    setuptools = PYPROJECT["tool"]["setuptools"]
    folders = {path.parent for path in (PROJECT / "hubpolicy").rglob("*.py")}
    real = {".".join(folder.relative_to(PROJECT).parts) for folder in folders}
    renamed = {f"hubpolicy.{name}" for name in ("schemas", "hooks")}
    assert sorted(setuptools["packages"]) == sorted(real | renamed)
    assert setuptools["package-dir"] == {
        "hubpolicy": "hubpolicy",
        "hubpolicy.schemas": "schemas",
        "hubpolicy.hooks": "hooks",
    }


def test_no_module_is_longer_than_a_person_reads() -> None:
    lengths = {module.path: module.text.count("\n") for module in product()}
    assert {path: n for path, n in lengths.items() if n > LONGEST_MODULE} == {}


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{module.path} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for module in product()
        for function in functions(module)
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


VAGUE = re.compile(r"(Manager|Helper|Util|Utils|Handler|Info|Data)(?![a-z])")
VAGUE_FILES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handlers"}


def test_nothing_has_a_name_that_says_nothing() -> None:
    classes = {
        node.name
        for module in product()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    assert {name for name in classes if VAGUE.search(name)} == set()
    stems = {module.path.rsplit("/", 1)[-1].removesuffix(".py") for module in product()}
    assert stems & VAGUE_FILES == set()


def test_every_module_says_what_it_is() -> None:
    assert [module.path for module in product() if not ast.get_docstring(module.tree)] == []


WORLDLY = {
    ("os", "environ"),
    ("os", "getenv"),
    ("os", "chdir"),
    ("os", "_exit"),
    ("sys", "exit"),
    ("sys", "argv"),
    ("datetime", "now"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
}
# The local hub and the story are programs of their own; the hooks and the library are roofs too.
MAY_TOUCH_THE_WORLD = {
    *("cli", "adapters", "demo", "gateway", "guard"),
    *("prepush.py", "prereceive.py", "opening.py", "api.py"),
}
IN_AND_OUT = {"open", "print", "input", "exec", "eval", "compile", "__import__"}
READS = {"read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "unlink", "mkdir"}


def touched(module: Module) -> Iterator[str]:
    """Uses of the environment, the clock, files and the terminal."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and (node.value.id, node.attr) in WORLDLY:
                yield f"{module.path}:{node.lineno} {node.value.id}.{node.attr}"
            elif node.attr in READS:
                yield f"{module.path}:{node.lineno} {node.attr}"
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in IN_AND_OUT
        ):
            yield f"{module.path}:{node.lineno} {node.func.id}()"


def test_only_the_roof_and_the_adapters_touch_the_world() -> None:
    inner = [
        module
        for module in product()
        if module.path.startswith("hubpolicy/") and module.room not in MAY_TOUCH_THE_WORLD
    ]
    found = [use for module in inner for use in touched(module)]
    assert [use for use in found if not use.startswith("hubpolicy/assets/vocab/")] == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("import os\ndef f():\n    return os.environ['X']\n", 1),
        ("now = datetime.now()\n", 1),
        ("print(open('x').read())\n", 2),
        ("class A:\n    def f(self):\n        self.place.read_text()\n", 1),
        ("text.reader(), reopen('x'), opened\n", 0),
    ],
)
def test_the_search_for_it_finds_it(code: str, count: int) -> None:
    module = Module("hubpolicy/core/planted.py", code)
    assert len(list(touched(module))) == count


@pytest.mark.parametrize(
    ("folder", "own"),
    [
        ("hubpolicy/domain", ("hubpolicy.domain", "hubpolicy.errors")),
        ("hubpolicy/demo/hub", ("hubpolicy.demo.hub",)),
        ("hubpolicy/errors.py", ()),
        ("schemas", ()),
        ("hooks", ()),
    ],
)
def test_these_need_the_standard_library_alone(folder: str, own: tuple[str, ...]) -> None:
    chosen = [module for module in product() if module.path.startswith(folder)]
    assert chosen
    for module in chosen:
        foreign = {
            name
            for name in module.imports()
            if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(own)
        }
        assert foreign == set(), module.path


def distribution(name: str) -> str:
    """As PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", name, maxsplit=1)[0]).lower()


# Optional: an adapter imports these when a person asked for them, and says which extra to install.
EXTRAS = {
    "torch", "transformers", "peft", "detoxify", "ray", "onnx", "safetensors",
    "securesystemslib", "hvac", "sigstore", "sigstore-models", "aiohttp", "multidict", "yarl",
}  # fmt: skip


def test_everything_imported_is_declared_and_everything_declared_is_imported() -> None:
    declared = {distribution(line) for line in PYPROJECT["project"]["dependencies"]}
    tops = {name.split(".")[0] for module in product() for name in module.imports()}
    foreign = tops - sys.stdlib_module_names - {"hubpolicy"}
    known = packages_distributions()
    needed = {distribution(known.get(name, [name])[0]) for name in foreign}
    assert needed - EXTRAS == declared


def test_constraints_pin_all_that_is_asked_for() -> None:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all("==" in line for line in pins)
    pinned = [distribution(line) for line in pins]
    assert len(pinned) == len(set(pinned))
    project = PYPROJECT["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    asked = [*project["dependencies"], *extras]
    assert {distribution(line) for line in asked} <= set(pinned)
