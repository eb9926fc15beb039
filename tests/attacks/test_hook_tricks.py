# SPDX-License-Identifier: Apache-2.0
"""Whoever writes the commits, the git configuration and the environment, without a key."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from hubpolicy.cli.options import endpoint
from hubpolicy.core.evidence_files import unpack_records
from hubpolicy.core.filetypes import declares_remote_code
from hubpolicy.core.remotes import target_of
from hubpolicy.errors import ConfigError, MalformedError
from tests.git.repos import ZERO, Repo, init, isolate, pointer
from tests.hook.gate_world import ENDPOINT, MODEL, person, sign
from tests.hook.hooked import Pushed, install, push

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hf_SECRET"
EVIL = MODEL["model.safetensors"][:-4] + b"EVIL"
RECORDS = f".hubpolicy/evidence/{'a' * 64}.jsonl.gz"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    isolate(monkeypatch, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def hooked(tmp_path: Path, home: Path) -> Repo:
    init(tmp_path / "remote.git", "--bare")
    made = init(tmp_path / "repo")
    made.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    person().install(home)
    install(made)
    return made


def attested(repo: Repo) -> None:
    repo.write(MODEL)
    repo.git("add", "-A")
    sign(repo.path, person())
    repo.commit()


def run_hook(repo: Repo, url: str, **environment: str) -> Pushed:
    """The installed hook, as git calls it; a hang fails the test."""
    tip = repo.git("rev-parse", "HEAD").strip()
    done = subprocess.run(
        [str(repo.path / ".git" / "hooks" / "pre-push"), "origin", url],
        cwd=repo.path,
        input=f"refs/heads/main {tip} refs/heads/main {ZERO}\n".encode(),
        capture_output=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    return Pushed(done.returncode, done.stderr.decode())


def test_weights_in_history_do_not_hide_behind_a_second_path(hooked: Repo) -> None:
    # git names a blob by one of its paths only, and ".hubpolicy" sorts before "adapter_model".
    hooked.commit({"adapter_model.safetensors": EVIL, RECORDS: EVIL})
    hooked.git("rm", "-rq", ".")
    attested(hooked)
    pushed = push(hooked, "origin", "main")
    assert pushed.code != 0
    assert "HP601" in pushed.said


def test_pointers_in_history_do_not_either(hooked: Repo) -> None:
    hooked.commit({"adapter_model.safetensors": pointer(EVIL), RECORDS: pointer(EVIL)})
    hooked.git("rm", "-rq", ".")
    attested(hooked)
    assert "HP601" in push(hooked, "origin", "main").said


def test_a_policy_file_carries_nothing_in_its_signatures(hooked: Repo) -> None:
    attested(hooked)
    (policy,) = (hooked.path / ".hubpolicy" / "policy").glob("*.json")
    envelope = json.loads(policy.read_bytes())
    envelope["signatures"].append({"keyid": "", "sig": base64.b64encode(EVIL).decode()})
    policy.write_text(json.dumps(envelope))
    hooked.commit()
    assert "HP412" in push(hooked, "origin", "main").said


def test_records_carry_nothing_in_their_gzip_header() -> None:
    packed = gzip.compress(b"{}\n", mtime=0)
    assert unpack_records(packed, where="records") == b"{}\n"
    named = packed[:3] + b"\x08" + packed[4:10] + b"EVIL\0" + packed[10:]
    assert gzip.decompress(named) == b"{}\n"
    with pytest.raises(MalformedError, match="fields of its own"):
        unpack_records(named, where="records")


def test_history_that_only_the_hook_is_not_shown(hooked: Repo) -> None:
    hooked.commit({"adapter_model.safetensors": EVIL})
    hooked.git("rm", "-rq", ".")
    attested(hooked)
    (hooked.path / ".git" / "shallow").write_text(hooked.git("rev-parse", "HEAD"))
    pushed = push(hooked, "origin", "main", GIT_SHALLOW_FILE="")
    assert pushed.code != 0
    assert "HP601" in pushed.said


def test_a_token_in_the_address_that_was_typed_is_not_printed(hooked: Repo, tmp_path: Path) -> None:
    hooked.commit(MODEL)
    typed = f"https://ada:{SECRET}@hub.example/acme/wizard"
    hooked.git("config", f"url.{tmp_path}/remote.git.insteadOf", typed)
    pushed = push(hooked, typed, "main")
    assert pushed.code != 0
    assert SECRET not in pushed.said


def test_a_password_in_the_hubs_address_is_not_printed(hooked: Repo) -> None:
    attested(hooked)
    url = "http://127.0.0.1:9/acme/wizard"
    done = run_hook(hooked, url, HF_ENDPOINT=f"http://ada:{SECRET}@127.0.0.1:9/")
    assert "HP307" in done.said
    assert SECRET not in done.said


@pytest.mark.parametrize(
    "url",
    [
        f"{ENDPOINT}/acme/other",
        f"{ENDPOINT.replace('1:', '%31:')}/acme/other",
        f"{ENDPOINT.replace(':8931', ':08931')}/acme/other",
        "https://hugging%66ace.co/acme/other",
        "https://HUGGING%46ACE.CO/acme/other",
        "https://ｈuggingface.co/acme/other",
        "https://huggingface。co/acme/other",
    ],
)
def test_no_spelling_of_a_hub_is_another_place(url: str) -> None:
    target = target_of(url, (ENDPOINT,))
    assert target is not None
    assert target.text == "acme/other"


def test_a_pipe_in_the_place_of_an_lfs_object_does_not_hold_the_push(
    hooked: Repo, tmp_path: Path
) -> None:
    hooked.commit({"README.md": b"x", "x.dat": pointer(b"hello")})
    oid = hashlib.sha256(b"hello").hexdigest()
    folder = hooked.path / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4]
    folder.mkdir(parents=True)
    os.mkfifo(folder / oid)
    assert run_hook(hooked, str(tmp_path / "remote.git")).code != 0


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_configuration_fetches_no_kernels(key: str) -> None:
    config = {"model_type": "llama", "text_config": {key: "mallory/kernel"}}
    assert declares_remote_code(json.dumps(config).encode()) == (f"{key} -> mallory/kernel",)
    assert declares_remote_code(json.dumps({key: "sdpa"}).encode()) == ()


def test_a_password_in_the_hubs_address_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"https://ada:{SECRET}@hub.example")
    with pytest.raises(ConfigError) as error:
        endpoint()
    assert SECRET not in f"{error.value.message} {error.value.hint}"
