# SPDX-License-Identifier: Apache-2.0
"""The body to sections."""

from __future__ import annotations

import time

import pytest

from hubpolicy.core.card.boilerplate import BOILERPLATE
from hubpolicy.core.card.markdown import parse_body
from hubpolicy.domain.card import Link, Mark, Section, Table


def sections(text: str, first_line: int = 1) -> dict[str, Section]:
    return {each.id: each for each in parse_body(text, first_line, BOILERPLATE)}


def words(text: str) -> dict[str, tuple[int, int]]:
    return {
        name: (each.words, each.words_total)
        for name, each in sections(text).items()
        if name != "introduction"
    }


def test_headings_of_every_kind_open_sections() -> None:
    text = "# Uses\n\nSetext\n------\n\n<h3 align='center'>Html <b>bold</b></h3>\n\n### Last ###\n"
    found = [(each.id, each.level, each.line) for each in parse_body(text, 10, ())]
    assert found == [
        ("introduction", 0, 10),
        ("uses", 1, 10),
        ("setext", 2, 12),
        ("html-bold", 3, 15),
        ("last", 3, 17),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```\n## Uses\n```",
        "~~~md\n## Uses\n~~~",
        "    ## Uses",
        "<!--\n## Uses\n-->",
        "<!-- <h2>Uses</h2> -->",
        "<script>\n<h2>Uses</h2>\n</script>",
        "text ## Uses",
        "\\## Uses",
        "> ## Uses",
        "- ## Uses",
    ],
)
def test_what_only_looks_like_a_heading_opens_nothing(text: str) -> None:
    assert set(sections(text)) == {"introduction"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("one two", 2),
        ("one **two** `three` [four](five)", 4),
        ("- one\n- two\n  - three", 3),
        ("> one two", 2),
        ("one <!-- two --> three", 2),
        ("<!-- one\n\ntwo -->", 0),
        ("<div>\none <b>two</b>\n</div>", 2),
        ("<details><summary>one</summary>\n\ntwo\n\n</details>", 2),
        ("<style>one</style>", 0),
        ("one <script>two</script> three", 2),
        ("```python\none\n```", 0),
        ("![one](two.png)", 0),
        ("| one | two |\n|---|---|\n| three | - |", 3),
        ("**Label:** one", 1),
        ("- **Label:** one two", 2),
        ("**Label**: one", 1),
        ("**one** two: three", 3),
        ("https://example.org/one/two", 0),
        ("<https://example.org/one/two>", 0),
        ("one  \ntwo\\\nthree", 3),
        ("one&nbsp;two &copy;", 2),
    ],
)
def test_words_are_what_a_reader_sees(text: str, count: int) -> None:
    assert words(f"# Uses\n\n{text}\n")["uses"] == (count, count)


def test_a_section_counts_what_stands_below_it() -> None:
    text = "## Uses\none\n### Direct Use\ntwo three\n#### Deep\nfour\n## Other\nfive\n"
    assert words(text) == {
        "uses": (1, 4),
        "direct-use": (2, 3),
        "deep": (1, 1),
        "other": (1, 1),
    }


def test_main_sections_do_not_count_for_one_another() -> None:
    text = "# Uses\n## Limitations\none two\n### Example\nthree\n## Data\nfour\n## Note\nfive\n"
    found = words(text)
    assert found["uses"] == (0, 1)
    assert found["bias-risks-limitations"] == (2, 3)
    assert found["training-data"] == (1, 1)


def test_one_heading_can_be_two_sections() -> None:
    found = words("## Intended uses & limitations\none two three\n")
    assert found == {"uses": (3, 3), "bias-risks-limitations": (3, 3)}


def test_sections_with_the_same_name_are_added_up() -> None:
    text = "## Results\none `x`\n\n```\ncode\n```\n## Other\n## Evaluation\ntwo [a](b)\n"
    found = sections(text)["evaluation"]
    assert (found.title, found.line, found.words, found.words_total) == ("Results", 1, 4, 4)
    assert found.code_blocks == 1
    assert [link.target for link in found.links] == ["b"]


def test_a_section_inside_one_of_the_same_name_counts_once() -> None:
    found = words("## Limitations\none\n### Bias\ntwo three\n")
    assert found == {"bias-risks-limitations": (3, 3)}


