# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy init``: everything or nothing, and never over something."""

from __future__ import annotations

import os
import pty
import re
import resource
import signal
import stat
import subprocess
import sys
import termios
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from hubpolicy.cli.init import PUBLIC_KEY_FILE
from hubpolicy.cli.wiring import KEY_FILE, POLICY_DOCUMENT, ROOT_DOCUMENT, STATE_DOCUMENT
from tests.cli.world import add_to_policy, config, contents, own_key, run
from tests.hub.world import until

if TYPE_CHECKING:
    from pathlib import Path

ASKED = ("init", "--name", "ada", "--model-kind", "base")
FILES = {"/".join(parts) for parts in (KEY_FILE, PUBLIC_KEY_FILE, ROOT_DOCUMENT, POLICY_DOCUMENT,
                                       STATE_DOCUMENT)} | {"gate.json", "hubpolicy.toml"}  # fmt: skip
FOR_EDITORS = "policy.v1.schema.json"


def test_it_makes_key_policy_trust_and_gate_and_says_what_is_weak() -> None:
    ran = run(*ASKED, "--namespace", "acme", "--namespace", "acme-labs", "--no-passphrase")
    assert ran.code == 0
    assert set(contents(config())) == FILES | {FOR_EDITORS}
    assert "solo: one person holds every key" in ran.out
    assert "embedded English classifier" in ran.out
    text = config("hubpolicy.toml").read_text()
    assert 'namespaces = ["acme", "acme-labs"]' in text
    assert 'require_tier = "screen"' in text
    shown = run("trust", "show")
    assert "(solo: one person holds every key)" in shown.out
    assert own_key().keyid in shown.out


def test_nobody_else_reads_the_key() -> None:
    run(*ASKED, "--no-passphrase")
    assert stat.S_IMODE(config(*KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(config("keys").stat().st_mode) == 0o700
    assert config(*PUBLIC_KEY_FILE).read_text() == own_key().public_pem


@pytest.mark.parametrize("there", sorted(FILES))
def test_it_overwrites_nothing(home: Path, there: str) -> None:
    for path in sorted(config().rglob("*"), reverse=True):
        if path.is_file() and path != config(there):
            path.unlink()
    before = contents(config())
    ran = run(*ASKED, "--no-passphrase")
    assert ran.code == 2
    assert "init overwrites nothing" in ran.err
    assert contents(config()) == before != {}


def test_a_dangling_link_is_something_too() -> None:
    config().mkdir(parents=True)
    config("hubpolicy.toml").symlink_to("/no/such/file")
    assert run(*ASKED, "--no-passphrase").code == 2


def test_a_passphrase_locks_the_key_and_opens_it() -> None:
    secret = "correct horse"
    ran = run(*ASKED, "--passphrase", HUBPOLICY_PASSPHRASE=secret)
    assert ran.code == 0
    pem = config(*KEY_FILE).read_text()
    assert pem.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert secret not in "".join(path.read_text() for path in config().rglob("*.*"))
    add_to_policy("version = 2", old="version = 1")
    wrong = run("policy", "sign", HUBPOLICY_PASSPHRASE="wrong")
    assert wrong.code == 4
    assert "passphrase does not open" in wrong.err
    assert run("policy", "sign", HUBPOLICY_PASSPHRASE="").code == 4
    assert run("policy", "sign", HUBPOLICY_PASSPHRASE=secret).code == 0


def test_a_passphrase_in_the_environment_is_enough() -> None:
    assert run(*ASKED, HUBPOLICY_PASSPHRASE="given it").code == 0
    assert "ENCRYPTED" in config(*KEY_FILE).read_text()


@pytest.mark.parametrize("options", [["--passphrase"], []])
@pytest.mark.parametrize("secret", ["x", "seven c", "ä" * 7])
def test_a_short_passphrase_is_none(options: list[str], secret: str) -> None:
    ran = run(*ASKED, *options, HUBPOLICY_PASSPHRASE=secret)
    assert ran.code == 2
    assert f"got a passphrase of {len(secret)} characters, expected 8 or more" in ran.err
    assert not config().exists() or contents(config()) == {}


def test_a_person_is_asked_twice_and_again_after_a_short_one() -> None:
    """Each answer is typed once it was asked for and the terminal hides what is typed."""
    controller, terminal = pty.openpty()
    answers = [b"short", b"long enough", b"not the same", b"long enough", b"long enough"]
    with subprocess.Popen(
        [sys.executable, "-m", "hubpolicy", *ASKED, "--passphrase"],
        stdin=terminal, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said, typed = b"", 0
        while chunk := os.read(process.stderr.fileno(), 4096):
            said += chunk
            if len(re.findall(b"Passphrase for|Repeat for", said)) > typed:
                until(lambda: not termios.tcgetattr(controller)[3] & termios.ECHO)
                os.write(controller, answers[typed] + b"\n")
                typed += 1
    os.close(controller)
    os.close(terminal)
    assert (process.returncode, typed, said.count(b"Passphrase for")) == (0, 5, 3), said
    assert b"got a passphrase of 5 characters, expected 8 or more" in said
    assert b"do not match" in said
    assert "ENCRYPTED" in config(*KEY_FILE).read_text()


@pytest.mark.parametrize("options", [["--passphrase"], []])
def test_what_shall_be_locked_is_never_left_open(options: list[str]) -> None:
    """Nobody is at the terminal, and no passphrase, or an empty one, is given."""
    assert run(*ASKED, *options).code == 2
    if options:
        assert run(*ASKED, *options, HUBPOLICY_PASSPHRASE="").code == 2
    assert not config().exists() or contents(config()) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--namespace", 'a"]\nmode = "observe"'),
        ("--namespace", "two words"),
        ("--plan", "standart"),
        ("--plan", "smoke"),
        ("--plan", '"'),
        ("--name", "\x1b[31mada"),
        ("--name", 'ada"'),
        ("--name", "-"),
    ],
)
def test_odd_names_are_refused_and_nothing_is_left(arguments: tuple[str, str]) -> None:
    ran = run("init", "--model-kind", "base", "--no-passphrase", "--name", "ada", *arguments)
    assert ran.code == 2
    assert "\x1b" not in ran.err
    assert not config().exists() or contents(config()) == {}


