# SPDX-License-Identifier: Apache-2.0
"""Launch templates: how a server is started on a folder, and what it is asked beside the prompt.

TOML, closed: an unknown key is an error. Placeholders are ``$main`` (the closure's main file),
``$folder`` (the folder around it), ``$port`` and ``$id`` (made up for one start), and in requests
the plan's ``$temperature``, ``$top_p``, ``$top_k``, ``$max_new_tokens``. The shipped ones stand in
``hubpolicy/assets/serve``; others give level 2 unless the governing policy pins their sha256.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from hubpolicy.adapters.bounded import read_bounded
from hubpolicy.core.layouts import ClosureKind
from hubpolicy.core.serving import SHIPPED
from hubpolicy.core.toml_table import read_toml
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.domain.statement import Sampling

SCHEMA = "hubpolicy/serve/1"
SUFFIX = ".toml"
_LARGEST = 64 * 1024
_TEXTS = ("schema", "name", "program", "install", "health", "model", "answers_as")
_LISTS = ("kinds", "version", "arguments")
_NUMBERS = {"start_seconds": 7200, "concurrency": 256}
_TABLES = ("environment", "request")
_CHECK = ("path", "field", "equals")
_RESERVED = frozenset({"prompt", "messages", "seed", "model", "temperature", "top_p", "max_tokens"})


class Check(NamedTuple):
    """The field (``data.0.id``) of the JSON at ``path`` has to equal a text."""

    path: str
    field: str
    equals: str


class LaunchTemplate(NamedTuple):
    """A parsed template. ``sha256`` of its bytes."""

    name: str
    kinds: tuple[str, ...]
    program: str
    install: str
    version: tuple[str, ...]
    arguments: tuple[str, ...]
    health: str
    start_seconds: int
    concurrency: int
    model: str
    answers_as: str
    environment: tuple[tuple[str, str], ...]
    request: tuple[tuple[str, Any], ...]
    checks: tuple[Check, ...]
    sha256: str

    def fill(self, text: str, values: Mapping[str, str]) -> str:
        """Put values in the place of placeholders."""
        return Template(text).substitute(values)

    def further(self, sampling: Sampling) -> dict[str, Any]:
        """The further fields of every request; ``"$top_k"`` alone is the number itself."""
        numbers: dict[str, Any] = {
            "temperature": float(sampling.temperature),
            "top_p": float(sampling.top_p),
            "top_k": sampling.top_k,
            "max_new_tokens": sampling.max_new_tokens,
        }
        return {key: _put(value, numbers) for key, value in self.request}


def shipped_names() -> tuple[str, ...]:
    """The templates that come with the package."""
    folder = resources.files("hubpolicy") / "assets" / "serve"
    names = (entry.name for entry in folder.iterdir() if entry.name.endswith(SUFFIX))
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names))


def load_template(target: str) -> LaunchTemplate:
    """A shipped template by name, or any by the path of its ``.toml`` file.

    Raises:
        ConfigError: no such name, or not a template.
        ServiceError: the file cannot be read.

    """
    if target.endswith(SUFFIX):
        return parse_template(_read(Path(target)), target)
    names = shipped_names()
    if target not in names:
        message = f"got server {target!r}, expected {', '.join(names)} or a launch template, "
        raise ConfigError(message + "FILE.toml", hint="hubpolicy test --help")
    path = resources.files("hubpolicy") / "assets" / "serve" / f"{target}{SUFFIX}"
    return parse_template(path.read_bytes(), target)


def level_of(template: LaunchTemplate, pinned: frozenset[str]) -> int:
    """Binding level 4 where we or the policy's signers read what is started, else 2."""
    return 4 if template.sha256 in SHIPPED | pinned else 2


