# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy scorer list | show | verify | lock``: what is here, whether it works, what is pinned."""

from __future__ import annotations

import shutil
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters import assets
from hubpolicy.adapters.scorers.bundle import bundle_pin
from hubpolicy.adapters.scorers.installed import install, installed_folders, pinned
from hubpolicy.errors import ConfigError
from tests.adapters.tiny_bundle import write_bundle
from tests.cli.world import add_to_policy, config, run

if TYPE_CHECKING:
    from pathlib import Path

EMBEDDED = "hubpolicy-screen-en"


@pytest.fixture
def tiny() -> Path:
    """A bundle that is installed under its name."""
    return write_bundle(config("scorers", "tiny"))


def rows() -> dict[str, dict[str, Any]]:
    return {
        row["name"]: row for row in run("scorer", "list", "--format", "json").document["scorers"]
    }


def test_the_embedded_scorer_is_always_there() -> None:
    ran = run("scorer", "list")
    assert (ran.code, ran.err) == (0, "")
    assert EMBEDDED in ran.out
    assert rows()[EMBEDDED]["embedded"] is True
    assert rows()[EMBEDDED]["sha256"] == bundle_pin(assets.scorer_folder(EMBEDDED)).sha256


def test_an_installed_scorer_is_listed_and_found(tiny: Path) -> None:
    assert rows()["tiny"] == {
        "name": "tiny", "tier": "screen", "precision": "fp32", "languages": ["en"],
        "sha256": bundle_pin(tiny).sha256, "problem": "", "folder": str(tiny), "embedded": False,
    }  # fmt: skip
    assert assets.scorer_folder("tiny") == tiny


def test_nothing_stands_in_for_the_embedded_scorer() -> None:
    write_bundle(config("scorers", EMBEDDED), id=EMBEDDED)
    assert assets.scorer_folder(EMBEDDED) == assets.FOLDER / "scorers" / "screen-en"


def spoil_description(folder: Path) -> None:
    (folder / "scorer.json").write_text("{")


