# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: nothing runs, nothing runs over, light and dark are what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.run_report import with_texts
from hubpolicy.render.html_page import render
from tests.browser.browser import browser, first_pixel, look
from tests.unit.core.run_values import SALT
from tests.unit.render.pages import Page
from tests.unit.render.test_html import report, sampled, stuffed

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.render.report import Report

pytestmark = pytest.mark.slow

OWN = "document.documentElement.id = 'owned'"
ATTACK = f'</pre><script>{OWN}</script><img src=x onerror="{OWN}"><svg onload="{OWN}">'


@pytest.fixture(autouse=True)
def _needs_a_browser() -> None:
    browser()


def page(folder: Path, value: Report) -> Path:
    path = folder / "page.html"
    path.write_text(render(value), encoding="utf-8")
    return path


def attacked() -> Report:
    one = sampled(ATTACK)
    keys = [sample.key for suite in one.suites for sample in suite.worst]
    return report("passed", with_texts(one, dict.fromkeys(keys, (SALT.hex(), ATTACK)), None))


def test_what_a_model_says_does_not_run(tmp_path: Path) -> None:
    dom = look(page(tmp_path, attacked()))
    assert 'id="owned"' not in dom
    assert "onerror=" in Page(dom).text


def test_the_page_s_own_policy_stops_a_script_that_got_in(tmp_path: Path) -> None:
    place = page(tmp_path, report("passed", sampled()))
    source = place.read_text(encoding="utf-8")
    # As if escaping had failed, with the policy and without it: the second shows that it would run.
    planted = source.replace("</main>", f"<script>{OWN}</script></main>")
    place.write_text(planted, encoding="utf-8")
    assert 'id="owned"' not in look(place)
    place.write_text(re.sub('<meta http-equiv="Content.*?>', "", planted), encoding="utf-8")
    assert 'id="owned"' in look(place)


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_come_from_the_reader(tmp_path: Path, dark: bool) -> None:
    place = page(tmp_path, report("failed", sampled()))
    look(place, shot=tmp_path / "shot.png", size=(600, 400), dark=dark)
    themes = re.findall(r"--bad-page: (#[0-9a-f]{6});", Page(place.read_text()).style)
    assert first_pixel((tmp_path / "shot.png").read_bytes()) == themes[dark]


@pytest.mark.parametrize("width", [500, 1200])
@pytest.mark.parametrize("content", ["a run", "one endless word"])
def test_nothing_is_wider_than_the_window(tmp_path: Path, width: int, content: str) -> None:
    place = page(tmp_path, attacked() if content == "a run" else stuffed("W" * 3000))
    measure = "document.title = document.documentElement.scrollWidth + ' of ' + innerWidth"
    source = re.sub('<meta http-equiv="Content.*?>', "", place.read_text(encoding="utf-8"))
    source = source.replace("<details", "<details open").replace("open open", "open")
    place.write_text(source.replace("</body>", f"<script>{measure}</script></body>"), "utf-8")
    dom = look(place, size=(width, 900))
    (title,) = re.findall(r"<title>(\d+) of (\d+)</title>", dom)
    assert int(title[0]) <= int(title[1]) <= width


def test_it_can_be_printed(tmp_path: Path) -> None:
    place = page(tmp_path, attacked())
    look(place, paper=tmp_path / "page.pdf")
    pdf = (tmp_path / "page.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 12