def test_it_asks_what_it_needs() -> None:
    ran = run("init", "--name", "ada", "--no-passphrase", stdin="chat\n")
    assert ran.code == 0
    assert "models that answer in a chat" in config("hubpolicy.toml").read_text()
    assert "base" in ran.err


def test_where_nobody_answers_it_says_what_to_type_instead() -> None:
    ran = run("init", stdin="")
    assert (ran.code, config().exists()) == (2, False)
    assert "hint: hubpolicy init --model-kind base|chat|none --no-passphrase" in ran.err
    given = ("--name", "ada", "--namespace", "acme", "--plan", "smoke")
    for kind, choice in (((), "base|chat|none"), (("--model-kind", "chat"), "chat")):
        ran = run("init", *given, *kind, stdin="")
        assert (ran.code, config().exists()) == (2, False)
        wanted = f"hubpolicy init {' '.join(given)} --model-kind {choice} --no-passphrase"
        assert f"hint: {wanted}\n" in ran.err


def test_the_policy_lasts_a_year() -> None:
    run(*ASKED, "--no-passphrase")
    (line,) = [ln for ln in config("hubpolicy.toml").read_text().splitlines() if "expires" in ln]
    ends = date.fromisoformat(line.partition("=")[2].strip())
    assert 360 < (ends - datetime.now(UTC).date()).days < 370


def test_a_home_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A file where the folder should be: that fails for root too."""
    (tmp_path / ".config").write_text("")
    ran = run(*ASKED, "--no-passphrase", HOME=str(tmp_path))
    assert ran.code == 3
    assert "cannot make" in ran.err
    assert contents(tmp_path) == {".config": b""}


def test_a_disk_that_is_full_takes_back_what_was_made() -> None:
    """The key fits, and the policy does not: no half configuration keeps the next init away."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))
        ran = run(*ASKED, "--no-passphrase")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert ran.code == 3
    assert "File too large" in ran.err
    assert contents(config()) == {}
    assert run(*ASKED, "--no-passphrase").code == 0


@pytest.mark.parametrize("value", ["", ".", "relative/home"])
def test_a_home_that_is_no_absolute_path_would_be_the_folder_that_is_judged(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("trust", "show", HOME=value)
    assert ran.code == 2
