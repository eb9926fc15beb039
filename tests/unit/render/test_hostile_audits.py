# SPDX-License-Identifier: Apache-2.0
"""Hostile names, titles and messages of an audit: a table of payloads, formats and fields.

There is no CSV format, and so no formula that a spreadsheet would take: such beginnings are among
the payloads because somebody may paste what they see.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from hubpolicy.core.strictjson import parse
from hubpolicy.domain.finding import Finding, Location, Severity
from hubpolicy.render.registry import FORMATS, renderer
from hubpolicy.render.report import ExposureRow, RefRow, Report, Row, SigningRow
from tests.unit.render.audits import audit
from tests.unit.render.hostile import UNSAFE, assert_harmless, commands, whole
from tests.unit.render.pages import Page, assert_sound
from tests.unit.render.test_github import parsed
from tests.unit.render.test_markdown import PARSER, cells

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOADS = {
    "a script": "<script>document.documentElement.id='owned'</script>",
    "a handler": '"><img src="http://evil.example/x" onerror="document.documentElement.id=\'owned\'">',
    "another page": '<meta http-equiv="refresh" content="0;url=http://evil.example/">',
    "the end of the script": "</script></style></title><svg onload=alert(1)>",
    "a link of HTML": '<a href="javascript:alert(1)">x</a>',
    "colours": "\x1b[31mred\x1b[0m\x9b2J\x07",
    "a terminal's link": "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "backwards": "\u202egpj.exe\u2066x\u2069\u200f\u200b",
    "a formula =": '=HYPERLINK("http://evil.example")',
    "a formula +": "+1+cmd|' /C calc'!A0",
    "a formula -": "-2+3",
    "a formula @": "@SUM(A1)",
    "XML's forbidden": "\x00\x01\x0b\x1f\ufffe\uffff",
    "CDATA's end": "]]><failure/><![CDATA[",
    "an entity": "&lt;b&gt;&#x3c;&xxe;<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "a command": "::error::owned",
    "a command in a line of its own": "x\n::error file=a,line=1::owned\r\n::set-output name=a::b",
    "a command in percents": "x%0A::add-mask::x%0D%250A",
    "a group's end": "\n::endgroup::\n::stop-commands::t",
    "an old command": "##[error]owned\n##[add-path]/tmp",
    "a link of Markdown": "[x](http://evil.example) ![y](//evil.example/i.png) <http://evil.example>",
    "a table of Markdown": "| a | b |\n|---|---|\n| `c` | **d** |",
    "a fence": "```\n# title\n> quote\n- item\n~~~",
    "an address": "https://evil.example www.evil.example a@b.example @everyone #1",
    "half a character": "\ud800x\udc80",
    "braces": "{0} {{ 7*7 }} {% raw %} %s %(x)s ${x}",
    "a backslash": "\\x1b \\\\ \\u202e \\",
    "lines": "a\u2028b\u2029c\x85d\x0ce",
    "nothing but space": " \t\u00a0\u3000 ",
    "a long word": "W" * 5000,
}  # fmt: skip

PLAIN = "plain"


def stuffed(text: str, *fields: str) -> Report:
    """An audit in which these fields are the text, or all of them."""

    def put(name: str) -> str:
        return text if name in fields or not fields else PLAIN

    finding = Finding(
        "HP203", Severity.ERROR, put("message"), Location(put("path"), 3, 1), put("fix"), "failed"
    )
    repo = put("repo")
    return audit(
        [
            RefRow(repo, put("ref"), put("oid"), "MODIFIED", put("detail"), put("dir hash"),
                   put("time"), put("signer"), ("HP203",), (0,)),
            RefRow(repo, f"{put('ref')} too", put("oid"), "UNREADABLE", put("detail")),
        ],
        title=put("title"),
        findings=(finding, finding._replace(location=None)),
        waived=(finding,),
        rows=(Row(put("row"), put("answer"), put("remark")),),
        closing=put("closing").replace("\n", " "),  # its own lines are lines
        made=put("made"),
        signings=(
            SigningRow(repo, put("signed"), put("principal"), put("role"), put("key"),
                       (put("policy"), 7, put("policy digest")), put("dir hash"), (put("ref"),),
                       put("proof"), put("stands out")),
        ),
        exposures=(ExposureRow(repo, put("ref"), put("oid"), put("since"), put("until"),
                               put("source")),),
    )  # fmt: skip


FIELDS = (
    "repo", "ref", "oid", "detail", "dir hash", "time", "signer", "message", "path", "fix", "title",
    "row", "answer", "remark", "closing", "made", "signed", "principal", "role", "key", "policy",
    "policy digest", "proof", "stands out", "since", "until", "source",
)  # fmt: skip


def text_shape(text: str) -> object:
    return len(text.split("\n"))


def json_shape(text: str) -> object:
    """Types and keys; the document is strict, and says every text but half characters."""
    return _shape(parse(text.encode(), what="the report"))


def _shape(value: Any) -> object:
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items()}
    return [_shape(each) for each in value] if isinstance(value, list) else type(value).__name__


def sarif_shape(text: str) -> object:
    """As JSON; and what a viewer prints as text holds no control character and no link."""
    (run,) = json.loads(text)["runs"]
    said = [result["message"]["text"] for result in run["results"]]
    said += [
        place["fullyQualifiedName"]
        for result in run["results"]
        for location in result["locations"]
        for place in location.get("logicalLocations", ())
    ]
    said += [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert len(said) == 5
    for each in said:
        assert "](" not in each
        assert {unicodedata.category(char) for char in each} & UNSAFE == set()
    return json_shape(text)


def junit_shape(text: str) -> object:
    assert "<!" not in text.partition("?>")[2]
    return [(element.tag, sorted(element.attrib)) for element in ET.fromstring(text).iter()]


def markdown_shape(text: str) -> object:
    """Every cell is plain text; no address is left for a forge to make a link of."""
    assert not re.search(r"https?://|www\.", text.lower())
    return len(cells(text)), [token.type for token in PARSER.parse(text)]


def github_shape(text: str) -> object:
    """Names of commands and of their properties, as the runner reads them."""
    told = [parsed(line) for line in commands(text)]
    return [(name, sorted(found)) for name, found, _ in told], len(text.split("\n"))


def html_shape(text: str) -> object:
    read = Page(text)
    assert_sound(read)
    return read.skeleton


SHAPES: dict[str, Callable[[str], object]] = {
    "text": text_shape, "json": json_shape, "sarif": sarif_shape, "junit": junit_shape,
    "markdown": markdown_shape, "github": github_shape, "html": html_shape,
}  # fmt: skip


def test_every_format_has_its_shape_and_none_is_a_spreadsheet() -> None:
    assert set(SHAPES) == set(FORMATS)
    assert "csv" not in FORMATS


PLAINLY = {form: SHAPES[form](renderer(form)(stuffed(PLAIN))) for form in FORMATS}


def assert_only_text(form: str, report: Report) -> None:
    text = renderer(form)(report)
    assert_harmless(text)
    assert form == "github" or not commands(text)
    assert SHAPES[form](text) == PLAINLY[form]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_is_more_than_text_in_any_field(payload: str, form: str) -> None:
    assert_only_text(form, stuffed(PAYLOADS[payload]))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_lets_any_payload_through(field: str, form: str) -> None:
    short = (payload for payload in PAYLOADS.values() if len(payload) < 1000)
    assert_only_text(form, stuffed("\n".join(short), field))


def test_json_says_every_text_as_it_is() -> None:
    for payload in PAYLOADS.values():
        document = json.loads(renderer("json")(stuffed(payload)))
        ref, signing, exposure = (
            document["refs"][0],
            document["signings"][0],
            document["exposures"][0],
        )
        told = {ref["repo"], ref["detail"], signing["principal"], exposure["source"],
                document["findings"][0]["message"], document["title"]}  # fmt: skip
        assert told == {whole(payload)}


def test_a_table_of_shapes_would_notice() -> None:
    """Each shape changes where a text is let through: none of them is blind."""
    report = stuffed(PLAIN)
    through = {
        "text": ("plain", "plain\nplain"),
        "json": ('"MODIFIED"', "null"),
        "junit": ("MODIFIED", "<b>MODIFIED</b>"),
        "markdown": ("MODIFIED", "MODIFIED | x |\n\n# x"),
        "github": ("- plain", "::error::x\n- plain"),
        "html": ("plain", "<b>plain</b>"),
    }
    for form, (old, new) in through.items():
        text = renderer(form)(report)
        assert old in text, form
        spoiled = (
            text.replace(old, new, 1) if form != "junit" else text.replace(f">{old}", f">{new}", 1)
        )
        with pytest.raises((AssertionError, ValueError)):
            assert SHAPES[form](spoiled) == SHAPES[form](text)
