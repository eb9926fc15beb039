# SPDX-License-Identifier: Apache-2.0
"""How an audit of many repositories is shown: bytes, time and memory of every format, and the page
in a browser.

Each format is rendered in a process of its own, so that its peak memory is its own. Five refs and
three releases a repository; one in ten is not clean.

    python -m bench.reports --repositories 200 2000
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from hubpolicy.render.registry import FORMATS, renderer
from tests.browser.browser import look, without_policy
from tests.unit.render.audits import wide

READER = """
const say = (id, text) => { const f = document.getElementById(id); f.value = text;
  f.dispatchEvent(new Event('input', { bubbles: true })); document.body.offsetHeight; };
const marks = [performance.now()]; document.body.offsetHeight; marks.push(performance.now());
say('search', 'model-00177'); marks.push(performance.now()); say('search', '');
marks.push(performance.now()); document.querySelector('#matrix th button').click();
document.body.offsetHeight; marks.push(performance.now());
document.title = 'TOLD' + JSON.stringify([marks, document.querySelectorAll('.part').length]);
"""


def one(form: str, repositories: int) -> None:
    """Render once; JSON of bytes, seconds, peak MiB before and after."""
    report = wide(repositories)
    render = renderer(form)
    render(wide(1))
    before = peak()
    began = time.perf_counter()
    text = render(report)
    took = time.perf_counter() - began
    print(json.dumps([len(text.encode()), took, before, peak()]))


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(repositories: int) -> None:
    print(f"\n{repositories:,} repositories, {len(wide(repositories).refs):,} refs")
    print(f"{'format':10}{'MB':>8}{'seconds':>10}{'peak MiB':>10}{'of it the report':>18}")
    for form in FORMATS:
        command = [sys.executable, "-m", "bench.reports", "--one", form, str(repositories)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        size, took, before, after = json.loads(done.stdout)
        print(f"{form:10}{size / 1e6:8.2f}{took:10.2f}{after:10.0f}{before:18.0f}")


def browse(repositories: int) -> None:
    source = renderer("html")(wide(repositories))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "page.html"
        place.write_text(without_policy(source, READER), encoding="utf-8")
        dom = look(place)
    (found,) = re.findall("<title>TOLD(.*?)</title>", dom)
    marks, parts = json.loads(found)
    assert parts == repositories
    laid, searched, back, ordered = (after - before for before, after in pairwise(marks))
    print(
        f"Chromium: read and scripts run after {marks[0]:.0f} ms, laid out in {laid:.0f}, "
        f"searched in {searched:.0f}, all back in {back:.0f}, sorted in {ordered:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repositories", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--one", nargs=2, metavar=("FORMAT", "N"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(asked.one[0], int(asked.one[1]))
        return
    for repositories in asked.repositories:
        table(repositories)
        browse(repositories)


if __name__ == "__main__":
    main()
