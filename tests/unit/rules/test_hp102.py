# SPDX-License-Identifier: Apache-2.0
"""HP102: the front matter can be read."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import BODY, found, judge, with_metadata


@pytest.mark.parametrize(
    ("front", "finding"),
    [
        ("", "1:1 error README.md has no front matter: got an empty first line, expected `---`"),
        ("---\na: b\n", "1:1 error front matter is opened and never closed"),
        ("---\n- a\n---\n", "2:1 error front matter is a list, expected `key: value` lines"),
        (
            "---\na: !!python/object/apply:os.system [id]\n---\n",
            (
                "2:4 error front matter uses the tag `tag:yaml.org,2002:python/object/apply:os.system`,"
                " expected plain values"
            ),
        ),
        (
            "---\na: &b c\n---\n",
            "2:4 error front matter uses the anchor `&b`, expected plain values",
        ),
    ],
)
def test_front_matter_that_cannot_be_read(front: str, finding: str) -> None:
    assert found(front + BODY, "HP102") == [finding]


@pytest.mark.parametrize("before", ["\ufeff", "\n", "  \n\n"])
def test_what_hides_the_metadata_from_the_client_fails_alone(before: str) -> None:
    check = judge(before + with_metadata())
    assert check.failed == ("HP102",)
    assert len(check.findings) == 1


def test_bytes_that_are_not_utf_8_fail_and_the_rest_is_judged() -> None:
    check = judge(with_metadata(license="mitt").encode() + b"\xff")
    assert check.failed == ("HP102", "HP106")


def test_nothing_of_the_metadata_is_judged_where_they_cannot_be_read() -> None:
    check = judge(with_metadata(tags="&a [b]"))
    assert {each.rule for each in check.findings} == {"HP102"}
    assert check.passed == ("HP101", "HP116")


def test_messages_never_carry_control_characters_of_the_card() -> None:
    check = judge('---\na: "\\e]0;owned\\a"\nb: *\u200e\n---\n')
    assert all((each.message + each.fix).isprintable() for each in check.findings)
