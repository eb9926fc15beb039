# SPDX-License-Identifier: Apache-2.0
"""The sandbox that chat templates from strangers are rendered in; imports Jinja."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.parser import Parser


class GenerationTag(Extension):
    """``{% generation %}`` marks an assistant's text for training; here it does nothing."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The body alone."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Dict:
    """``dict`` without its attributes."""

    def __call__(self, *args: Any, **values: Any) -> dict[Any, Any]:
        return dict(*args, **values)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _Namespace(Namespace):
    """A namespace that takes no underscores."""

    def __init__(*args: Any, **values: Any) -> None:
        # A template may set an attribute called "self".
        self, args = args[0], args[1:]
        attributes = dict(*args, **values)
        for name in attributes:
            _refuse_underscore(name)
        Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_underscore(name)
        super().__setitem__(name, value)


def environment(now: Callable[[str], str]) -> ImmutableSandboxedEnvironment:
    """The environment; ``now`` answers ``strftime_now``."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, loopcontrols]
    )
    made.filters["tojson"] = _tojson
    made.globals |= {
        "raise_exception": _refuse,
        "strftime_now": now,
        "dict": _Dict(),
        "namespace": _Namespace,
    }
    return made


def _refuse(reason: str) -> NoReturn:
    raise TemplateError(reason)


def _refuse_underscore(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        message = f"got {name!r} on a namespace, expected a name without underscore at its start"
        raise SecurityError(message)


def _tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML, which no chat template wants.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )
