# SPDX-License-Identifier: Apache-2.0
"""One rule = one id, one file, one test file, one section in docs/rules.md."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from click.testing import CliRunner

from hubpolicy.cli.rule import pages, rule
from hubpolicy.core.rules.catalogue import RuleEntry, catalogue
from tests.house.tree import PROJECT, modules

ENTRIES = catalogue()
IDS = [entry.id for entry in ENTRIES]
FAMILIES = "12345679"
LAST_CARD_RULE = "HP119"  # the end of a range, given to no rule
RULES = PROJECT / "hubpolicy" / "core" / "rules"


def test_ids_are_given_once_and_belong_to_a_family() -> None:
    assert sorted(set(IDS)) == IDS
    assert {name for name in IDS if not re.fullmatch(rf"HP[{FAMILIES}]\d\d", name)} == set()
    titles = [entry.title for entry in ENTRIES]
    assert len(set(titles)) == len(titles)


def test_titles_say_what_must_hold_in_one_line() -> None:
    for entry in ENTRIES:
        assert entry.title == entry.title.strip().removesuffix(".")
        assert entry.title[0].islower() or entry.title.split()[0].isupper()


@pytest.mark.parametrize("name", sorted(path.stem for path in RULES.glob("hp???.py")))
def test_a_rule_is_a_file_and_has_a_test_file(name: str) -> None:
    module = import_module(f"hubpolicy.core.rules.{name}")
    own = getattr(module, "RULE", None)
    assert (own.id if own is not None else module.ID) == name.upper()
    assert name.upper() in IDS
    assert (PROJECT / "tests" / "unit" / "rules" / f"test_{name}.py").is_file()


def test_every_id_in_the_product_is_a_rule_and_every_rule_is_named_in_the_product() -> None:
    catalogue_file = "hubpolicy/core/rules/catalogue.py"
    texts = [module.text for module in modules("hubpolicy") if module.path != catalogue_file]
    named = set(re.findall(r"\bHP[0-9]{3}\b", "\n".join(texts)))
    assert named - {LAST_CARD_RULE} == set(IDS)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_each_rule_is_explained(entry: RuleEntry) -> None:
    (body,) = [page.sections[entry.id] for page in pages() if entry.id in page.sections]
    parts = [body.find(f"**{part}.**") for part in ("What", "Why", "Remedy")]
    assert -1 not in parts
    assert parts == sorted(parts)
    assert re.search(r"^before\b", body, re.IGNORECASE | re.MULTILINE)
    assert re.search(r"^after\b", body, re.IGNORECASE | re.MULTILINE)


def test_sections_have_the_title_of_their_rule() -> None:
    titles = {entry.id: entry.title for entry in ENTRIES}
    for path in sorted((PROJECT / "hubpolicy" / "assets" / "rules").glob("*.md")):
        headings = re.findall(r"^## (HP\d+.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings
        for heading in headings:
            name, _, title = heading.partition(": ")
            assert title == titles.get(name), path.name


def test_the_printed_page_is_the_one_in_the_docs() -> None:
    printed = CliRunner().invoke(rule, ["--all"], catch_exceptions=False)
    assert printed.exit_code == 0
    assert printed.output == (PROJECT / "docs" / "rules.md").read_text(encoding="utf-8"), (
        "make docs"
    )
    for name in IDS:
        assert f'<a id="{name.lower()}"></a>' in printed.output


def test_rule_docs_have_one_source() -> None:
    assert list((PROJECT / "docs" / "rules").glob("*")) == []
