# SPDX-License-Identifier: Apache-2.0
"""Scripts of CI steps: the shell itself says whether they go on after hubpolicy's no."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.ci_shell import Shell, deeds_of, shell_of

if TYPE_CHECKING:
    from pathlib import Path

PLAIN, PIPES, NEITHER = Shell(True, False), Shell(True, True), Shell(False, False)
FLAGS = {PLAIN: ("-e",), PIPES: ("-eo", "pipefail"), NEITHER: ()}
STOPS = [
    (PLAIN, "hubpolicy verify ."),
    (PLAIN, "hubpolicy verify .; true"),
    (PLAIN, "hubpolicy verify . || exit 1"),
    (PLAIN, "hubpolicy verify . || exit"),
    (PLAIN, "hubpolicy verify . || false\ntrue"),
    (PLAIN, "hubpolicy verify . || { echo no; exit 1; }\ntrue"),
    (PLAIN, "hubpolicy verify . || (echo no; exit 3)\ntrue"),
    (PLAIN, 'code=0\nhubpolicy verify . || code=$?\ntrue\nexit "$code"'),
    (NEITHER, "hubpolicy verify .\ncode=$?\ntrue\nexit ${code}"),
    (NEITHER, "set -eu\nhubpolicy verify .\ntrue"),
    (NEITHER, "true\nhubpolicy verify ."),
    (PLAIN, "hubpolicy verify . && true"),
    (PLAIN, "true && hubpolicy verify .\ntrue"),
    (PLAIN, "hubpolicy verify . \\\n  --offline\ntrue"),
    (PLAIN, "python3 -I -m hubpolicy verify . 2>&1\ntrue"),
    (PLAIN, "for each in a b; do hubpolicy check $each; done\ntrue"),
    (PLAIN, "if true; then\n  hubpolicy verify .\nfi\ntrue"),
    (PLAIN, "( hubpolicy verify . )\ntrue"),
    (PLAIN, "found=$(hubpolicy verify .)\ntrue"),
    (PLAIN, "X=1 env hubpolicy verify . # || true\ntrue"),
    (PLAIN, "cat <<END\nhubpolicy check . || true\nEND\nhubpolicy verify .\ntrue"),
    (PIPES, "hubpolicy verify . | cat\ntrue"),
    (PLAIN, "bash -c 'hubpolicy verify .'\ntrue"),
    (PLAIN, "bash -ec 'hubpolicy verify .; true'\ntrue"),
    (PLAIN, "/bin/bash -eo pipefail -c 'hubpolicy verify . | cat'\ntrue"),
    (PLAIN, "sh -c \"bash -c 'hubpolicy verify .' || exit 1\"\ntrue"),
    (PLAIN, "set -o pipefail\nhubpolicy verify . |& cat\ntrue"),
]
GOES_ON = [
    (PLAIN, "hubpolicy verify . || true"),
    (PLAIN, "hubpolicy verify . ||\\\n  :"),
    (PLAIN, "hubpolicy verify . || echo 'exit 1'"),
    (PLAIN, "hubpolicy verify . || exit 0"),
    (PLAIN, "hubpolicy verify . || { echo no; }\ntrue"),
    (PLAIN, "hubpolicy verify . || hubpolicy verify . || true"),
    (PLAIN, "code=0\nhubpolicy verify . || code=$?\necho $code"),
    (PLAIN, "hubpolicy verify . && echo fine\ntrue"),
    (PLAIN, "hubpolicy verify . | cat"),
    (PIPES, "hubpolicy verify . | cat || true"),
    (PLAIN, "! hubpolicy verify ."),
    (PLAIN, "hubpolicy verify . &\nwait"),
    (PLAIN, "set +e\nhubpolicy verify .\ntrue"),
    (PIPES, "set +o errexit; hubpolicy verify .; true"),
    (NEITHER, "hubpolicy verify .; true"),
    (PLAIN, 'bash -c "hubpolicy verify . || true"'),
    (PLAIN, "bash -c 'hubpolicy verify .; true'"),
    (PLAIN, "bash -c 'hubpolicy verify .' || true"),
    (PIPES, "bash -c 'hubpolicy verify . | cat'"),
]
UNCLEAR = [
    "if hubpolicy verify .; then true; fi",
    "while ! hubpolicy verify .; do sleep 1; done",
    "{ hubpolicy verify .; } || true",
    "bash -c 'hubpolicy verify $1 || true' x .",
    "echo $(hubpolicy verify .)",
    "trap 'exit 0' EXIT\nhubpolicy verify .",
    "case x in x) hubpolicy verify .;; esac",
    "f() { hubpolicy verify .; }\nf || true",
    "hubpolicy verify . 'no end",
    "hubpolicy verify . )",
]


@pytest.fixture(scope="module")
def no(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``hubpolicy`` and ``python3`` always say no."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("hubpolicy", "python3"):
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(("shell", "text"), [*STOPS, *GOES_ON])
def test_the_shell_agrees(no: Path, shell: Shell, text: str) -> None:
    """Bash is the oracle: what we say of the step is how it ends."""
    found = [deed for deed in deeds_of(text, shell) if not deed.uploads]
    assert found
    done = subprocess.run(
        ["bash", *FLAGS[shell], "-c", text],
        env={"PATH": f"{no}:/usr/bin:/bin"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode == 0) is bool(found[0].loss), found
    assert all(deed.certain for deed in found)


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_nobody_can_tell_is_never_green(text: str) -> None:
    (found,) = deeds_of(text, PLAIN)
    assert found.loss
    assert not found.certain


def test_a_report_of_an_audit_that_says_no_is_green_where_asked() -> None:
    (found,) = deeds_of("hubpolicy audit acme --exit-zero", PLAIN)
    assert found.loss == "`--exit-zero`"


@pytest.mark.parametrize(
    ("text", "uploads"),
    [
        ("bash -c 'hf upload acme/tern .'", True),
        ("hf upload acme/tern .", True),
        ("huggingface-cli upload-large-folder acme/tern .", True),
        ("python - <<'END'\napi.upload_folder(folder_path='.')\nEND", True),
        ("git push https://huggingface.co/acme/tern main", True),
        ("git -C model push hf main", True),
        ("git push origin main", False),
        ('hf --token "$T" upload acme/tern .', True),
        ("python -m huggingface_hub.commands.huggingface_cli upload acme/tern .", True),
        ("curl -d@x https://hf.co/api/models/acme/tern/commit/main", True),
        ("echo done # hf upload acme/tern .", False),
        ("hf download acme/tern", False),
    ],
)
def test_what_uploads(text: str, uploads: bool) -> None:
    assert [deed.uploads for deed in deeds_of(text, PLAIN)] == [True] * uploads


@pytest.mark.parametrize(
    ("text", "maybe"),
    [
        ("make upload", "make upload"),
        ("make -C model push-to-hub", "make -C model push-to-hub"),
        ("npm run publish", "npm run publish"),
        ("bash scripts/hf_upload.sh x", "bash scripts/hf_upload.sh x"),
        ("./upload.py", "./upload.py"),
        ("make", ""),
        ("make test", ""),
        ("twine upload dist/x", ""),
        ("python train.py uploaded", ""),
        ("cp upload.sh x", ""),
    ],
)
def test_what_only_looks_like_an_upload(text: str, maybe: str) -> None:
    assert [deed.maybe for deed in deeds_of(text, PLAIN)] == [maybe] * bool(maybe)


AROUND = [
    'if [ -n "$TAG" ]; then hubpolicy verify .; fi\nhf upload a/b .',
    'if [ -n "$TAG" ]; then\n  hubpolicy verify .\nelse\n  hf upload a/b .\nfi',
    "while read -r d; do hubpolicy verify $d; done\nhf upload a/b .",
    "cd model && hubpolicy verify .\nhf upload a/b .",
    '[ -n "$SKIP" ] || hubpolicy verify .\nhf upload a/b .',
]
BEHIND = [
    "hubpolicy verify .\nhf upload a/b .",
    'if [ -n "$TAG" ]; then hubpolicy verify .; hf upload a/b .; fi',
    "cd model && hubpolicy verify . && hf upload a/b .",
    '[ -z "$TAG" ] && exit 0\nhubpolicy verify .\nhf upload a/b .',
    "cd model && hubpolicy verify .\nhubpolicy verify .\nhf upload a/b .",
    "for d in a b; do hubpolicy verify $d; done\nhf upload a/b .",
]


@pytest.mark.parametrize(
    ("text", "around"), [*((t, True) for t in AROUND), *((t, False) for t in BEHIND)]
)
def test_an_upload_where_the_script_asks_only_sometimes(text: str, around: bool) -> None:
    *_, upload = deeds_of(text, PLAIN)
    assert upload.uploads
    assert bool(upload.only) is around


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("hubpolicy verify .", ""),
        ("true && hubpolicy verify .", ""),  # what fails before it ends the script as well
        ("exit 0\nhubpolicy verify .", "exit 0"),
        ('if [ -z "$TAG" ]; then exit; fi\nhubpolicy verify .', "exit"),
        ("make || exit\nhubpolicy verify .", ""),
        ("false || hubpolicy verify .", "false ||"),
    ],
)
def test_what_decides_whether_it_is_asked(text: str, only: str) -> None:
    *_, ours = deeds_of(text, PLAIN)
    assert ours.only == only


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("check .", False),
        ("audit a/b", False),
        ("test .", True),
        ("push . a/b", True),
        ("test . --estimate", False),
        ("test . --plan=smoke", False),
        ("test . --shard 1/2", False),
        ("verify . --partial", False),
        ("-c child.toml verify .", True),
    ],
)
def test_what_says_no_without_a_toxicity_test(text: str, whole: bool) -> None:
    (ours,) = deeds_of(f"hubpolicy {text}", PLAIN)
    assert ours.whole is whole


@pytest.mark.parametrize(
    "text",
    [
        "hubpolicy check --help",
        "hubpolicy verify -h",
        "hubpolicy --version verify",
        "hubpolicy rule push",
        "hubpolicy scorer test .",
        ": hubpolicy verify .",
        "true hf policy test",
    ],
)
def test_what_asks_nothing(text: str) -> None:
    assert deeds_of(text, PLAIN) == ()


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("hubpolicy verify ./other/", "other"),
        ("hubpolicy attest --offline /a//b --repo a/b", "/a/b"),
        ("hubpolicy test", "."),
        ("hubpolicy -c child.toml push model a/b", "model"),
        ("hubpolicy verify --repo a/b ./model", ""),  # which of the two, nobody can tell here
        ('hubpolicy verify "$DIR"', ""),
        ("hubpolicy verify ../x", ""),
        ("cd x && hubpolicy verify model", ""),
        ("hubpolicy publish a/b", ""),
        ("hf upload a/b ./model .", "model"),
        ("hf upload a/b", ""),
        ("hf upload --private a/b model", ""),
    ],
)
def test_which_folder_is_asked_about_or_uploaded(text: str, folder: str) -> None:
    (found,) = deeds_of(text, PLAIN)
    assert found.folder == folder


@pytest.mark.parametrize(
    ("named", "windows", "shell"),
    [
        ("", False, PLAIN),
        ("", True, None),
        ("bash", True, PIPES),
        ("sh", False, PLAIN),
        ("bash -eo pipefail {0}", False, PIPES),
        ("/bin/bash -e {0}", False, PLAIN),
        ("bash {0}", False, NEITHER),
        ("pwsh", False, None),
        ("python", False, None),
        (" ", False, None),
    ],
)
def test_the_shells_of_github(named: str, windows: bool, shell: Shell | None) -> None:
    assert shell_of(named, windows=windows) == shell


def test_a_shell_that_is_not_read_is_said() -> None:
    asked, upload = deeds_of("hubpolicy verify .\nhf upload acme/tern .", None)
    assert (asked.certain, asked.uploads, upload.uploads) == (False, False, True)
    assert asked.loss


PIECES = ("hubpolicy verify .", "hf upload a b", "||", "&&", "|", "&", ";", "\n", "!", "if", "then",
          "fi", "{", "}", "(", ")", "'", '"', "$(", "`", "<<E", "E", ">", "case", "true", "set +e",
          "exit", "x=$?", "#", "\\", "EXPRESSION", "for", "do", "done", "|&", "set -o")  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from((" ", "")))
def test_any_text_is_read_or_said_to_be_unclear(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    for deed in deeds_of(text, PLAIN):
        assert deed.said
        assert deed.loss or deed.certain
