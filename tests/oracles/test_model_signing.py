# SPDX-License-Identifier: Apache-2.0
"""model.sig is in the standard's untouched form: the reference implementation must accept it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core import verify
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.oms import oms_statement
from hubpolicy.domain.manifest import Manifest, is_evidence_path, make_manifest
from hubpolicy.errors import VerificationError
from tests.golden import samples
from tests.oracles.tools import model_signing

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SIGNER = samples.signer("rita")
FILES = {
    "README.md": b"# A card\n",
    "config.json": b"{}",
    "empty": b"",
    "weights/model 1é.safetensors": b"w" * 4096,
    "weights/Z.bin": b"z",
    ".gitattributes": b"*.bin filter=lfs\n",
    ".gitignore": b"x\n",
    ".hidden": b"h",
}


def manifest_of(folder: Path) -> Manifest:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]
    entries = [samples.entry(name, content) for name, content in named]
    return make_manifest([entry for entry in entries if not is_evidence_path(entry.path)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release with model.sig and a line of evidence."""
    model = tmp_path / "wizard-7b"
    for name, content in FILES.items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(content)
    manifest = manifest_of(model)
    (model / "model.sig").write_bytes(make_bundle(oms_statement(manifest, model.name), SIGNER))
    (model / ".hubpolicy" / "approvals").mkdir(parents=True)
    (model / ".hubpolicy" / "release.intoto.jsonl").write_bytes(b"{}\n")
    (tmp_path / "key.pub").write_text(SIGNER.public_pem)
    return model


def reference(folder: Path) -> subprocess.CompletedProcess[str]:
    return model_signing(
        "verify", "key", "--public_key", folder.parent / "key.pub",
        "--signature", folder / "model.sig", folder,
    )  # fmt: skip


def ours(folder: Path) -> bool:
    raw = (folder / "model.sig").read_bytes()
    try:
        verify.verify_model_signature(raw, samples.TRUST, manifest_of(folder), now=samples.NOW)
    except VerificationError:
        return False
    return True


def test_reference_accepts_our_signature_beside_our_evidence(folder: Path) -> None:
    done = reference(folder)
    assert done.returncode == 0, done.stderr
    assert ours(folder)


@pytest.mark.parametrize("change", ["changed", "added", "removed", "added below"])
def test_both_refuse_a_changed_folder(folder: Path, change: str) -> None:
    if change == "changed":
        (folder / "config.json").write_bytes(b"[]")
    elif change == "added":
        (folder / "evil.py").write_bytes(b"")
    elif change == "added below":
        (folder / "weights" / ".git").mkdir()
        (folder / "weights" / ".git" / "x").write_bytes(b"")
    else:
        (folder / "weights" / "Z.bin").unlink()
    assert reference(folder).returncode != 0
    assert not ours(folder)


def test_both_refuse_another_key(folder: Path) -> None:
    (folder.parent / "key.pub").write_text(samples.signer("mallory").public_pem)
    assert reference(folder).returncode != 0
    raw = make_bundle(oms_statement(manifest_of(folder), "x"), samples.signer("mallory"))
    (folder / "model.sig").write_bytes(raw)
    assert reference(folder).returncode == 0
    assert not ours(folder)


def test_we_accept_what_the_reference_signs(folder: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = SIGNER._key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "key.pem").write_bytes(key)
    (folder / "model.sig").unlink()
    done = model_signing(
        "sign", "key", "--private_key", tmp_path / "key.pem",
        "--ignore-paths", folder / ".hubpolicy", "--ignore-paths", folder / "model.sig",
        "--signature", folder / "model.sig", folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ours(folder)
    raw = (folder / "model.sig").read_bytes()
    result = verify.verify_model_signature(raw, samples.TRUST, None, now=samples.NOW)
    assert result.content.name == "wizard-7b"


def test_we_refuse_what_the_reference_would_overlook(folder: Path, tmp_path: Path) -> None:
    """Its verifier obeys any ignore_paths of the signature; ours holds them to a fixed set."""
    from cryptography.hazmat.primitives import serialization

    key = SIGNER._key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "key.pem").write_bytes(key)
    (folder / "model.sig").unlink()
    ignored = [".hubpolicy", "model.sig", "README.md"]
    options = [word for name in ignored for word in ("--ignore-paths", folder / name)]
    done = model_signing(
        "sign", "key", "--private_key", tmp_path / "key.pem", *options,
        "--signature", folder / "model.sig", folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "README.md").write_bytes(b"replaced")
    assert reference(folder).returncode == 0
    files = (folder / "model.sig").read_bytes()
    with pytest.raises(Exception, match="ignore_paths"):
        verify.verify_model_signature(files, samples.TRUST, None, now=samples.NOW)
