# SPDX-License-Identifier: Apache-2.0
"""An audit's page in a real browser: only its own script runs, nothing leaves, all can be read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.render.html_page import render
from hubpolicy.render.report import Row
from tests.browser.browser import Listener, browser, look, without_policy
from tests.oracles.tools import TOOLS, need
from tests.unit.render.audits import MIXED, wide
from tests.unit.render.pages import Page
from tests.unit.render.test_hostile_audits import PAYLOADS, stuffed
from tests.unit.render.test_html import report as run_report
from tests.unit.render.test_html import sampled

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.render.report import Report

pytestmark = pytest.mark.slow

AXE = TOOLS / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OWN = "document.documentElement.id = 'owned'"


@pytest.fixture(autouse=True)
def _needs_a_browser() -> None:
    browser()


def page(folder: Path, source: str) -> Path:
    path = folder / "page.html"
    path.write_text(source, encoding="utf-8")
    return path


def attacked() -> str:
    """Every payload of the table in every field, those that run first."""
    wild = [
        *PAYLOADS.values(),
        f"</script><script>{OWN}</script>",
        f'"><img src=x onerror="{OWN}"><svg onload="{OWN}"></svg>',
        '<iframe src="http://evil.example/f"></iframe><link rel=stylesheet href=//evil.example/c>',
        '</title></style><meta http-equiv=refresh content="0;url=http://evil.example/r">',
    ]
    return render(stuffed(" ".join(wild).replace("\n", " ").replace("W" * 5000, "")))


def test_hostile_names_run_nothing_ask_for_nothing_and_go_nowhere(tmp_path: Path) -> None:
    source = attacked()
    with Listener() as listener:
        dom = look(page(tmp_path, source), proxy=listener.address)
    assert 'id="owned"' not in dom
    assert "evil.example" in Page(dom).text  # it is shown, as text
    assert dom.count("<script") == 1
    assert [line for line in listener.asked if "evil" in line] == []
    # The page is still there, and its own script ran under its own policy.
    assert "<title>failed: " in dom
    assert 'aria-sort="ascending"' in dom


def test_the_listener_would_have_heard(tmp_path: Path) -> None:
    place = page(tmp_path, '<!DOCTYPE html><img src="http://evil.example/seen">')
    with Listener() as listener:
        look(place, proxy=listener.address)
    assert any("evil.example/seen" in line for line in listener.asked)


def test_the_policy_lets_one_script_run_and_no_other(tmp_path: Path) -> None:
    source = render(MIXED).replace("</main>", f"<script>{OWN}</script></main>")
    dom = look(page(tmp_path, source))
    assert 'id="owned"' not in dom
    assert 'aria-sort="ascending"' in dom
    assert 'id="owned"' in look(page(tmp_path, without_policy(source)))


def test_all_of_it_can_be_read_where_no_script_runs(tmp_path: Path) -> None:
    source = render(wide(12))
    told = look(page(tmp_path, source))
    assert not re.search(r"<form [^>]*hidden", told)
    silent = look(page(tmp_path, re.sub("<script>.*?</script>", "", source, flags=re.DOTALL)))
    assert "<button" not in silent
    assert re.search(r"<form [^>]*hidden", silent)
    quiet = Page(silent)
    assert quiet.text.split() == Page(source).text.split()
    hidden = [tag.name for tag in quiet.tags if "hidden" in dict(tag.attributes)]
    assert hidden == ["form"]


def played(folder: Path, report: Report, script: str) -> Any:
    """What a script says that plays a reader; it stands in the title as JSON."""
    told = f"document.title = 'TOLD' + JSON.stringify((() => {{ {script} }})());"
    dom = look(page(folder, without_policy(render(report), told)))
    (found,) = re.findall("<title>TOLD(.*?)</title>", dom, re.DOTALL)
    return json.loads(found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


READER = """
const rows = () => [...document.querySelectorAll('#matrix tbody tr')].filter((r) => !r.hidden)
  .map((r) => r.cells[0].textContent);
const parts = () => [...document.querySelectorAll('.part')].filter((p) => !p.hidden).length;
const press = (n) => document.querySelectorAll('#matrix th button')[n].click();
const sorted = () => [...document.querySelectorAll('#matrix thead th')]
  .map((h) => h.getAttribute('aria-sort'));
