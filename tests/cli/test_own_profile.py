# SPDX-License-Identifier: Apache-2.0
"""A card schema of one's own: from the user's configuration, pinned by the signed policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.world import MODEL, REPO, add_to_policy, config, run, sign_run, write

if TYPE_CHECKING:
    from pathlib import Path

OWNER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$ref": "urn:hubpolicy:schema:card:v1",
    "properties": {
        "metadata": {
            "required": ["owner"],
            "properties": {
                "owner": {
                    "type": "string",
                    "x-hubpolicy": {
                        "rule": "HP105",
                        "severity": "error",
                        "message": "`owner` is {got}, expected a team",
                        "fix": "owner: team-birds",
                        "missing": {"message": "the card names no owner", "fix": "add: owner"},
                    },
                }
            },
        }
    },
}


def put(schema: object, name: str = "acme.json") -> None:
    """A profile in the user's configuration."""
    path = config("profiles", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(schema))


def ask_for(name: str) -> None:
    """Let the policy name that profile."""
    add_to_policy(f'profile = "{name}"', old='profile = "baseline"')


def test_an_own_schema_judges_the_card_and_is_signed_by_its_name(home: Path, model: Path) -> None:
    put(OWNER)
    ask_for("profiles/acme.json")
    assert run("policy", "sign").code == 0
    ran = run("check", model, "--format", "json")
    assert (ran.code, ran.rules) == (1, {"HP105"})
    assert "the card names no owner" in ran.out
    named = MODEL["README.md"].replace(b"---\n", b"---\nowner: team-birds\n", 1)
    write(model, {"README.md": named})
    assert run("check", model).code == 0
    sign_run(model)
    assert run("attest", model, "--repo", REPO).code == 0
    assert run("verify", model, "--repo", REPO).code == 0


def test_an_edit_of_the_schema_counts_only_after_it_was_signed(home: Path, model: Path) -> None:
    put(OWNER)
    ask_for("profiles/acme.json")
    assert run("policy", "sign").code == 0
    put({"$ref": "urn:hubpolicy:schema:card:v1"})
    ran = run("check", model)
    assert ran.code == 2
    assert "signed for another card schema than profiles/acme.json" in ran.err
    assert "hubpolicy policy sign" in ran.err
    assert run("policy", "sign").code == 0
    assert run("check", model).code == 0


def test_a_schema_beside_the_card_is_never_taken(home: Path, model: Path) -> None:
    write(model, {"profiles/acme.json": json.dumps({"type": "object"}).encode()})
    ask_for("profiles/acme.json")
    ran = run("policy", "sign")
    assert ran.code == 2
    assert "there is no card profile at" in ran.err


@pytest.mark.parametrize(
    "name",
    ["../acme.json", "profiles/../keys/solo.json", "/tmp/acme.json", "acme.json", "profiles/.json"],
)
def test_only_the_profiles_folder_is_looked_into(home: Path, name: str) -> None:
    ask_for(name)
    for command in ("check", "sign"):
        ran = run("policy", command)
        assert ran.code == 2
        assert "expected 'baseline' or 'profiles/NAME.json'" in ran.err


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ([], "expected"),
        ({"$ref": "https://example.org/schema.json"}, "expected one inside the card schema"),
        ({"properties": {"metadata": {"type": "strin"}}}, "schema"),
    ],
)
def test_a_schema_that_cannot_be_used_signs_nothing(
    home: Path, model: Path, schema: object, words: str
) -> None:
    before = config("gate.json").read_bytes()
    put(schema)
    ask_for("profiles/acme.json")
    ran = run("policy", "sign")
    if ran.code == 0:  # a reference is followed where a card is
        ran = run("check", model)
    else:
        assert config("gate.json").read_bytes() == before
    assert ran.code == 2, ran
    assert words in ran.err
