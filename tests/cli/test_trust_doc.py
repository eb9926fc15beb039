# SPDX-License-Identifier: Apache-2.0
"""docs/trust.md is a story that can be typed: played here, word for word, on three machines."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from hubpolicy.cli.trust import trust
from hubpolicy.cli.trust_propose import state
from tests.cli.team_world import PEOPLE, Team

PAGE = Path(__file__).parents[2] / "docs" / "trust.md"
PROMPT = re.compile(r"(ada|bob|cleo)\$ (.*)")


class Typed(NamedTuple):
    """A command, and what the page says that it prints."""

    who: str
    command: str
    said: tuple[str, ...]
    code: int


def story() -> list[Typed]:
    found: list[Typed] = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if match := PROMPT.fullmatch(line):
                found.append(Typed(match[1], match[2], (), 0))
            elif line.startswith("[exit "):
                found[-1] = found[-1]._replace(code=int(line[6:-1]))
            else:
                found[-1] = found[-1]._replace(said=(*found[-1].said, line))
    return found


def bare(text: str) -> str:
    """Without what differs from one day, key and machine to the next."""
    text = re.sub(r"[0-9a-f]{64}|[0-9a-f]{16}…", "HEX", text)
    return re.sub(r"\d{4}-\d{2}-\d{2}(T[\d:]+Z)?", "TIME", text)


def matches(said: tuple[str, ...], printed: str) -> bool:
    """``...`` stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(bare(line)) + r"\n" for line in said
    )
    return re.fullmatch(pattern, bare(printed)) is not None


def play(team: Team, typed: Typed) -> tuple[int, str]:
    home = str(team.homes / typed.who)
    words = shlex.split(typed.command)
    if words[0] != "hubpolicy" or ">" in words:
        assert words[0] in {"cp", "sed", "hubpolicy"}
        if words[0] == "hubpolicy":
            ran = team.run(typed.who, *words[1 : words.index(">")])
            Path(words[-1]).write_text(ran.out)
            return ran.code, ""
        done = subprocess.run(
            ["sh", "-c", typed.command], env={"HOME": home, "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout
    ran = team.run(typed.who, *words[1:])
    return ran.code, ran.out.replace(home, "HOME")


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    team = Team(tmp_path / "homes", tmp_path / "trust")
    keyed = False
    assert len(story()) > 14
    for typed in story():
        if typed.command.startswith("hubpolicy trust key") and typed.who == "cleo":
            shutil.rmtree(team.homes / "cleo")  # she lost her machine
        code, printed = play(team, typed)
        assert code == typed.code, (typed, printed)
        assert matches(typed.said, printed), (typed, printed)
        if not keyed:  # the others do as ada did, and hand in what it printed
            keyed = True
            for who in PEOPLE:
                team.join(who)
                shutil.copy(team.public_key(who), f"{who}.pub.pem")
    assert (tmp_path / "trust-state.yml").read_text().startswith("# Keeps the trust state fresh")
    assert team.files() >= {"root/1.json", "root/2.json", "policy/1.json", "state.json"}


@pytest.mark.parametrize(
    ("said", "printed", "holds"),
    [
        (("a", "...", "d"), "a\nb\nc\nd\n", True),
        (("a", "...", "d"), "a\nd\n", True),
        (("a", "d"), "a\nb\nd\n", False),
        (("sha256 0123456789abcdef…",), f"sha256 {'9' * 64}\n", True),
        (("sha256 0123456789abcdef…",), "sha256\n", False),
        ((), "a\n", False),
    ],
)
def test_the_comparison_can_fail(said: tuple[str, ...], printed: str, holds: bool) -> None:
    assert matches(said, printed) == holds


def test_its_toml_is_read_by_us() -> None:
    """The example of everything: only its files are missing here."""
    from hubpolicy.core.root_source import parse_root_source
    from tests import certificates
    from tests.golden.samples import signer
    from tests.transparency import Sigstore

    (example,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    files = {f"keys/{who}.pub.pem": signer(who).public_pem for who in ("ada", "bob", "renewer")}
    files |= {f"certificates/{name}.pem": certificates.root().pem for name in ("ca", "tsa")}
    files["sigstore/trusted_root.json"] = Sigstore().trusted_root()
    root = parse_root_source(example.encode(), files.__getitem__)
    assert root.people == {"ada", "bob", "renewer", "rita", "release-bot"}


def test_every_hint_names_a_command_that_exists() -> None:
    known = {*trust.commands, *(f"state {name}" for name in state.commands)}
    texts = [path.read_text() for path in (PAGE.parents[1] / "hubpolicy").rglob("*.py")]
    shown = set(re.findall(r"hubpolicy trust (state [a-z]+|[a-z]+)", "".join(texts)))
    assert {"sign", "rotate", "state renew"} <= shown
    assert shown <= known
