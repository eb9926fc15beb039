# SPDX-License-Identifier: Apache-2.0
"""The literal table of renderers. Imported on use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.render.report import Report

FORMATS = ("text", "json", "sarif", "junit", "markdown", "github", "html")

_MODULES = {
    "text": "text",
    "json": "json_v1",
    "sarif": "sarif",
    "junit": "junit",
    "markdown": "markdown",
    "github": "github",
    "html": "html_page",
}


def renderer(form: str) -> Callable[[Report], str]:
    """The ``render`` function of a format."""
    module = import_module(f"hubpolicy.render.{_MODULES[form]}")
    function: Callable[[Report], str] = module.render
    return function
