# SPDX-License-Identifier: Apache-2.0
"""A ``hubpolicy.toml`` in the pushed commit tightens what judges it, and does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.files import FolderRelease
from tests.git.repos import Repo, pointer
from tests.hook.gate_world import MODEL, person, sign
from tests.hook.hooked import push
from tests.hook.pushes import attested, refs, refused
from tests.hook.test_lean import HEAVY, modules_after

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hook.hooked import Pushed

HEAD = b'schema = "hubpolicy/policy/1"\n'
MILD = HEAD + b"[toxicity]\nmax_attempts = 1\n"
LOW = HEAD + b'[[toxicity.suite]]\nid = "TX-1"\ngate = { upper_bound_max = 0.013 }\n'
LOWER = HEAD + b'[[toxicity.suite]]\nid = "TX-1"\ngate = { upper_bound_max = 0.001 }\n'
SAFETY = HEAD + b'[roles]\napprover.safety = { threshold = 1, binds = "closure" }\n'
REFUSED = {
    "looser": (HEAD + b"[toxicity]\nmax_attempts = 3\n", "expected at most 2"),
    "typo": (HEAD + b"[toxicity]\nmax_atempts = 1\n", "unknown key 'max_atempts'"),
    "no schema": (b"[toxicity]\nmax_attempts = 1\n", "schema = nothing"),
    "empty": (b"", "schema = nothing"),
    "no TOML": (b"\x00", "expected TOML"),
    "no UTF-8": (b"\xff\xfe", "expected TOML"),
    "other namespace": (HEAD + b'[targets]\nnamespaces = ["evil"]\n', "expected some of [acme]"),
    "observing": (HEAD + b'mode = "observe"\n', "expected exactly enforce"),
    "huge": (HEAD + b"#" * 70_000, "expected at most 65536"),
    "deep": (HEAD + b"a = " + b"[" * 9000, "expected TOML"),
}


def released(repo: Repo, child: bytes) -> str:
    """A model with that child, all of it signed; the child was not loaded in the run."""
    repo.write({**MODEL, "hubpolicy.toml": child})
    repo.git("add", "-A")
    entries = FolderRelease(repo.path).manifest.entries
    loaded = [entry for entry in entries if entry.path not in {"README.md", "hubpolicy.toml"}]
    sign(repo.path, person(), loaded=loaded)
    return repo.commit()


def judged(pushed: Pushed) -> set[str]:
    """The rules of the evidence; the card of that commit is looked at besides."""
    return {rule for rule in refused(pushed) if not rule.startswith("HP1")}


@pytest.mark.parametrize("child", [HEAD, MILD, LOW], ids=["empty", "attempts", "bound"])
def test_a_release_that_is_good_enough_passes_and_the_child_is_named(
    hooked: Repo, remote: Repo, child: bytes
) -> None:
    released(hooked, child)
    pushed = push(hooked, "origin", "main")
    assert pushed.code == 0, pushed.said
    assert ("policy tightened by hubpolicy.toml)" in pushed.said) == (child != HEAD)
    assert refs(remote) == ["refs/heads/main"]


def test_what_the_child_asks_and_the_evidence_lacks_blocks(hooked: Repo, remote: Repo) -> None:
    released(hooked, LOWER)
    pushed = push(hooked, "origin", "main")
    assert judged(pushed) == {"HP203"}
    assert "tightened by hubpolicy.toml" in pushed.said
    released(hooked, SAFETY)
    assert judged(push(hooked, "origin", "main")) == {"HP320"}
    assert refs(remote) == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_child_that_loosens_or_is_none_stops_the_push_with_one_sentence(
    hooked: Repo, remote: Repo, name: str
) -> None:
    child, words = REFUSED[name]
    released(hooked, child)
    pushed = push(hooked, "origin", "main")
    assert pushed.code != 0
    assert words in pushed.said
    assert "in hubpolicy.toml" in pushed.said
    assert "Nothing was pushed." in pushed.said
    assert "Traceback" not in pushed.said
    assert refs(remote) == []


def test_the_child_of_the_commit_counts_and_not_the_one_in_the_work_tree(hooked: Repo) -> None:
    released(hooked, MILD)
    hooked.write({"hubpolicy.toml": LOWER})
    assert push(hooked, "origin", "main").code == 0
    released(hooked, LOWER)
    hooked.write({"hubpolicy.toml": MILD})
    assert judged(push(hooked, "origin", "main")) == {"HP203"}


def test_each_commit_is_judged_under_its_own_child(hooked: Repo, remote: Repo) -> None:
    released(hooked, LOWER)
    hooked.git("branch", "strict")
    released(hooked, MILD)
    pushed = push(hooked, "origin", "main", "strict")
    assert judged(pushed) == {"HP203"}
    assert "refs/heads/main  passed" in pushed.said
    assert refs(remote) == []


NAMES = {
    "rule": b'[rules.HP102]\nseverity = "error"\n',
    "unknown rule": b'[rules.HP999]\nseverity = "error"\n',
    "unknown plan": b'[toxicity]\nplan = "nowhere"\n',
    "other plan": b'[toxicity]\nplan = "strict"\n',
    "unknown scorer": b'[toxicity]\nscorer = "nowhere"\n',
    "other scorer": b'[toxicity]\nscorer = "hubpolicy-screen-en"\n',
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_looked_up_where_a_child_names_them(hooked: Repo, name: str) -> None:
    """These take packages that the hook does without otherwise."""
    released(hooked, HEAD + NAMES[name])
    pushed = push(hooked, "origin", "main")
    assert (pushed.code == 0) == (name == "rule"), pushed.said
    assert "internal error" not in pushed.said
    if name != "rule":
        assert "in hubpolicy.toml line " in pushed.said


def test_a_child_behind_a_pointer_is_not_read(hooked: Repo, remote: Repo) -> None:
    released(hooked, pointer(MILD))
    pushed = push(hooked, "origin", "main")
    assert (pushed.code != 0, "Nothing was pushed." in pushed.said) == (True, True)
    assert refs(remote) == []


def test_below_the_top_it_is_a_file_like_others(hooked: Repo) -> None:
    attested(hooked, {**MODEL, "config/hubpolicy.toml": b"\xff"})
    assert push(hooked, "origin", "main").code == 0


def test_what_releases_nothing_asks_no_child(hooked: Repo) -> None:
    hooked.commit({"main.py": b"print()", "hubpolicy.toml": b"\xff"})
    pushed = push(hooked, "origin", "main")
    assert (pushed.code, "not a release" in pushed.said) == (0, True)


def test_a_variable_names_one_more(hooked: Repo, tmp_path: Path) -> None:
    released(hooked, MILD)
    extra = tmp_path / "extra.toml"
    extra.write_bytes(LOWER)
    assert judged(push(hooked, "origin", "main", HUBPOLICY_CONFIG=str(extra))) == {"HP203"}
    extra.write_bytes(REFUSED["looser"][0])
    pushed = push(hooked, "origin", "main", HUBPOLICY_CONFIG=str(extra))
    assert (pushed.code != 0, "extra.toml line 3" in pushed.said) == (True, True)
    assert push(hooked, "origin", "main").code == 0


def test_a_child_costs_no_heavy_import(repo: Repo, home: Path) -> None:
    """TOML brings dates and decimals; still no jsonschema, no card check."""
    person().install(home)
    code, modules = modules_after(repo, released(repo, LOW))
    assert code == 0
    assert modules & HEAVY <= {"datetime", "decimal"}
    assert "hubpolicy.core.policy_child" in modules
    code, modules = modules_after(repo, attested(repo, MODEL | {"README.md": b"# other\n"}))
    assert code == 0


def test_without_a_child_nothing_of_it_is_imported(repo: Repo, home: Path) -> None:
    person().install(home)
    code, modules = modules_after(repo, attested(repo))
    assert code == 0
    assert {
        "hubpolicy.core.policy_child",
        "hubpolicy.core.policy_merge",
        "tomllib",
    } & modules == set()
