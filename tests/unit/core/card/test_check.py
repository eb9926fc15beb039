# SPDX-License-Identifier: Apache-2.0
"""``check_card`` as a whole: outcomes, settings, profiles, limits."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time

import pytest

import schemas
from hubpolicy.core.card.check import Profile, Vocabularies, card_rules, check_card
from hubpolicy.core.card.rule import CardEvidence, card_of
from hubpolicy.domain.finding import Severity, verdict_of
from hubpolicy.errors import ConfigError
from tests.unit.core.card.cards import (
    BASELINE,
    ROOT,
    SCHEMA,
    TRANSFORMERS,
    good,
    judge,
    vocabularies,
    with_metadata,
)

ALL = tuple(rule.id for rule in card_rules())
OWN = b'{"properties": {"metadata": {"required": ["owner"]}}}'


def test_rules_have_stable_ids_titles_and_pages() -> None:
    assert tuple(f"HP{number}" for number in range(101, 117)) == ALL
    for rule in card_rules():
        assert rule.doc == f"docs/rules.md#{rule.id.lower()}"
        assert rule.title
        assert rule.severity in {Severity.ERROR, Severity.WARNING}


def test_each_rule_has_a_file_a_test_and_a_page_of_its_own() -> None:
    pages = (ROOT / "hubpolicy" / "assets" / "rules" / "HP1xx.md").read_text(encoding="utf-8")
    for rule in ALL:
        name = rule.lower()
        assert (ROOT / "hubpolicy" / "core" / "rules" / f"{name}.py").is_file()
        assert (ROOT / "tests" / "unit" / "rules" / f"test_{name}.py").is_file()
        assert f"\n## {rule}: " in pages


def test_a_good_card_passes_every_rule() -> None:
    check = judge(good())
    assert (check.findings, check.passed) == ((), ALL)
    assert verdict_of(check.findings) == "passed"


def test_the_check_names_its_profile_and_schema() -> None:
    check = judge(good())
    assert check.profile == "baseline"
    assert check.schema_sha256 == hashlib.sha256(SCHEMA).hexdigest()


@pytest.mark.parametrize(
    ("readme", "passed"),
    [
        (None, ()),
        (b"", ()),
        (b"# no front matter\n", ("HP101", "HP116")),
        (b"---\na: [\n---\n", ("HP101", "HP116")),
        (b"---\na: &x y\n---\n", ("HP101", "HP116")),
        (b"---\na: 1\na: &x y\n---\n", ("HP101", "HP116")),
    ],
)
def test_rules_that_could_not_run_have_failed(
    readme: bytes | None, passed: tuple[str, ...]
) -> None:
    check = judge(readme)
    assert check.passed == passed
    assert check.failed == tuple(rule for rule in ALL if rule not in passed)
    assert verdict_of(check.findings) == "failed"


def test_duplicates_are_reported_even_where_reading_stopped() -> None:
    rules = {each.rule for each in judge(b"---\na: 1\na: &x z\n---\n").findings}
    assert rules == {"HP102", "HP103"}


def test_findings_come_in_the_order_of_the_file() -> None:
    check = judge(with_metadata(license="mitt", language="klingon", library_name="x"))
    places = [
        (each.location.line, each.location.column) for each in check.findings if each.location
    ]
    assert places == sorted(places)
    assert len(places) == 3


def test_five_megabytes_of_front_matter_are_one_finding_in_milliseconds() -> None:
    readme = b"---\n" + b"a: b\n" * 1_000_000 + b"---\n# Uses\n"
    judge(b"")  # compile what is compiled once
    begin = time.process_time()
    check = judge(readme)
    assert time.process_time() - begin < 1
    (finding,) = check.findings
    assert finding.rule == "HP102"
    assert "4,999,999 bytes" in finding.message


def test_a_long_list_of_findings_ends_in_a_count() -> None:
    tags = ", ".join(["on"] * 40)
    check = judge(with_metadata(tags=f"[{tags}]"))
    found = [each for each in check.findings if each.rule == "HP104"]
    assert len(found) == 13
    assert found[-1].message == "and 28 more findings of HP104"


@pytest.mark.parametrize(
    ("severity", "outcome"),
    [(Severity.ERROR, "failed"), (Severity.WARNING, "warned"), (Severity.INFO, "passed")],
)
def test_a_policy_sets_the_weight_of_a_rule(severity: Severity, outcome: str) -> None:
    card = with_metadata(license="mitt").encode()
    check = check_card(card, TRANSFORMERS, BASELINE, vocabularies(), {"HP106": severity})
    assert [each.severity for each in check.findings] == [severity]
    assert "HP106" in getattr(check, outcome)


def test_a_rule_that_is_off_is_nowhere() -> None:
    card = with_metadata(license="mitt").encode()
    check = check_card(card, TRANSFORMERS, BASELINE, vocabularies(), {"HP106": Severity.OFF})
    assert check.findings == ()
    assert "HP106" not in (*check.passed, *check.warned, *check.failed)
    assert len(check.passed) == len(ALL) - 1


@pytest.mark.parametrize("rule", ["HP101", "HP102", "HP103"])
@pytest.mark.parametrize("severity", [Severity.OFF, Severity.INFO, Severity.WARNING])
def test_rules_on_which_the_others_stand_cannot_be_lowered(rule: str, severity: Severity) -> None:
    with pytest.raises(ConfigError, match=rule):
        check_card(b"", TRANSFORMERS, BASELINE, vocabularies(), {rule: severity})


def test_settings_of_other_rules_are_not_ours() -> None:
    check = check_card(
        good().encode(), TRANSFORMERS, BASELINE, vocabularies(), {"HP203": Severity.OFF}
    )
    assert check.passed == ALL


@pytest.mark.parametrize("field", ["licences", "pipeline_tags", "libraries", "languages"])
def test_an_empty_vocabulary_is_an_error(field: str) -> None:
    empty = Vocabularies(**{**vocabularies()._asdict(), field: frozenset()})
    with pytest.raises(ConfigError, match="empty vocabulary"):
        check_card(good().encode(), TRANSFORMERS, BASELINE, empty)


def test_an_own_schema_sees_the_document_and_its_words_are_hp105() -> None:
    check = check_card(good().encode(), TRANSFORMERS, Profile("own", OWN), vocabularies())
    (finding,) = check.findings
    assert (finding.rule, finding.message) == ("HP105", "the metadata has no `owner`")
    assert check.profile == "own"


def test_rules_of_which_an_own_schema_does_not_speak_are_not_passed() -> None:
    check = check_card(good().encode(), TRANSFORMERS, Profile("own", OWN), vocabularies())
    assert not {"HP111", "HP112"} & {*check.passed, *check.warned, *check.failed}


def test_an_own_schema_can_build_on_the_baseline() -> None:
    own = {"$ref": "urn:hubpolicy:schema:card:v1", **json.loads(OWN)}
    profile = Profile("own", json.dumps(own).encode(), (SCHEMA,))
    check = check_card(with_metadata(license=None).encode(), TRANSFORMERS, profile, vocabularies())
    assert check.failed == ("HP105", "HP106")
    assert "HP112" in check.passed


def test_a_schema_that_cannot_be_used_is_an_error_even_without_a_card() -> None:
    with pytest.raises(ConfigError, match="card schema"):
        check_card(None, TRANSFORMERS, Profile("own", b"{"), vocabularies())


def test_a_rule_that_needs_the_card_is_never_run_without_one() -> None:
    with pytest.raises(TypeError, match="without one"):
        card_of(CardEvidence(None, TRANSFORMERS, vocabularies()))


def test_the_schema_ships_as_package_data() -> None:
    assert schemas.read("card.v1.schema.json") == SCHEMA
    with pytest.raises(FileNotFoundError):
        schemas.read("nothing.json")


def test_the_lean_path_stays_lean() -> None:
    code = (
        "import sys, hubpolicy.core, hubpolicy.core.rules, hubpolicy.domain.card;"
        "sys.exit(any(name.partition('.')[0] in"
        " {'ruamel', 'jsonschema', 'markdown_it', 'yaml'} for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0
