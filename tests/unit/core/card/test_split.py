# SPDX-License-Identifier: Apache-2.0
"""Where front matter begins and ends, and what is refused before any YAML is read."""

from __future__ import annotations

import time

import pytest

from hubpolicy.core.card.split import FRONT_LIMIT, refuse_body, split
from hubpolicy.domain.card import Mark

DEFECTS = {
    "missing": (b"# Title\n", 1, 1, "README.md has no front matter: got `# Title`"),
    "empty first line": (b"\ntext\n", 1, 1, "has no front matter: got an empty first line"),
    "four dashes": (b"----\na: b\n----\n", 1, 1, "no front matter: got `----`"),
    "unclosed": (b"---\na: b\n", 1, 1, "opened and never closed"),
    "indented closing": (b"---\na: b\n ---\n", 1, 1, "opened and never closed"),
    "dots": (b"---\na: b\n...\ntext\n", 3, 1, "ends with `...`"),
    "blank before": (b"\n \n---\na: b\n---\n", 1, 1, "must begin in the first line"),
    "blank behind": (b"---  \na: b\n---\n", 1, 4, "has blanks behind it"),
    "bom": (b"\xef\xbb\xbf---\na: b\n---\n", 1, 1, "byte-order mark"),
    "bom inside": ("---\na: b\ufeff\n---\n".encode(), 2, 5, "U+FEFF"),
    "empty": (b"---\n\n---\n", 2, 1, "front matter is empty"),
    "nothing between": (b"---\n---\n", 2, 1, "front matter is empty"),
    "not utf-8": (b"---\na: \xe9\n---\n", 2, 4, "got byte 0xE9"),
    "utf-16": ("---\na: b\n---\n".encode("utf-16"), 1, 1, "has no front matter"),
    "nul": (b"---\na: \x00\n---\n", 2, 4, "U+0000"),
    "lone cr": (b"---\na: b\rc: d\n---\n", 2, 5, "U+000D"),
    "next line": ("---\na: b\x85c: d\n---\n".encode(), 2, 5, "U+0085"),
    "line separator": ("---\na: b\u2028c: d\n---\n".encode(), 2, 5, "U+2028"),
    "bidi": ("---\na: \u202eb\n---\n".encode(), 2, 4, "U+202E"),
    "tab": (b"---\na:\n\tb: c\n---\n", 3, 1, "holds a tab"),
    "second document": (b"---\na: b\n--- c\n---\n", 3, 1, "second YAML document"),
    "directive": (b"---\n%YAML 1.1\n---\n", 2, 1, "YAML directive"),
}


@pytest.mark.parametrize(("content", "line", "column", "words"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_has_a_place_and_words(content: bytes, line: int, column: int, words: str) -> None:
    defect = split(content).defects[0]
    assert defect.at == Mark(line, column)
    assert words in defect.message
    assert defect.fix


@pytest.mark.parametrize("name", ["bom", "blank before", "blank behind"])
def test_what_only_some_readers_miss_is_judged_all_the_same(name: str) -> None:
    assert split(DEFECTS[name][0]).front == "a: b"


@pytest.mark.parametrize("end", [b"---", b"---\n", b"--- \n", b"---\r\n", b"---\nbody"])
def test_closing_fences_that_the_client_knows(end: bytes) -> None:
    halves = split(b"---\na: b\n" + end)
    assert (halves.front, halves.defects) == ("a: b", ())


def test_lines_are_those_of_the_file() -> None:
    halves = split(b"---\r\na: b\r\nc: d\r\n---\r\n\r\n# Title\r\n")
    assert (halves.front, halves.front_line) == ("a: b\r\nc: d", 2)
    assert (halves.body, halves.body_line) == ("\r\n# Title\r\n", 5)


def test_a_rule_in_the_body_is_no_fence() -> None:
    halves = split(b"---\na: b\n---\ntext\n\n---\n\nmore\n")
    assert halves.body == "text\n\n---\n\nmore\n"


def test_bad_bytes_in_the_body_leave_the_front_matter_alone() -> None:
    halves = split(b"---\na: b\n---\nna\xc3\xafve \xff\n")
    assert halves.front == "a: b"
    assert halves.defects[0].at == Mark(4, 7)


@pytest.mark.parametrize("size", [FRONT_LIMIT, FRONT_LIMIT - 1])
def test_the_size_limit_itself_is_allowed(size: int) -> None:
    content = b"---\n" + b"#" * size + b"\n---\n"
    assert split(content).defects == ()


def test_one_byte_more_is_refused_with_its_size() -> None:
    content = b"---\n" + b"#" * (FRONT_LIMIT + 1) + b"\n---\n"
    (defect,) = split(content).defects
    assert defect.message == "front matter has 65,537 bytes, expected at most 65,536"


@pytest.mark.parametrize("end", [b"---\n", b""])
def test_five_megabytes_are_refused_in_milliseconds(end: bytes) -> None:
    content = b"---\n" + b"a: b\n" * 1_000_000 + end
    begin = time.process_time()
    (defect,) = split(content).defects
    assert time.process_time() - begin < 0.5
    assert "front matter has" in defect.message
    assert defect.at == Mark(1, 1)


@pytest.mark.parametrize("text", ["plain\n", "tab\tand\r\nbreak", "\u202bעברית\u202c", "é漢🏔️"])
def test_text_of_any_language_is_text(text: str) -> None:
    assert refuse_body(text, 7) is None


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\x7f", "\x9b", "\x08", "\r"])
def test_a_control_character_in_the_body_has_a_place(char: str) -> None:
    defect = refuse_body(f"first\nab{char}c", 7)
    assert defect is not None
    assert defect.at == Mark(8, 3)
    assert defect.message.isprintable()