const type = (id, text) => { const f = document.getElementById(id); f.value = text;
  f.dispatchEvent(new Event('input', { bubbles: true })); };
const shown = () => document.getElementById('shown').textContent;
const names = (n) => rows().slice(0, n).map((r) => r.slice(-2));
"""


def test_readers_sort_search_and_find(tmp_path: Path) -> None:
    # With 2,000 repositories: python -m bench.reports, which says how long it takes.
    told = played(tmp_path, wide(25), READER + """
const found = {};
found.first = names(3);
press(0); found.up = [names(3), sorted()[0]];
press(0); found.down = [names(3), sorted()[0], sorted()[1]];
press(4); found.byDay = sorted()[4];
press(1); found.worst = names(3);
type('search', ' MODEL-00007 '); found.search = [names(9), parts(), shown()];
type('search', 'another key'); found.deep = [names(9), shown()];
type('search', '<b>'); found.none = [parts(), shown()];
type('search', ''); type('only', 'MODIFIED'); found.only = [names(9), parts(), shown()];
type('only', ''); found.all = shown();
location.hash = '#r20';
found.focusable = document.querySelectorAll('#matrix th button').length;
return found;
""")  # fmt: skip
    assert told == {
        "first": ["09", "19", "00"],
        "up": [["00", "01", "02"], "ascending"],
        "down": [["24", "23", "22"], "descending", "none"],
        "byDay": "ascending",
        "worst": ["09", "19", "00"],
        "search": [["07"], 1, "1 of 25 shown"],
        "deep": [["07"], "1 of 25 shown"],
        "none": [0, "0 of 25 shown"],
        "only": [["09", "19"], 2, "2 of 25 shown"],
        "all": "25 of 25 shown",
        "focusable": 6,
    }


MORE = wide(11)
FULL = MIXED._replace(
    refs=MIXED.refs + MORE.refs,
    signings=MIXED.signings + MORE.signings,
    rows=(Row("one.json", "12 refs", "older"),),
    waived=MIXED.findings,
    closing="one line",
)
"""A page with every one of its sections."""


@pytest.mark.parametrize(
    ("content", "dark"), [("an audit", False), ("an audit", True), ("a run", False)]
)
def test_nobody_is_shut_out(tmp_path: Path, content: str, dark: bool) -> None:
    """Rules of WCAG 2.2 at level AA that a program can judge, everything unfolded."""
    need(AXE.exists(), "axe-core")
    report = FULL if content == "an audit" else run_report("failed", sampled())
    script = AXE.read_text("utf-8").replace("</script", r"<\/script") + (
        f"; axe.run(document, {{runOnly: {json.dumps(RULES)}}}).then((r) => {{ document.title = "
        "'AXE' + r.passes.length + JSON.stringify(r.violations.map((v) => [v.id, "
        "v.nodes[0].html])) })"
    )
    source = without_policy(unfolded(render(report)), script)
    dom = look(page(tmp_path, source), until="document.title.startsWith('AXE')", dark=dark)
    (passes, violations) = re.findall(r"<title>AXE(\d+)(.*?)</title>", dom)[0]
    assert json.loads(violations) == []
    assert int(passes) > 30


def unfolded(source: str) -> str:
    return re.sub(r"<details(?![^>]* open)", "<details open", source)


@pytest.mark.parametrize(("width", "report"), [(500, MIXED), (1200, None)])
def test_nothing_is_wider_than_the_window(
    tmp_path: Path, width: int, report: Report | None
) -> None:
    measure = "document.title = document.documentElement.scrollWidth + ' of ' + innerWidth"
    source = without_policy(unfolded(render(report or stuffed("W" * 3000))), measure)
    dom = look(page(tmp_path, source), size=(width, 900))
    (title,) = re.findall(r"<title>(\d+) of (\d+)</title>", dom)
    assert int(title[0]) <= int(title[1]) <= width


def test_what_is_not_clean_is_unfolded_on_paper(tmp_path: Path) -> None:
    place = page(tmp_path, render(MIXED).replace("<details open", "<details"))
    look(place, paper=tmp_path / "page.pdf")
    folded = (tmp_path / "page.pdf").read_bytes()
    assert folded.startswith(b"%PDF-")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", folded)) <= 8