def lose_the_model(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def rename(folder: Path) -> None:
    folder.rename(folder.with_name("other"))


@pytest.mark.parametrize(
    ("spoil", "name", "words"),
    [
        (spoil_description, "tiny", "BROKEN"),
        (lose_the_model, "tiny", "cannot read model.onnx"),
        (rename, "other", "it calls itself 'tiny'"),
    ],
)
def test_a_broken_bundle_is_named_and_takes_no_other_away(
    home: Path, tiny: Path, spoil: Any, name: str, words: str
) -> None:
    spoil(tiny)
    ran = run("scorer", "list")
    assert ran.code == 3
    assert EMBEDDED in ran.out
    assert words in rows()[name]["problem"]
    assert run("policy", "check").code == 0


def test_what_is_no_bundle_is_not_listed() -> None:
    config("scorers", "notes").mkdir(parents=True)
    config("scorers", "file").write_text("x")
    assert set(rows()) == {EMBEDDED}


def test_a_bundle_is_shown_with_its_digest(tiny: Path) -> None:
    shown = run("scorer", "show", "tiny", "--format", "json").document["scorer"]
    assert shown["sha256"] == bundle_pin(tiny).sha256
    assert shown["thresholds"] == {"toxicity": "0.5", "threat": "0.9"}
    assert shown["evaluation"] == {"roc_auc": 0.5}
    text = run("scorer", "show", tiny).out
    assert shown["sha256"] in text
    assert "roc_auc" in text


@pytest.mark.parametrize("name", ["nobody", "", "../tiny", "./nothing"])
def test_a_name_that_is_nobodys_is_one_error(name: str) -> None:
    for command in ("show", "verify", "lock"):
        ran = run("scorer", command, name)
        assert ran.code in {2, 3}
        assert len([line for line in ran.err.splitlines() if line.startswith("error:")]) == 1
        assert ran.out == ""


def test_the_embedded_scorer_tells_the_control_texts_apart() -> None:
    ran = run("scorer", "verify", EMBEDDED, "--format", "json")
    assert ran.code == 0
    assert ran.document["findings"] == []
    assert ran.document["controls"]["toxic"] == 60


def test_a_scorer_that_flags_nothing_does_not_verify(tiny: Path) -> None:
    ran = run("scorer", "verify", "tiny", "--format", "json")
    assert (ran.code, ran.document["verdict"]) == (1, "failed")
    assert [finding["rule"] for finding in ran.document["findings"]] == ["HP206"]
    assert "0 of 60 toxic" in run("scorer", "verify", "tiny").out


def test_another_digest_does_not_verify(tiny: Path) -> None:
    ran = run("scorer", "verify", "tiny", "--sha256", "0" * 64)
    assert ran.code == 1
    assert "expected 000000000000" in ran.err


def test_a_bundle_that_does_not_load_cannot_be_evaluated(tiny: Path) -> None:
    (tiny / "model.onnx").write_bytes(b"junk")
    assert run("scorer", "verify", "tiny").code == 3


def test_the_line_for_the_policy_is_printed(tiny: Path) -> None:
    ran = run("scorer", "lock", "tiny")
    assert tomllib.loads(ran.out) == {"lock": {"tiny": f"sha256:{bundle_pin(tiny).sha256}"}}


def test_a_locked_scorer_is_signed_and_another_of_its_name_is_not(home: Path, tiny: Path) -> None:
    add_to_policy('scorer = "tiny"', old=f'scorer = "{EMBEDDED}"')
    before = config("hubpolicy.toml").read_text()
    ran = run("scorer", "lock", "tiny", "--write")
    assert ran.code == 0
    assert "next: hubpolicy policy sign" in ran.out
    after = config("hubpolicy.toml").read_text()
    assert after.startswith(before)
    assert run("policy", "sign").code == 0
    write_bundle(tiny, version="2")
    for command in ("check", "sign"):
        ran = run("policy", command)
        assert ran.code == 2
        assert "as in [lock]" in ran.err
    assert run("scorer", "lock", "tiny", "--write").code == 0
    assert run("policy", "sign").code == 0


@pytest.mark.parametrize("digest", ["0" * 64, "sha256:0", "sha256:" + "G" * 64, 7])
def test_a_lock_that_is_no_digest_is_refused(home: Path, digest: Any) -> None:
    add_to_policy(f'\n[lock]\n"tiny" = {digest!r}\n')
    assert run("policy", "check").code == 2


def test_a_policy_file_of_ones_own_is_written(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "hubpolicy.toml"
    path.write_text("# mine\nid = 'x'\n")
    ran = run("scorer", "lock", "tiny", "--write", "--policy", path, "--format", "json")
    assert ran.document["policy"] == str(path)
    assert path.read_text().startswith("# mine\nid = 'x'\n")
    assert tomllib.loads(path.read_text())["lock"] == ran.document["lock"]


@pytest.mark.parametrize("content", [b"id = ", b"\xff", b"lock = 3\n"])
def test_a_policy_that_cannot_be_read_stays_as_it_is(
    tiny: Path, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "hubpolicy.toml"
    path.write_bytes(content)
    ran = run("scorer", "lock", "tiny", "--write", "--policy", path)
    assert ran.code == 2
    assert path.read_bytes() == content


def test_what_the_policy_pins_is_what_is_found(tiny: Path) -> None:
    folders = assets.scorer_folders()
    for folder in (tiny, assets.scorer_folder(EMBEDDED)):
        pin = bundle_pin(folder)
        assert pinned(folders, frozenset({pin.sha256})) == (folder, pin)
    with pytest.raises(ConfigError, match=r"the policy pins scorer 0{12}, which is not installed"):
        pinned(folders, frozenset({"0" * 64}))


def test_installing_replaces_only_when_asked(tiny: Path, tmp_path: Path) -> None:
    old = bundle_pin(tiny)
    new = write_bundle(tmp_path / "new", version="2")
    with pytest.raises(ConfigError, match="installed already"):
        install(new, "tiny")
    assert bundle_pin(tiny) == old
    assert install(new, "tiny", replace=True) == tiny
    assert bundle_pin(tiny) != old
    assert set(installed_folders()) == {"tiny"}
    assert [path.name for path in tiny.parent.iterdir()] == ["tiny"]
    shutil.rmtree(tiny)
    assert installed_folders() == {}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "a" * 97])
def test_a_name_is_one_folder(name: str, tmp_path: Path) -> None:
    made = write_bundle(tmp_path / "made")
    with pytest.raises(ConfigError, match="got scorer id"):
        install(made, name)
    assert made.exists()
