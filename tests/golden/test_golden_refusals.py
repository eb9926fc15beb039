# SPDX-License-Identifier: Apache-2.0
"""What people read is a promise too: the sentence that refuses each false claim, word for word.

A sentence that was improved goes into the file by ``pytest tests/golden --update-goldens``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.attacks.mutation_claims import CLAIMS
from tests.attacks.mutation_world import gate

if TYPE_CHECKING:
    import pytest

    from tests.attacks.mutation_cases import Case

FILE = Path(__file__).parent / "files" / "refusals.txt"


@cache
def cases() -> dict[str, Case]:
    return {case.name: case for table in CLAIMS for case in table()}


def sentence(case: Case) -> str:
    """The first that names the reason which the case expects."""
    for said in gate(case.world()).says:
        if case.place in said and any(word in said for word in case.words):
            return said
    return "nothing that names the reason"


def golden() -> dict[str, str]:
    lines = FILE.read_text("utf-8").splitlines()
    return dict(line.split(" | ", 1) for line in lines)


def test_every_refusal_says_what_it_said(request: pytest.FixtureRequest) -> None:
    found = {name: sentence(case) for name, case in cases().items()}
    # The switch is registered only where pytest was pointed at this folder.
    if request.config.getoption("--update-goldens", default=False):
        lines = (f"{name} | {said}\n" for name, said in sorted(found.items()))
        FILE.write_text("".join(lines), "utf-8")
    assert found == golden()
