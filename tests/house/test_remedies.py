# SPDX-License-Identifier: Apache-2.0
"""A remedy is a command that can be typed: options that exist, and PATH where a path belongs."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from hubpolicy.cli.main import COMMANDS
from tests.house.tree import Module, modules

if TYPE_CHECKING:
    import click

COMMAND = re.compile(r"hubpolicy (test|attest|approve|check)\b([^\"'`]*)")
RULES = [module for module in modules("hubpolicy/core/rules") if "/hp" in module.path]


def commands_of(text: str) -> list[tuple[str, str]]:
    """(command, what follows in that literal) of every remedy in a rule's source."""
    code = "\n".join(line for line in text.splitlines() if '"""' not in line)
    return COMMAND.findall(code)


@pytest.mark.parametrize("module", RULES, ids=lambda module: module.path.rpartition("/")[2])
def test_remedies_name_the_path_and_options_that_exist(module: Module) -> None:
    for name, rest in commands_of(module.text):
        assert re.match(r" (PATH|\{path\})", rest), f"hubpolicy {name}{rest}"
        place, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(f"hubpolicy.cli.{place}"), attribute)
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= known, f"hubpolicy {name}{rest}"
