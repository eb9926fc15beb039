# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy diff``: what changed in files, card and evidence, and what that voids."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core.line_files import RELEASE_FILE
from tests.cli.world import append_line, bundle_by, config, released, run
from tests.git.repos import init, twins

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "model.safetensors"


@pytest.fixture
def pair(home: Path, model: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A release, and a copy of it to change."""
    released(model)
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    return model, copy


def document(*arguments: str | Path) -> dict[str, Any]:
    ran = run("diff", *arguments, "--format", "json")
    assert ran.code == 0, ran
    found: dict[str, Any] = json.loads(ran.out)
    return found


def void(found: dict[str, Any]) -> dict[str, str]:
    """The first word of each line of evidence that is void, and why it is."""
    return {line["what"].split()[0]: line["void"] for line in found["evidence"] if line["void"]}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_copy_is_the_same_release(pair: tuple[Path, Path]) -> None:
    found = document(*pair)
    assert found["same"] is True
    assert (found["files"], found["card"], found["void"]) == ([], [], [])
    assert found["a"]["dirHash"] == found["b"]["dirHash"]
    kinds = {line["what"].split()[0] for line in found["evidence"]}
    assert kinds == {"card", "toxicity", "release", "model.sig"}
    assert run("diff", *pair, "--exit-code").code == 0
    assert "the same bytes, the same evidence" in run("diff", *pair).out


def test_one_byte_of_the_weights_voids_all(pair: tuple[Path, Path]) -> None:
    flip(pair[1] / WEIGHTS)
    found = document(*pair)
    (file,) = found["files"]
    assert (file["path"], file["change"], file["kind"]) == (WEIGHTS, "changed", "weight")
    assert void(found).keys() == {"card", "toxicity", "release", "model.sig"}
    assert void(found)["toxicity"] == f"{WEIGHTS} is different"
    assert found["to_make_anew"] == ["hubpolicy test PATH", "hubpolicy attest PATH"]
    assert run("diff", *pair, "--exit-code").code == 1
    shown = run("diff", *pair).out
    assert shown.rstrip().endswith(f"hubpolicy test {pair[1]}\n  hubpolicy attest {pair[1]}")


def test_a_word_in_the_card_costs_no_run(pair: tuple[Path, Path]) -> None:
    card = pair[1] / "README.md"
    card.write_text(
        card.read_text().replace("license: ", "license: x-", 1) + "\n## More\n\nWords.\n"
    )
    found = document(*pair)
    changed = {one["where"]: (one["before"], one["after"]) for one in found["card"]}
    before, after = changed["license"]
    assert after == f"x-{before}"
    assert changed["section more"][0] == ""
    assert void(found).keys() == {"card", "release", "model.sig"}
    assert found["to_make_anew"] == ["hubpolicy attest PATH"]


def test_files_come_go_and_move(pair: tuple[Path, Path]) -> None:
    copy = pair[1]
    (copy / "tokenizer.json").rename(copy / "tok.json")
    (copy / "config.json").unlink()
    (copy / "NOTICE").write_text("about")
    found = {one["path"]: one for one in document(*pair)["files"]}
    assert {path: one["change"] for path, one in found.items()} == {
        "tok.json": "moved", "config.json": "removed", "NOTICE": "added",
    }  # fmt: skip
    assert found["tok.json"]["origin"] == "tokenizer.json"
    assert found["NOTICE"]["after"] == 5


def test_of_two_that_moved_with_one_content_both_are_told(tmp_path: Path) -> None:
    for side, names in (("a", "xy"), ("b", "pq")):
        (tmp_path / side).mkdir()
        for name in names:
            (tmp_path / side / name).write_text("the same")
    found = document(tmp_path / "a", tmp_path / "b")["files"]
    assert sorted(one["change"] for one in found) == ["added", "moved", "removed"]


def test_new_evidence_is_told_from_old(pair: tuple[Path, Path]) -> None:
    unsigned = pair[0]
    (unsigned / RELEASE_FILE).unlink()
    found = document(*pair)
    assert found["files"] == []
    assert {line["standing"] for line in found["evidence"] if line["what"] != "model.sig"} == {
        "added"
    }
    assert void(found) == {}
    assert not found["same"]


def test_a_stranger_proves_nothing(pair: tuple[Path, Path]) -> None:
    append_line(pair[1], bundle_by("stranger", b'{"_type": "https://in-toto.io/Statement/v1"}'))
    found = document(*pair)
    assert found["a"]["unproven"] == []
    (why,) = found["b"]["unproven"]
    assert "expected one of the trust root" in why
    assert "evidence of B that proves nothing" in run("diff", *pair).out
    assert found["same"] is False
    assert run("diff", *pair, "--exit-code").code == 1


def test_without_trust_bytes_are_compared_and_evidence_is_not(pair: tuple[Path, Path]) -> None:
    shutil.rmtree(config())
    flip(pair[1] / WEIGHTS)
    found = document(*pair)
    assert (found["evidence"], found["void"], found["to_make_anew"]) == (None, None, None)
    assert [one["path"] for one in found["files"]] == [WEIGHTS]
    assert "no trust root here" in run("diff", *pair).out


def test_a_commit_of_a_git_repository_and_its_folder(
    pair: tuple[Path, Path],
) -> None:
    folder = pair[0]
    repo = init(folder)
    repo.git("add", "-A")
    repo.git("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "release")
    flip(folder / WEIGHTS)
    found = document(f"{folder}@HEAD", folder)
    assert [one["path"] for one in found["files"]] == [WEIGHTS]
    assert "toxicity" in void(found)
    assert (
        document(f"{folder}@{repo.git('rev-parse', '--short=7', 'HEAD')}", folder)
        | {"a": found["a"]}
        == found
    )
    alike = twins(repo)
    ran = run("diff", f"{folder}@{alike[0][:7]}", folder)
    assert (ran.code, "which 2 commits begin with" in ran.err) == (2, True)
    assert all(oid in ran.err for oid in alike)


def test_what_cannot_be_compared_is_not_evaluated(pair: tuple[Path, Path]) -> None:
    (pair[1] / "link").symlink_to("config.json")
    ran = run("diff", *pair)
    assert ran.code == 3
    assert "not compared in B" in ran.out


@pytest.mark.parametrize("target", ["nowhere", "a/b/c", "acme/model@", ""])
def test_what_is_no_release_is_a_usage_error(pair: tuple[Path, Path], target: str) -> None:
    ran = run("diff", pair[0], target)
    assert ran.code == 2
    assert "expected" in ran.err


def test_hostile_names_are_inert(pair: tuple[Path, Path]) -> None:
    (pair[1] / "a##[error]\u202eb.md").write_text("x")
    for ran in (run("diff", *pair), run("diff", *pair, "--format", "json")):
        assert "##[error]" not in ran.out
        assert "\u202e" not in ran.out