def test_tables_keep_their_cells() -> None:
    text = "## Results\n\n| a | b |\n|---|---|\n| `1` | **2** |\n| 3 | [4](x) |\n"
    assert sections(text)["evaluation"].tables == (Table(("a", "b"), (("1", "2"), ("3", "4"))),)


def test_fields_are_labelled_lines() -> None:
    text = "## Model Details\n\n- **Developed by:** Anna\n- **Model type [optional]**: small\n"
    text += "- plain: no field\n\n**License:** MIT\n**Paper:** [more info needed]\n"
    found = sections(text)["model-details"]
    assert dict(found.fields) == {
        "developed-by": "Anna",
        "model-type": "small",
        "license": "MIT",
        "paper": "[more info needed]",
    }
    assert found.words == 6


def test_placeholders_know_their_lines() -> None:
    text = "## Uses\n\nfirst\nsecond TODO\n\n- **Use:** [More Information Needed]\n\nTBD\n"
    found = sections(text, first_line=11)["uses"]
    assert [(each.text, each.line) for each in found.placeholders] == [
        ("TODO", 14),
        ("[More Information Needed]", 16),
        ("TBD", 18),
    ]


def test_a_title_can_be_a_placeholder() -> None:
    found = parse_body("# Model Card for Model ID\n", 1, ())[1]
    assert [each.text for each in found.placeholders] == ["Model ID"]


def test_links_are_taken_as_written_with_their_places() -> None:
    text = (
        "# A [b](c%20d)\n\ntext ![e](f.png) and\nhttps://g.org/h, <i@j.org>\n\n"
        '<p><img src="k.png"><a href=\'l\'>m</a></p>\n\nx <a href="n">o</a> '
        "[p](javascript:q) [r](<s t>)\n\n[u][v]\n\n[v]: w\n"
    )
    links = sections(text)["a-b"].links
    assert links == (
        Link("c%20d", Mark(1, 9)),
        Link("f.png", Mark(3, 11), image=True),
        Link("https://g.org/h", Mark(4, 1)),
        Link("mailto:i@j.org", Mark(4, 19)),
        Link("k.png", Mark(6, 14), image=True),
        Link("l", Mark(6, 30)),
        Link("n", Mark(8, 12)),
        Link("javascript:q", Mark(8, 25)),
        Link("s t", Mark(8, 44)),
        Link("w", Mark(10, 1)),
    )


@pytest.mark.parametrize("label", ["**Contact:**", "- **Point of Contact**:", "* **Contact**:"])
def test_a_contact_line_stands_for_the_section(label: str) -> None:
    text = f"## Model Details\n\n- **Developed by:** [x](y)\n{label} [anna](https://a.org)\n"
    found = sections(text)["contact"]
    assert (found.line, found.words) == (4, 1)
    assert [link.target for link in found.links] == ["https://a.org"]


def test_a_contact_section_is_not_replaced_by_a_line() -> None:
    found = sections("# X\n**Contact:** here\n## Contact\n\nthere or elsewhere\n")["contact"]
    assert (found.line, found.words) == (3, 3)


def test_an_empty_contact_line_is_an_empty_section() -> None:
    found = sections("- **Contact:** [More Information Needed]\n")["contact"]
    assert (found.words, found.placeholders) == (0, ())


def test_labelled_paragraphs_stand_for_main_sections_that_have_no_heading() -> None:
    text = "# X\n\n**Intended use:**\none two\nthree\n\n**Results:** four\n\n**License:** five\n"
    found = sections(text)
    assert (found["uses"].words_total, found["evaluation"].words_total) == (3, 1)
    assert (found["uses"].title, found["uses"].line) == ("Intended use", 3)
    assert "license" not in found


def test_a_label_never_replaces_a_heading() -> None:
    text = "**Intended use:** one two\n\n## Uses\n\nthree\n"
    assert sections(text)["uses"].words_total == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "![" * 25_000,
        "*a " * 20_000,
        "`a" * 25_000,
        ">" * 50_000,
        "- " * 25_000,
        "<a " * 15_000,
        "<!--" * 12_000,
        "# a\n" * 12_000,
        "|a" * 5_000 + "|\n" + "|-" * 5_000 + "|\n" + "|c|\n" * 5_000,
        '<div>\nhref="' * 5_000,
    ],
    ids=lambda text: text[:5],
)
def test_hostile_bodies_take_bounded_time(text: str) -> None:
    begin = time.process_time()
    parse_body(text, 1, BOILERPLATE)
    assert time.process_time() - begin < 10