def parse_template(content: bytes, where: str) -> LaunchTemplate:
    """TOML to a template.

    Raises:
        ConfigError: it is none; the message names the key.

    """
    table = read_toml(content, where=where, parse_float=float)
    problem = _problem(table)
    if problem:
        message = f"{problem}, in {where}"
        raise ConfigError(message, hint="compare it with the templates in hubpolicy/assets/serve")
    return LaunchTemplate(
        name=table["name"],
        kinds=tuple(table["kinds"]),
        program=table["program"],
        install=table["install"],
        version=tuple(table["version"]),
        arguments=tuple(table["arguments"]),
        health=table["health"],
        start_seconds=table["start_seconds"],
        concurrency=table["concurrency"],
        model=table["model"],
        answers_as=table["answers_as"],
        environment=tuple(sorted(table.get("environment", {}).items())),
        request=tuple(sorted(table.get("request", {}).items())),
        checks=tuple(Check(**check) for check in table.get("check", [])),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _problem(table: dict[str, Any]) -> str:
    known = {*_TEXTS, *_LISTS, *_NUMBERS, *_TABLES, "check"}
    if set(table) - known or (set(_TEXTS) | set(_LISTS) | set(_NUMBERS)) - set(table):
        return f"got keys {sorted(table)}, expected {sorted(known)}"
    if table["schema"] != SCHEMA:
        return f"got schema {table['schema']!r}, expected {SCHEMA!r}"
    for key in _TEXTS:
        if not isinstance(table[key], str) or not table[key].strip() or "\0" in table[key]:
            return f"got {key} {table[key]!r}, expected text"
    for key in _LISTS:
        if not _are_texts(table[key]):
            return f"got {key} {table[key]!r}, expected texts"
    for key, most in _NUMBERS.items():
        if type(table[key]) is not int or not 1 <= table[key] <= most:
            return f"got {key} {table[key]!r}, expected 1 to {most}"
    return _problem_inside(table)


def _problem_inside(table: dict[str, Any]) -> str:
    odd = sorted(set(table["kinds"]) - set(get_args(ClosureKind)))
    if odd or not table["kinds"]:
        return f"got kinds {table['kinds']!r}, expected some of {sorted(get_args(ClosureKind))}"
    for key in _TABLES:
        if not isinstance(table.get(key, {}), dict):
            return f"got {key} {table[key]!r}, expected a table"
    if not _are_texts(list(table.get("environment", {}).values())):
        return "got an environment that is not made of texts"
    taken = sorted(_RESERVED & set(table.get("request", {})))
    if taken:
        return f"got request {taken}, expected nothing that the plan says"
    checks = table.get("check", [])
    if not isinstance(checks, list) or not all(_is_check(check) for check in checks):
        return f"got check {checks!r}, expected tables of {', '.join(_CHECK)}"
    return _problem_of_placeholders(table)


def _problem_of_placeholders(table: dict[str, Any]) -> str:
    checks = [check["equals"] for check in table.get("check", [])]
    named = {"main", "folder", "port", "id"}
    for text in (*table["arguments"], table["model"], table["answers_as"], *checks):
        if not Template(text).is_valid() or set(Template(text).get_identifiers()) - named:
            return f"got placeholder in {text!r}, expected {sorted(named)}"
    joined = " ".join(table["arguments"])
    if not {"main", "folder"} & set(Template(joined).get_identifiers()) or "$port" not in joined:
        return "got arguments without $port, or without $main and $folder"
    plan = {"temperature", "top_p", "top_k", "max_new_tokens"}
    for value in table.get("request", {}).values():
        if isinstance(value, str) and set(Template(value).get_identifiers()) - plan:
            return f"got placeholder in {value!r}, expected {sorted(plan)}"
    return ""


def _is_check(check: object) -> bool:
    return isinstance(check, dict) and set(check) == set(_CHECK) and _are_texts([*check.values()])


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) and "\0" not in v for v in values)


def _put(value: object, numbers: Mapping[str, Any]) -> object:
    if not isinstance(value, str):
        return value
    if value.removeprefix("$") in numbers and value.startswith("$"):
        return numbers[value[1:]]
    return Template(value).substitute(numbers)


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, _LARGEST, str(path))
    except MalformedError as error:
        hint = "expected a launch template, like those in hubpolicy/assets/serve"
        raise ConfigError(error.message, hint=hint) from error
