# SPDX-License-Identifier: Apache-2.0
"""What SARIF has to be: the standard's own schema, and what GitHub's code scanning asks beyond it.

The second is the page "SARIF support for code scanning" of GitHub's documentation: what it calls
required of what we write, and how much of it is taken.
"""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema

from tests.house.tree import PROJECT

SCHEMA = json.loads(
    (PROJECT / "tests" / "assets" / "sarif" / "sarif-2.1.0-rtm.5.json").read_bytes()
)
FORMATS = jsonschema.FormatChecker(())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=FORMATS)
_REFERENCE = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

OF_A_RULE = (("id",), ("shortDescription", "text"), ("fullDescription", "text"), ("help", "text"))
OF_A_RESULT = (
    ("message", "text"),
    ("locations", 0, "physicalLocation", "artifactLocation", "uri"),
)
MOST_RESULTS, MOST_RULES, MOST_LOCATIONS = 25_000, 25_000, 1000


@FORMATS.checks("uri-reference")
def _is_reference(value: object) -> bool:
    """RFC 3986: the characters of one. A colon in the first part would make it an address."""
    return not isinstance(value, str) or _REFERENCE.fullmatch(value) is not None


@FORMATS.checks("uri")
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or (_is_reference(value) and bool(_ABSOLUTE.match(value)))


def assert_sarif(text: str) -> dict[str, Any]:
    """The document; fails where the schema refuses it, or code scanning would miss something."""
    document: dict[str, Any] = json.loads(text)
    VALIDATOR.validate(document)
    (run,) = document["runs"]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    for part, paths in ((rules, OF_A_RULE), (results, OF_A_RESULT)):
        for path in paths:
            for each in part:
                found = _at(each, path)
                assert isinstance(found, str), (path, each)
                assert found, (path, each)
    assert len(rules) <= MOST_RULES
    assert len(results) <= MOST_RESULTS
    for result in results:
        assert len(result["locations"]) <= MOST_LOCATIONS
        (place,) = result["locations"]
        assert not _ABSOLUTE.match(place["physicalLocation"]["artifactLocation"]["uri"])
    return document


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
