# SPDX-License-Identifier: Apache-2.0
"""The documents name what exists: files, anchors, commands, targets, decisions."""

from __future__ import annotations

import re

import pytest

from hubpolicy.cli.main import COMMANDS
from tests.house.tree import PROJECT, files

TEXTS = {
    name: (PROJECT / name).read_text(encoding="utf-8")
    for name in files()
    if name.endswith(".md") and "assets/" not in name
}
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s#]*)(?:#([^)\s]*))?\)")


def without_code(text: str) -> str:
    """What is prose: examples may link to what is nowhere."""
    return re.sub(
        r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    )


def anchors(text: str) -> set[str]:
    """Named ones, and those that a forge makes of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', text))


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    for target, anchor in LINK.findall(without_code(TEXTS[name])):
        place = (PROJECT / name).parent / target if target else PROJECT / name
        assert place.exists(), f"{name} links to {target}"
        if anchor:
            assert anchor in anchors(place.read_text(encoding="utf-8")), f"{name}: #{anchor}"


GUIDES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/rules.md")


def typed(program: str) -> set[str]:
    """The first word after a program's name, in what the guides show as code."""
    text = "\n".join(TEXTS[name] for name in GUIDES)
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    code = "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", text)])
    return set(re.findall(rf"(?:^|[$&] ){program} ([a-z][a-z-]*)", code, re.MULTILINE))


def test_every_command_in_the_guides_exists() -> None:
    shown = typed("hubpolicy")
    assert {"init", "check", "test", "push", "audit", "hook"} <= shown
    assert shown <= set(COMMANDS)


def test_every_make_target_in_the_guides_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    shown = typed("make")
    assert {"quickstart", "test"} <= shown
    assert shown <= set(phony.split())
    explained = set(re.findall(r"^# make ([a-z-]+) ", makefile, re.MULTILINE))
    assert explained == set(phony.split()) - {"tools"}


def test_decisions_are_numbered_without_a_gap_and_have_a_status() -> None:
    folder = PROJECT / "docs" / "adr"
    found = sorted(path.name for path in folder.glob("*.md"))
    assert [name[:4] for name in found] == [f"{n:04}" for n in range(1, len(found) + 1)]
    for name in found:
        text = (folder / name).read_text(encoding="utf-8")
        assert text.startswith(f"# {name[:4]} "), name
        assert re.search(r"^\*\*Status:\*\* (accepted|superseded by \d{4})$", text, re.MULTILINE)


def test_the_change_log_has_a_place_for_what_comes_next() -> None:
    assert re.search(r"^## \[?Unreleased\]?$", TEXTS["CHANGELOG.md"], re.MULTILINE)
