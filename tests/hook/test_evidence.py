# SPDX-License-Identifier: Apache-2.0
"""The hook asks for the third-party evidence that the policy names, and stays lean over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.foreign_evidence import import_evidence
from tests.flows.publishing_world import attest_here, desk, put_run
from tests.hook.gate_world import MODEL, POLICY, TARGET, person
from tests.hook.hooked import install, push
from tests.hook.pushes import refs, refused
from tests.hook.test_lean import HEAVY, modules_after
from tests.unit.core.foreign_world import ITEM, lm_eval

if TYPE_CHECKING:
    from pathlib import Path

    from tests.git.repos import Repo

ASKS = POLICY._replace(evidence=(ITEM,))
ADA = person("ada", ASKS)


@pytest.fixture
def asked(repo: Repo, home: Path) -> Repo:
    """A repository whose hook asks for a benchmark, with a tested model in it."""
    ADA.install(home)
    install(repo)
    repo.write(MODEL)
    put_run(repo.path, ADA)
    return repo


def attest(repo: Repo, score: float | None) -> str:
    """Evidence as far as it can be made, committed; the score is imported if there is one."""
    raw = lm_eval(results={"mt_bench": {"score,none": score}}, date=1767225600)
    imports = import_evidence("mt-bench", raw, ASKS, where="r.json") if score is not None else ()
    attest_here(repo.path, TARGET, desk(ADA), imports=imports)
    return repo.commit()


def test_without_the_benchmark_nothing_leaves_and_with_it_the_release_does(
    asked: Repo, remote: Repo
) -> None:
    attest(asked, None)
    pushed = push(asked, "origin", "main")
    assert "HP218" in refused(pushed)
    assert "hubpolicy attest . --evidence mt-bench=FILE" in pushed.said
    attest(asked, 5.9)
    assert "HP219" in refused(push(asked, "origin", "main"))
    assert refs(remote) == []
    attest(asked, 7.35)
    passed = push(asked, "origin", "main")
    assert (passed.code, refs(remote)) == (0, ["refs/heads/main"]), passed.said


def test_judging_it_imports_nothing_heavy(asked: Repo) -> None:
    code, loaded = modules_after(asked, attest(asked, 7.35))
    assert code == 0
    assert "hubpolicy.core.rules.hp219" in loaded
    assert not loaded & HEAVY
