# SPDX-License-Identifier: Apache-2.0
"""Our bills of materials are valid under the schemas that CycloneDX's own library ships."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from hubpolicy.core.bill import CardFacts, make_bill
from hubpolicy.render.cyclonedx import SPEC_VERSION, render
from hubpolicy.render.spdx import _KNOWN
from tests.oracles.tools import oracle_python
from tests.unit.core.foreign_world import evidence_line
from tests.unit.core.release_world import release
from tests.unit.render.test_cyclonedx import BILL, CARD

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# Reads documents from standard input; prints for each "valid", or why it is not.
_CODE = """
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.from_version(sys.argv[1]))
for text in json.load(sys.stdin):
    error = validator.validate_str(text)
    print("valid" if error is None else " ".join(str(error).split())[:300])
"""


def ask(*texts: str) -> list[str]:
    done = subprocess.run(
        [str(oracle_python()), "-c", _CODE, SPEC_VERSION],
        input=json.dumps(texts), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def spoiled(**changes: Any) -> str:
    return json.dumps({**json.loads(render(BILL, tool_version="0.1.0")), **changes})


def test_every_bill_is_valid_and_a_spoiled_one_is_not() -> None:
    licences = (*sorted(_KNOWN), "gemma", "other")
    bills = [
        BILL,
        BILL._replace(card=CardFacts(), figures=()),
        make_bill(release(evidence_line()), CARD),
        BILL._replace(card=CardFacts(licences=licences)),
        BILL._replace(card=CARD._replace(datasets=("a b", "ü", "x" * 200), uses=("\u202e",))),
    ]
    answers = ask(*(render(bill, tool_version="0.1.0") for bill in bills))
    assert set(answers) == {"valid"}
    assert len(answers) == len(bills)
    bad = ask(
        spoiled(serialNumber="urn:uuid:1"),
        spoiled(metadata={"component": {"type": "model", "name": "x"}}),
        spoiled(toxicity=1),
        spoiled(components=[{"type": "file", "name": "a"}] * 2),
    )
    assert "valid" not in bad
    assert len(bad) == 4
