# SPDX-License-Identifier: Apache-2.0
"""The examples in docs/formats.md are what is really written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FILES = Path(__file__).parent / "files"
DOC = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCKS = dict(
    re.findall(
        r"<!-- golden: ([a-z-]+) -->\n```json\n(.*?)\n```", DOC.read_text("utf-8"), re.DOTALL
    )
)


NAMES = sorted(path.stem for path in FILES.glob("*.json") if "." not in path.stem)


@pytest.mark.parametrize("name", NAMES)
def test_example_is_the_golden_one(name: str) -> None:
    value = json.loads((FILES / f"{name}.json").read_bytes())
    assert json.loads(BLOCKS[name]) == value.get("predicate", value)


def test_every_example_has_its_golden_one() -> None:
    assert sorted(BLOCKS) == NAMES
