# SPDX-License-Identifier: Apache-2.0
"""HP112: the required sections say something."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import BODY, found, judge, with_metadata

LEAST = {
    "## Uses": 20,
    "## Bias, Risks, and Limitations": 20,
    "## Training Data": 10,
    "## Evaluation": 15,
}


def saying(heading: str, text: str) -> str:
    start = BODY.index(heading) + len(heading)
    end = BODY.find("\n## ", start)
    body = BODY[:start] + f"\n\n{text}\n" + (BODY[end:] if end >= 0 else "")
    return with_metadata().replace(BODY, body)


@pytest.mark.parametrize(("heading", "least"), LEAST.items())
def test_the_least_number_of_words(heading: str, least: int) -> None:
    words = "alpha beta gamma delta epsilon " * 5
    enough, short = words.split()[:least], words.split()[: least - 1]
    assert judge(saying(heading, " ".join(enough))).findings == ()
    (line,) = found(saying(heading, " ".join(short)), "HP112")
    assert line.endswith(f"says {least - 1} words of its own, expected at least {least}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[More Information Needed]",
        "TBD",
        "<!-- " + "word " * 40 + "-->",
        "```\n" + "word " * 40 + "\n```",
        "![" + "word " * 40 + "](a.png)",
        (
            "### Recommendations\n\nUsers (both direct and downstream) should be made aware of the risks,"
            " biases and limitations of the model."
        ),
        "https://example.org/" + "word/" * 40,
    ],
)
def test_text_that_says_nothing(text: str) -> None:
    (line,) = found(saying("## Bias, Risks, and Limitations", text), "HP112")
    assert "says 0 words" in line


def test_words_below_subheadings_count() -> None:
    text = "### For whom\n\n" + "word " * 12 + "\n\n### Not for\n\n" + "word " * 12
    assert judge(saying("## Uses", text)).findings == ()


def test_words_of_the_next_main_section_do_not_count() -> None:
    card = with_metadata().replace("## Uses", "# Uses\n\nShort.\n\n## Notes")
    assert found(card.replace("## Notes", "## Limitations"), "HP112") != []


@pytest.mark.parametrize(
    "contact",
    [
        "anna",
        "anna@acme.example",
        "[here](https://a.org)",
        "<https://a.org>",
        "<a href='x@y.z'></a>",
    ],
)
def test_any_address_is_a_contact(contact: str) -> None:
    assert "HP112" in judge(saying("## Contact", contact)).passed


@pytest.mark.parametrize("contact", ["", "TBD", "[More Information Needed]", "..."])
def test_no_address_is_none(contact: str) -> None:
    assert len(found(saying("## Contact", contact), "HP112")) == 1


def test_a_language_without_spaces_is_counted_fairly() -> None:
    text = "このモデルは鳥の名前を調べる研究者のためのものであり保護された鳥の識別には使えません"
    assert judge(saying("## Uses", text)).findings == ()
