# SPDX-License-Identifier: Apache-2.0
"""Somebody who releases for a generated organisation: keys, policies of several times, evidence.

Everything is signed for real and made in memory; nothing is run, and no clock is asked but once.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.core import statements
from hubpolicy.core.baseline import BASELINE_TYPE, Adopted, Baseline, Revision, baseline_payload
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.documents import (
    POLICY_TYPE,
    ROOT_TYPE,
    STATE_TYPE,
    make_document,
    root_payload,
    state_payload,
)
from hubpolicy.core.evidence_files import policy_path
from hubpolicy.core.gatefile import GateMeta
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.policy import policy_payload
from hubpolicy.core.predicates import VERIFIER_ID
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.manifest import MODEL_SIGNATURE, Entry, git_blob_id, make_manifest
from hubpolicy.domain.policy import RuleSetting
from hubpolicy.domain.statement import CardResult, ReleaseSummary, Waiver
from hubpolicy.domain.trust import Key, Role, State, TrustRoot
from hubpolicy.flows.founding import SOLO_ROLES, compile_gate
from tests.hook.gate_world import CARD_RULES, CARD_SCHEMA, POLICY, person, sha, toxicity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubpolicy.adapters.signers.file import FileSigner
    from hubpolicy.domain.release import RepoId

WHO = "ada"
SOURCE = "hubpolicy.toml"
AGO, AHEAD = 20, 20
"""Days: how long ago everything was released, and until when what is lent still counts."""
_CARD = CardResult("baseline", CARD_SCHEMA, CARD_RULES, (), ())
_APART = frozenset({"README.md", ".gitattributes"})


class Law(NamedTuple):
    """A policy as it was signed."""

    payload: bytes
    document: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()


class Signatory:
    """One person, solo, with the key of today and one that is revoked."""

    def __init__(self, endpoint: str, *, now: datetime | None = None) -> None:
        self.endpoint = endpoint
        self.moment = (now or datetime.now(UTC)).replace(microsecond=0)
        self.key = person(WHO).signer
        self.stolen_key = person("thief").signer
        self.released = self.day(-AGO) + "T03:04:05Z"

    def day(self, days: int) -> str:
        """The date so many days from now."""
        return (self.moment + timedelta(days=days)).date().isoformat()

    def when(self, hours: int = 0) -> int:
        """Seconds since the epoch: when things were committed."""
        return int((self.moment - timedelta(days=AGO)).timestamp()) + 3600 * hours

    @cached_property
    def current(self) -> Law:
        """The policy in force. A toxic run can be waived under it."""
        return self._law(3, rules=(RuleSetting("HP203", Severity.ERROR, True),))

    @cached_property
    def laxer(self) -> Law:
        """The one before, under which four times as much passed."""
        suites = tuple(s._replace(upper_bound_max="0.2") for s in POLICY.toxicity.suites)
        return self._law(2, toxicity=POLICY.toxicity._replace(suites=suites))

    @cached_property
    def ended_since(self) -> Law:
        """One that was in force when things were released, and ended."""
        return self._law(1, expires=self.day(-AGO // 2))

    @cached_property
    def ended_before(self) -> Law:
        """One that had ended by then."""
        return self._law(1, expires=self.day(-2 * AGO))

    @cached_property
    def foreign(self) -> Law:
        """One that somebody else signed."""
        return self._law(4, signer=person("mallory").signer)

    def _law(self, version: int, *, signer: FileSigner | None = None, **changes: Any) -> Law:
        payload = canonical(policy_payload(POLICY._replace(version=version, **changes)))
        return Law(payload, make_document(payload, POLICY_TYPE, (signer or self.key,)))

    def evidence(
        self,
        files: Mapping[str, bytes],
        repo: RepoId,
        *,
        law: Law | None = None,
        key: FileSigner | None = None,
        hits: int = 0,
        waived: str = "",
        released: bool = True,
    ) -> dict[str, bytes]:
        """Path to content of all that stands beside these files when they are released.

        ``waived``: the day until which the toxic run is forgiven. Without ``released`` nobody
        signed the release line: there is a card check and a run.
        """
        who, under = key or self.key, law or self.current
        entries = {path: _entry(path, content) for path, content in files.items()}
        whole = make_manifest([*entries.values()])
        closure = [entry for path, entry in entries.items() if path not in _APART]
        run = toxicity(hits)._replace(finished_on=self.released)
        lines = [
            statements.card_statement(_CARD, entries["README.md"], whole, tool_version="0.1.0"),
            statements.toxicity_statement(run, closure),
        ]
        if waived:
            waiver = Waiver("HP203", WHO, "known and harmless", waived)
            lines.append(statements.waiver_statement(waiver, whole))
        signature = oms_statement(whole, repo.name)
        if released:
            named = [*((RELEASE_FILE, line) for line in lines), (MODEL_SIGNATURE, signature)]
            inputs = tuple(sorted((n, hashlib.sha256(p).hexdigest()) for n, p in named))
            summary = ReleaseSummary(
                VERIFIER_ID, "0.1.0", repo.purl, under.sha256, self.released,
                tuple(digest for _, digest in inputs), "PASSED",
            )  # fmt: skip
            lines.append(statements.release_statement(summary, whole, inputs=inputs))
        return {
            RELEASE_FILE: b"".join(make_bundle(line, who).rstrip(b"\n") + b"\n" for line in lines),
            MODEL_SIGNATURE: make_bundle(signature, who),
            **({policy_path(under.sha256): under.document} if released else {}),
        }

    def install(
        self,
        home: Path,
        *,
        files: frozenset[str] = frozenset(),
        payloads: frozenset[str] = frozenset(),
        adopted: tuple[tuple[RepoId, str, str], ...] = (),
    ) -> None:
        """Put into a home what judges: the gate with its revocations, and what was adopted.

        ``adopted``: repository, commit id, last day.
        """
        keys = tuple(Key(k.keyid, k.public_pem, WHO) for k in (self.key, self.stolen_key))
        roles = tuple(Role(name, frozenset({WHO}), 1) for name in SOLO_ROLES)
        root = TrustRoot(1, POLICY.expires, True, keys, roles, "")
        state = State(
            1, f"{POLICY.expires}T23:59:59Z", 3, self.current.sha256,
            frozenset({self.stolen_key.keyid}), payloads, files,
        )  # fmt: skip
        founded = compile_gate(
            make_document(root_payload(root), ROOT_TYPE, (self.key,)), self.current.document,
            make_document(state_payload(state), STATE_TYPE, (self.key,)),
            GateMeta(sha(SOURCE), (self.endpoint,)), f"{self.moment:%Y-%m-%dT%H:%M:%SZ}",
        )  # fmt: skip
        folder = home / ".config" / "hubpolicy"
        (folder / "trust").mkdir(parents=True)
        (folder / "gate.json").write_bytes(founded.gate)
        (folder / SOURCE).write_text(SOURCE)
        entries = tuple(
            Adopted(repo.purl, self.released, until, (Revision(oid, ("refs/heads/main",)),))
            for repo, oid, until in adopted
        )
        if entries:
            listed = baseline_payload(Baseline(1, tuple(sorted(entries))))
            document = make_document(listed, BASELINE_TYPE, (self.key,))
            (folder / "trust" / "baseline.json").write_bytes(document)


def _entry(path: str, content: bytes) -> Entry:
    return Entry(path, len(content), hashlib.sha256(content).hexdigest(), git_blob_id(content))
