# SPDX-License-Identifier: Apache-2.0
"""An HTML page as the standard library's parser sees it, and what must hold of every page."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from typing import NamedTuple

from tests.house.tree import PROJECT

SCRIPT = (PROJECT / "hubpolicy" / "assets" / "html" / "audit.js").read_text("utf-8").rstrip("\n")
VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})
# Only markup of ours: nothing that loads, runs, or sends.
TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "a",
        "header",
        "div",
        "p",
        "code",
        "h1",
        "h2",
        "h3",
        "h4",
        "span",
        "main",
        "dl",
        "dt",
        "dd",
        "section",
        "ul",
        "ol",
        "li",
        "strong",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "svg",
        "circle",
        "path",
        "rect",
        "line",
        "details",
        "summary",
        "figure",
        "figcaption",
        "pre",
        "footer",
    ]
)
# What only an audit's page has: its script, and the fields that the script shows and reads.
TOOLS = frozenset(["script", "form", "label", "input", "select", "option"])
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; {}img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


class Tag(NamedTuple):
    """An opening tag with its attributes."""

    name: str
    attributes: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        return dict(self.attributes).get(name, "")


class Page(HTMLParser):
    """Tags in order, and the text between them by the tag that it stands in."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[Tag] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.strange: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, tuple((name, value or "") for name, value in attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, tuple((name, value or "") for name, value in attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.strange.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def handle_comment(self, data: str) -> None:
        self.strange.append(f"comment {data!r}")

    def unknown_decl(self, data: str) -> None:
        self.strange.append(f"declaration {data!r}")

    def handle_pi(self, data: str) -> None:
        self.strange.append(f"instruction {data!r}")

    @property
    def text(self) -> str:
        """What is read, styles and script left out."""
        return " ".join(data for tag, data in self.texts if tag not in {"style", "script"})

    @property
    def script(self) -> str:
        return "".join(data for tag, data in self.texts if tag == "script")

    @property
    def style(self) -> str:
        return "".join(data for tag, data in self.texts if tag == "style")

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """Tags and the names of their attributes: what no text may change."""
        return [(tag.name, tuple(name for name, _ in tag.attributes)) for tag in self.tags]

    def find(self, name: str, **wanted: str) -> list[Tag]:
        return [
            tag
            for tag in self.tags
            if tag.name == name and all(tag.get(key) == value for key, value in wanted.items())
        ]


def assert_sound(page: Page) -> None:
    """Well-formed, inert, and readable without eyes, mouse or network."""
    assert page.strange == []
    assert page.open == []
    assert {tag.name for tag in page.tags} <= (TAGS | TOOLS if page.script else TAGS)
    assert_inert(page)
    assert_labelled(page)


def assert_inert(page: Page) -> None:
    """No script but the one whose digest the policy names, no handler, no address elsewhere."""
    (policy,) = [t for t in page.find("meta") if t.get("http-equiv")]
    digest = b64encode(sha256(page.script.encode()).digest()).decode()
    asked = POLICY.format(f"script-src 'sha256-{digest}'; " if page.script else "")
    assert (policy.get("http-equiv"), policy.get("content")) == ("Content-Security-Policy", asked)
    assert page.script in {"", SCRIPT}
    assert [tag.attributes for tag in page.find("script")] == [()] * bool(page.script)
    names = {name for tag in page.tags for name, _ in tag.attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"src", "srcset", "style", "action", "formaction", "data", "xlink:href"}
    ids = [tag.get("id") for tag in page.tags if tag.get("id")]
    assert len(ids) == len(set(ids))
    for tag in page.tags:
        if "href" in dict(tag.attributes):
            assert tag.name == "a"
            assert tag.get("href").removeprefix("#") in ids
    assert not re.search(r"url\(|@import|expression|javascript:|https?:", page.style)


def assert_labelled(page: Page) -> None:
    """Language, title, headings in order, captions, scopes, and a name for every picture."""
    assert page.find("html", lang="en")
    assert page.find("title")
    levels = [int(tag.name[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag.name)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = {tag.get("id") for tag in page.tags}
    for tag in page.tags:
        for name in tag.get("aria-labelledby").split():
            assert name in ids, f"{tag.name} is named by {name}, which is nowhere"
        if tag.name == "th":
            assert tag.get("scope") in {"row", "col"}
        if tag.name == "svg":
            named = tag.get("role") == "img" and (
                tag.get("aria-label") or tag.get("aria-labelledby")
            )
            assert named or tag.get("aria-hidden") == "true"
        if tag.get("role") in {"region", "group"}:
            assert tag.get("tabindex") == "0"
            assert tag.get("aria-label") or tag.get("aria-labelledby")
    assert len(page.find("table")) == len(page.find("caption"))
