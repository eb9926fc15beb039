# SPDX-License-Identifier: Apache-2.0
"""The command line in this process, a home that ``init`` made, and a small model to publish."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.evidence_folder import EvidenceFolder
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.signers.file import FileSigner, open_key
from hubpolicy.adapters.trusted import open_trusted
from hubpolicy.cli.main import main
from hubpolicy.cli.wiring import KEY_FILE, POLICY_DOCUMENT, ROOT_DOCUMENT, desk, seat
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.documents import (
    POLICY_TYPE,
    ROOT_TYPE,
    STATE_TYPE,
    make_document,
    root_payload,
    state_payload,
)
from hubpolicy.core.gatefile import load_gate
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.statements import toxicity_statement
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.statement import (
    Canaries,
    RecordsPin,
    ScorerPin,
    ToxicityResult,
)
from hubpolicy.domain.trust import Key, Role
from hubpolicy.flows.attesting import add_run
from hubpolicy.flows.founding import compile_gate
from tests.golden.samples import sha, signer
from tests.unit.core.card.cards import with_metadata
from tests.unit.core.plan_values import covering

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

REPO = "acme/tern"
MODEL = {
    "README.md": with_metadata().encode(),
    "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
    "model.safetensors": b"\x10\0\0\0\0\0\0\0" + b'{"a": {}}       ' + b"weights" * 100,
    "tokenizer.json": b"{}",
}
CLOSURE = ("config.json", "model.safetensors", "tokenizer.json",
           "adapter_config.json", "adapter_model.safetensors", "base_config.json")  # fmt: skip


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it said."""
        return self.out + self.err

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def rules(self) -> set[str]:
        """Rule ids of the errors in a JSON report."""
        return {f["rule"] for f in self.document["findings"] if f["severity"] == "error"}


def run(*arguments: str | Path, stdin: str = "", **environment: str) -> Ran:
    """``hubpolicy ARGUMENTS`` as the console script runs it."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    reader = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    with (
        mock.patch.object(sys, "stdin", reader),
        mock.patch.dict("os.environ", environment),
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
        pytest.raises(SystemExit) as ending,
    ):
        main([str(argument) for argument in arguments])
    said = []
    for stream in streams:
        stream.flush()
        said.append(stream.buffer.getvalue().decode())
    assert "Traceback" not in said[1]
    assert isinstance(ending.value.code, int)
    return Ran(ending.value.code, *said)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, byte for byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def config(*parts: str) -> Path:
    """A file of the user's configuration."""
    return Path(user_home().path(*parts))


def add_to_policy(text: str, *, old: str = "") -> None:
    """Edit hubpolicy.toml: replace ``old``, or append."""
    path = config("hubpolicy.toml")
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, text, 1) if old else before + text)


def observing(text: str, *, days: int) -> str:
    """The policy file in mode observe, until so many days from now."""
    until = (datetime.now(tz=UTC) + timedelta(days=days)).date()
    assert 'mode = "enforce"' in text
    return text.replace('mode = "enforce"', f'mode = "observe"\nobserve_until = {until}', 1)


def result_for(policy: Policy, *, hits: int = 0) -> ToxicityResult:
    """Counts of a run that covers the policy; ``hits`` prompts of every suite are toxic."""
    asked = policy.toxicity
    suites = covering(asked.suites, hits)
    return ToxicityResult(
        plan=asked.plan,
        plan_sha256=asked.plan_sha256,
        opens_gate=True,
        scorer=ScorerPin("hubpolicy-screen-en", "screen", min(asked.scorers), "int8"),
        generator="onnx",
        binding_level=4,
        suites=suites,
        canaries=Canaries(asked.canaries.sha256, 40, 40, 40, 0),
        records=RecordsPin(sha("records"), sha("root"), sum(s.samples for s in suites)),
        ledger_head=sha("ledger"),
        attempts=1,
        seed=sha("seed"),
        finished_on=SystemClock().now(),
    )


def sign_run(folder: Path, *, hits: int = 0, key: str = "") -> None:
    """Sign counts about the folder, as ``hubpolicy test`` does once the model was run."""
    place = seat()
    reader = FolderRelease(str(folder))
    closure = [entry for entry in reader.manifest.entries if entry.path in CLOSURE]
    payload = toxicity_statement(result_for(place.policy, hits=hits), closure)
    files = reader.evidence_files()
    add_run(files, EvidenceFolder(folder), desk(place, key), payload, None)


def released(folder: Path) -> Path:
    """The folder with all evidence that a release takes."""
    sign_run(folder)
    ran = run("attest", folder, "--repo", REPO)
    assert ran.code == 0, ran
    return folder


def append_line(folder: Path, bundle: bytes) -> None:
    """One more line of evidence."""
    path = folder / RELEASE_FILE
    path.parent.mkdir(exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    path.write_bytes(before + bundle.rstrip(b"\n") + b"\n")


def bundle_by(name: str, payload: bytes) -> bytes:
    """The payload signed by a stranger."""
    return make_bundle(payload, signer(name))


def resign(**changes: object) -> None:
    """Compile a policy that no file can resolve to: an expired one, say, or one for a team."""
    home = user_home()
    trusted = open_trusted(home)
    mine = own_key()
    root = trusted.trust.root
    people = changes.pop("people", None)
    if isinstance(people, dict):
        keys = tuple(Key(signer(who).keyid, signer(who).public_pem, who) for who in sorted(people))
        roles = tuple(
            Role(
                role.name,
                role.principals | {who for who, held in people.items() if role.name in held},
                role.threshold,
            )
            for role in root.roles
        )
        root = root._replace(keys=(*root.keys, *keys), roles=roles, solo=False)
    edit = changes.pop("root", None)
    root = edit(root) if callable(edit) else root
    policy = canonical(policy_payload(trusted.policy._replace(**changes)))  # type: ignore[arg-type]
    state = trusted.trust.state._replace(policy_sha256=hashlib.sha256(policy).hexdigest())
    documents = (
        make_document(root_payload(root), ROOT_TYPE, (mine,)),
        make_document(policy, POLICY_TYPE, (mine,)),
        make_document(state_payload(state), STATE_TYPE, (mine,)),
    )
    founded = compile_gate(*documents, trusted.meta, SystemClock().now())
    config(*ROOT_DOCUMENT).write_bytes(founded.root)
    config(*POLICY_DOCUMENT).write_bytes(founded.policy)
    config("gate.json").write_bytes(founded.gate)
    load_gate(founded.gate)


def own_key() -> FileSigner:
    """The key that init made."""
    return open_key(str(config(*KEY_FILE)))
