# SPDX-License-Identifier: Apache-2.0
"""``pytest tests/golden --update-goldens`` writes what is compared otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write tests/golden/files anew")
