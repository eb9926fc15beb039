# SPDX-License-Identifier: Apache-2.0
"""What the ``scorer`` commands share: finding a bundle, and saying things in text or JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from hubpolicy.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NOT_SHOWN = frozenset({"schema", "activation", "inputs", "output", "prefix", "suffix"})

format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text",
    envvar="HUBPOLICY_FORMAT", show_default=True, help="Format on standard output.",
)  # fmt: skip


def folder_of(name_or_dir: str) -> Path:
    """The folder of an installed bundle, or one given by its path.

    Raises:
        ConfigError: neither.

    """
    from hubpolicy.adapters import assets

    is_path = os.sep in name_or_dir or name_or_dir.startswith(".")
    if is_path or (name_or_dir not in assets.scorer_folders() and Path(name_or_dir).is_dir()):
        return Path(name_or_dir)
    return assets.scorer_folder(name_or_dir)


def describe(folder: Path) -> dict[str, Any]:
    """What a bundle says about itself, and the digest of its files.

    Raises:
        ServiceError: it cannot be read.
        MalformedError: its description is invalid.

    """
    from hubpolicy.adapters.scorers.bundle import DESCRIPTION, bundle_pin
    from hubpolicy.adapters.scorers.description import MAX_BYTES
    from hubpolicy.core import strictjson

    pin = bundle_pin(folder)
    content = (folder / DESCRIPTION).read_bytes()
    table: dict[str, Any] = strictjson.parse(content, what=DESCRIPTION, limit=MAX_BYTES)
    shown = {key: value for key, value in table.items() if key not in _NOT_SHOWN}
    return {"sha256": pin.sha256, "folder": str(folder), **shown}


def say(format_: str) -> Callable[[str], None]:
    """Steps for people, on standard error."""

    def line(text: str) -> None:
        from hubpolicy.render.escape import terminal

        if format_ == "text":
            click.echo(terminal(text), err=True)

    return line


def tree(table: Mapping[str, Any], indent: str = "  ") -> list[str]:
    """Nested values as aligned lines."""
    lines = []
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}", *tree(value, indent + "  ")] if value else []
        else:
            flat = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append(f"{indent}{key:<20} {flat}")
    return lines


def finish(
    format_: str, document: dict[str, Any], lines: list[str], code: Exit = Exit.PASSED
) -> NoReturn:
    """Print one document or the lines, then end."""
    from hubpolicy.render.escape import in_json, terminal

    if format_ == "json":
        verdict = {Exit.PASSED: "passed", Exit.BLOCKED: "failed"}.get(code, "inconclusive")
        head = {"schema_version": 1, "verdict": verdict, "exit_code": int(code)}
        click.echo(in_json(json.dumps({**head, **document}, indent=2, ensure_ascii=True)))
    else:
        for line in lines:
            click.echo(terminal(line))
    raise click.exceptions.Exit(int(code))
