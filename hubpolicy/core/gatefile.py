# SPDX-License-Identifier: Apache-2.0
"""``gate.json``: policy and trust compiled into one file that the hook loads in a millisecond.

It stands in the user's configuration folder, outside of what is judged. It is written only after
all signatures of root, policy and state were verified (``flows/founding.py``,
``flows/pinning.py``), and holds their payloads as they were signed, so that digests stay what they
are.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hubpolicy.core.documents import parse_root, parse_state
from hubpolicy.core.fields import Fields
from hubpolicy.core.policy import parse_policy
from hubpolicy.core.strictjson import canonical, parse
from hubpolicy.domain.named import NamedTuple
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy

SCHEMA = "hubpolicy/gate/1"
_HINT = "hubpolicy policy sign compiles it anew"


class GateMeta(NamedTuple):
    """What else the gate needs: where the policy came from, and hub endpoints.

    ``source_sha256``: digest of the user's own policy file. ``pin``: payload digest of the trust
    root that a team's policy was fetched under (``flows/pinning.py``). Exactly one is not empty.
    """

    source_sha256: str
    endpoints: tuple[str, ...]
    pin: str = ""


def load_gate(raw: bytes) -> tuple[Policy, Trust, GateMeta]:
    """Parse ``gate.json``.

    Raises:
        ConfigError: malformed, or policy and state name each other wrongly.

    """
    try:
        fields = Fields(parse(raw, what="gate.json"), "gate.json")
        fields.one_of("schema", (SCHEMA,))
        root, policy, state = (_document(fields, key) for key in ("root", "policy", "state"))
        meta = _meta(fields)
        fields.done()
    except MalformedError as error:
        raise ConfigError(error.message, hint=_HINT) from error
    trust = Trust(parse_root(root), parse_state(state))
    sha256 = hashlib.sha256(policy).hexdigest()
    if trust.state.policy_sha256 != sha256:
        message = f"got policy {sha256}, expected {trust.state.policy_sha256}, in gate.json"
        raise ConfigError(message, hint=_HINT)
    return parse_policy(policy), trust, meta


def _meta(fields: Fields) -> GateMeta:
    endpoints = fields.texts("endpoints")
    if fields.has("pin"):
        return GateMeta("", endpoints, fields.hexdigest("pin"))
    return GateMeta(fields.hexdigest("sourceSha256"), endpoints)


def _document(fields: Fields, name: str) -> bytes:
    """A signed payload. Any length: a root of a team, or many revocations, take some."""
    value = fields.raw(name)
    if not isinstance(value, str):
        fields.refuse(name, "a JSON document as text")
    return value.encode()


def make_gate(root: bytes, policy: bytes, state: bytes, meta: GateMeta) -> bytes:
    """The file's bytes from three payloads whose signatures the caller has verified."""
    raw = canonical(
        {
            "schema": SCHEMA,
            "root": root.decode(),
            "policy": policy.decode(),
            "state": state.decode(),
            "endpoints": list(meta.endpoints),
            **({"pin": meta.pin} if meta.pin else {"sourceSha256": meta.source_sha256}),
        }
    )
    load_gate(raw)
    return raw
