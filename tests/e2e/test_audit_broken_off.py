# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and kill -9 in the middle of an organisation's audit; ``bench/audit_kill.py`` does more."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest

from bench.audit_kill import ENGINES, Auditor, read_of, trial
from tests.hub.cases import CALM
from tests.hub.planting import plant

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess
    from tests.hub.planting import Organisation

CHOSEN = ("clean", "twice", "branch", "leaked", "replaced", "tagged", "in_steps", "revoked_file")


@pytest.fixture(scope="module")
def planted(own_hub: HubProcess) -> Organisation:
    return plant(own_hub, {name: CALM[name] for name in CHOSEN}, size=16)


@pytest.mark.parametrize(
    ("by", "engine"), [(signal.SIGINT, "git"), (signal.SIGKILL, "api")], ids=["ctrl-c", "kill"]
)
def test_the_next_audit_goes_on(
    planted: Organisation, tmp_path: Path, by: signal.Signals, engine: str
) -> None:
    wanted = Auditor(planted, tmp_path / "first").verdicts(*ENGINES[engine])
    assert len(wanted) >= 16
    auditor = Auditor(planted, tmp_path / "second")
    done = trial(auditor, engine, by, random.uniform(0, 0.3), wanted)
    assert done is not None, "it ended before it could be broken off"
    assert done.wrong == ()


def test_ctrl_c_waits_for_no_silent_hub(planted: Organisation, tmp_path: Path) -> None:
    """Every answer about trees takes longer than anybody waits."""
    planted.hub.configure({"faults": [
        {"action": "delay", "seconds": 30, "path_regex": "/tree/", "times": None},
    ]})  # fmt: skip
    try:
        auditor = Auditor(planted, tmp_path)
        process = auditor.start()
        mark = len(planted.hub.requests())
        while len(planted.hub.requests()) < mark + 3:  # the lists of names, then refs
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)
    finally:
        planted.hub.configure({})
    assert (process.returncode, said.strip()) == (130, "interrupted")
    assert auditor.left() == []


def test_the_measure_itself_tells_repositories_from_lists_and_refs() -> None:
    paths = {
        "/api/models/acme/a/tree/0123?recursive=true": "acme/a",
        "/api/datasets/acme/b/commits/0123": "acme/b",
        "/acme/c/resolve/0123/.hubpolicy/release.intoto.jsonl": "acme/c",
        "/acme/d.git/info/refs?service=git-upload-pack": "acme/d",
        "/api/models?author=acme": None,
        "/api/models/acme/e/refs?include_prs=1": None,
    }
    lines = [{"path": path, "status": 200} for path in paths]
    assert read_of(lines) == {repo for repo in paths.values() if repo}
    assert read_of({"path": path, "status": 500} for path in paths) == set()
