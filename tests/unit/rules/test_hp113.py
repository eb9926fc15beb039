# SPDX-License-Identifier: Apache-2.0
"""HP113: no placeholder is left."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import found, judge, with_metadata


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (
            "# Tern",
            "# Model Card for Model ID",
            "8:1 warning the section `Model Card for Model ID`",
        ),
        ("protected birds.", "protected birds. TODO", "13:1 warning the section `Uses`"),
        ("tern@acme", "TBD\n\ntern@acme", "31:1 warning the section `Contact`"),
        ("# Tern", "[todo]\n\n# Tern", "8:1 warning the introduction"),
    ],
)
def test_a_placeholder_is_found_in_its_section(old: str, new: str, finding: str) -> None:
    lines = found(with_metadata().replace(old, new), "HP113")
    assert all(line.startswith(finding) for line in lines)
    assert len(lines) == (1 if finding else 0)


def test_several_placeholders_of_a_section_are_one_finding() -> None:
    card = with_metadata().replace("# Tern", "# Tern\n\n- **A:** TBD\n- **B:** N/A\n")
    assert found(card, "HP113") == [
        "10:1 warning the section `Tern` still holds 2 placeholders, first `TBD`"
    ]


@pytest.mark.parametrize(
    "value", ["<your model>", "'[More Information Needed]'", "TODO", '"{{ name }}"']
)
def test_metadata_can_hold_placeholders_too(value: str) -> None:
    (line,) = found(with_metadata(model_name=value), "HP113")
    assert line.startswith("6:13 warning the metadata still holds the placeholder")


@pytest.mark.parametrize(
    "text", ["a todo list", "[1]", "`N/A` is an answer", "the unknown", "<br>"]
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert judge(with_metadata().replace("# Tern", f"# Tern\n\n{text}")).findings == ()


def test_it_warns_and_does_not_fail() -> None:
    check = judge(with_metadata().replace("# Tern", "# Tern\n\nTODO"))
    assert (check.warned, check.failed) == (("HP113",), ())
