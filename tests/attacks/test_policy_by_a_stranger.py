# SPDX-License-Identifier: Apache-2.0
"""A policy file whose payload is the right one and whose only signature is somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.signers.file import FileSigner
from hubpolicy.core.documents import POLICY_TYPE, make_document, open_document
from hubpolicy.core.evidence_files import policy_path
from hubpolicy.core.gatefile import load_gate
from hubpolicy.core.judge import judge
from hubpolicy.flows.assemble import assemble
from tests.hook.gate_world import MADE, MODEL, TARGET, person, sign

if TYPE_CHECKING:
    from pathlib import Path


def test_a_policy_signed_by_a_stranger_alone_blocks(tmp_path: Path) -> None:
    for name, content in MODEL.items():
        (tmp_path / name).write_bytes(content)
    who = person()
    sign(tmp_path, who)
    policy, trust, _ = load_gate(who.gate)
    honest = assemble(FolderRelease(tmp_path), TARGET, policy, trust, MADE)
    path = tmp_path / policy_path(policy.sha256)
    payload = open_document(path.read_bytes(), POLICY_TYPE, where="policy").payload
    stranger = FileSigner(ec.generate_private_key(ec.SECP256R1()))

    path.write_bytes(make_document(payload, POLICY_TYPE, (stranger,)))
    changed = assemble(FolderRelease(tmp_path), TARGET, policy, trust, MADE)

    assert not [f for f in judge(honest).findings if f.rule == "HP412"]
    assert [f.rule for f in judge(changed).findings if f.rule == "HP412"] == ["HP412"]
