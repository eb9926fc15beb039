"""The hub as a process: it says when it is ready, keeps its state on disk, and ends when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from hubpolicy.demo.hub.process import HubProcess
from tests.hub.world import PROJECT, TOKENS, ask, leave_out

if TYPE_CHECKING:
    from pathlib import Path


def launch(root: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "hubpolicy.demo.hub", "--root", str(root), *options]
    env = os.environ | {"PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["endpoint"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, "stdin"])
def test_it_ends_when_told_to(tmp_path: Path, how: signal.Signals | str) -> None:
    process, endpoint = launch(tmp_path, "--exit-with-parent")
    assert endpoint.startswith("http://127.0.0.1:")
    if isinstance(how, signal.Signals):
        process.send_signal(how)
    _, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    with pytest.raises(URLError):
        urlopen(endpoint, timeout=2)


def test_without_tokens_there_are_only_public_reads(tmp_path: Path) -> None:
    process, endpoint = launch(tmp_path)
    try:
        assert ask(f"{endpoint}/api/models", token=None).json == []
        assert ask(f"{endpoint}/api/whoami-v2").status == 401
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    body = {"name": "m", "organization": "acme", "visibility": "private"}
    talk = {"title": "t", "description": "d", "pullRequest": True}
    with HubProcess(tmp_path, TOKENS) as hub:
        api = f"{hub.endpoint}/api/models/acme/m"
        ask(f"{hub.endpoint}/api/repos/create", "POST", body=body)
        ask(f"{api}/discussions", "POST", body=talk)
        before = [
            ask(f"{api}{rest}").json for rest in ("", "/refs?include_prs=1", "/discussions/1")
        ]
    with HubProcess(tmp_path) as hub:
        api = f"{hub.endpoint}/api/models/acme/m"
        after = [ask(f"{api}{rest}").json for rest in ("", "/refs?include_prs=1", "/discussions/1")]
        assert ask(api, token="hf_bob").status == 404
    assert after == before
    assert (tmp_path / "repos" / "models" / "acme" / "m.git" / "HEAD").exists()


def test_tokens_can_be_revoked_while_it_runs(tmp_path: Path) -> None:
    with HubProcess(tmp_path, TOKENS) as hub:
        address = f"{hub.endpoint}/api/whoami-v2"
        assert ask(address).status == 200
        hub.allow({})
        assert ask(address).status == 401


def test_a_hub_that_cannot_start_says_so(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "first", TOKENS) as hub:
        port = int(hub.endpoint.rpartition(":")[2])
        second = HubProcess(tmp_path / "second", TOKENS, port=port)
        with pytest.raises(RuntimeError, match="did not start"):
            second.start()


def test_it_imports_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; import hubpolicy.demo.hub.server, hubpolicy.demo.hub.process, "
        "hubpolicy.demo.hub.pre_receive; print(*(m for m in sys.modules))"
    )
    env = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, env=env, check=True
    )
    foreign = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    assert foreign <= {"__main__", "hubpolicy"}
    own = {name for name in done.stdout.split() if name.startswith("hubpolicy.")}
    assert all(name.startswith("hubpolicy.demo") for name in own)


def test_a_missing_tool_is_named_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="left out: git-lfs"):
        leave_out("git-lfs")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have it: git-lfs"):
        leave_out("git-lfs")
