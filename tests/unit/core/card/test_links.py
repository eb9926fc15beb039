# SPDX-License-Identifier: Apache-2.0
"""Where links lead."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.links import Relative, Target, places, target_of

TARGETS: dict[str, Target] = {
    "https://example.org/x": "web",
    "HTTP://example.org": "web",
    "//cdn.example.org/x": "web",
    "mailto:a@b.org": "web",
    "/acme/model": "site",
    "/datasets/acme/x": "site",
    "/home/anna/x.png": "local",
    "/Users/anna/x.png": "local",
    "~/x.png": "local",
    "C:\\models\\x.png": "local",
    "D:/models/x.png": "local",
    "file:///tmp/x": "local",
    "http://localhost:8888/x": "local",
    "http://127.0.0.1/x": "local",
    "http://localhost.example.org/x": "web",
    "javascript:alert(1)": "script",
    "data:image/png;base64,AA": "script",
    "vscode://x": "script",
    "x.png": Relative("x.png"),
    "./a/../b/x%20y.png?raw=true#top": Relative("b/x y.png"),
    "../x.png": Relative("../x.png"),
    "a//b/": Relative("a/b"),
    "#uses": Relative(""),
    "": Relative(""),
    "%ff.png": Relative("\ufffd.png"),
}


@pytest.mark.parametrize(("link", "target"), TARGETS.items())
def test_targets(link: str, target: Target) -> None:
    assert target_of(link) == target


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("", True),
        ("README.md", True),
        ("docs", True),
        ("docs/a/b.pdf", True),
        ("docs/a", True),
        ("docs/b.pdf", False),
        ("doc", False),
        ("../README.md", False),
        ("readme.md", False),
    ],
)
def test_a_path_leads_to_files_and_folders(path: str, there: bool) -> None:
    known = places(frozenset({"README.md", "docs/a/b.pdf"}))
    assert Relative(path).leads_into(known) is there
