# SPDX-License-Identifier: Apache-2.0
"""``gate.json``: three signed payloads in one file, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubpolicy.core.documents import root_payload, state_payload
from hubpolicy.core.gatefile import GateMeta, load_gate, make_gate
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.errors import ConfigError
from tests.golden.samples import ROOT, STATE, key, sha
from tests.unit.core.release_world import POLICY

META = GateMeta(sha("hubpolicy.toml"), ("http://127.0.0.1:8931",))
POLICY_BYTES = canonical(policy_payload(POLICY))
HERE = STATE._replace(policy_sha256=POLICY.sha256)
GATE = make_gate(root_payload(ROOT), POLICY_BYTES, state_payload(HERE), META)


def changed(**fields: object) -> bytes:
    """The file with other fields; one that is None is dropped."""
    value: dict[str, Any] = {**json.loads(GATE), **fields}
    return json.dumps({k: v for k, v in value.items() if v is not None}).encode()


def test_what_was_compiled_comes_out() -> None:
    policy, trust, meta = load_gate(GATE)
    assert (policy, meta) == (POLICY, META)
    assert trust.state == HERE
    assert trust.root.keys == ROOT.keys


def test_policy_and_state_must_name_each_other() -> None:
    for state in (STATE, HERE._replace(policy_sha256=sha("older"))):
        with pytest.raises(ConfigError, match="got policy") as raised:
            make_gate(root_payload(ROOT), POLICY_BYTES, state_payload(state), META)
        assert raised.value.hint


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        GATE[:-1],
        GATE + b"\n{}",
        GATE.replace(b'"schema"', b'"schema":"hubpolicy/gate/1","schema"'),
        changed(schema="hubpolicy/gate/2"),
        changed(extra=1),
        changed(policy=None),
        changed(policy={}),
        changed(policy=""),
        changed(policy=POLICY_BYTES.decode().replace('"version":7', '"version":8')),
        changed(root=""),
        changed(root=root_payload(ROOT).decode()[:-1]),
        changed(state="{}"),
        changed(sourceSha256="x"),
        changed(endpoints="http://127.0.0.1"),
        changed(endpoints=[1]),
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        load_gate(raw)


def test_documents_may_be_long() -> None:
    """A field limit of 4096 characters once made the 40th revocation impossible."""
    revoked = HERE._replace(revoked_files=frozenset(sha(str(i)) for i in range(5000)))
    keys = tuple(key(f"extra-{i}", "olga") for i in range(40))
    root = ROOT._replace(keys=(*ROOT.keys, *keys))
    gate = make_gate(root_payload(root), POLICY_BYTES, state_payload(revoked), META)
    _, trust, _ = load_gate(gate)
    assert len(trust.state.revoked_files) == 5000
    assert len(trust.root.keys) == len(ROOT.keys) + 40
