# SPDX-License-Identifier: Apache-2.0
"""Three people with a home and a key each, and the trust folder that they share."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.adapters.home import Home
from hubpolicy.adapters.signers.file import FileSigner, open_key
from hubpolicy.adapters.trust_folder import read_trust_folder, save
from hubpolicy.cli.wiring import KEY_FILE
from hubpolicy.core.documents import (
    ROOT_TYPE,
    STATE_TYPE,
    open_document,
    parse_root,
    parse_state,
    root_payload,
    state_payload,
)
from hubpolicy.core.pending import TYPES, Pending, parse_pending, propose, signed_by
from hubpolicy.core.trust_folder import TrustFolder, put
from tests.cli.world import Ran, run

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.trust import State, TrustRoot

PEOPLE = ("ada", "bob", "cleo")
LATER = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 40 * 86400))
"""When every state that is made here has ended."""


class Team(NamedTuple):
    """Homes by name, and a folder that everybody can write to."""

    homes: Path
    folder: Path

    def run(self, who: str, *arguments: str | Path, stdin: str = "", **environment: str) -> Ran:
        """``hubpolicy ARGUMENTS`` on the machine of one of them."""
        return run(*arguments, stdin=stdin, HOME=str(self.homes / who), **environment)

    def trust(self, who: str, verb: str, *arguments: str | Path) -> Ran:
        """``hubpolicy trust VERB DIR …``."""
        return self.run(who, "trust", *verb.split(), self.folder, *arguments)

    def sign(self, *people: str) -> Ran:
        """Each signs what is pending, without being asked."""
        return [self.trust(who, "sign", "--yes") for who in people][-1]

    def public_key(self, who: str) -> Path:
        """Where ``trust key`` put it."""
        return self.homes / who / ".config" / "hubpolicy" / "keys" / "solo.pub.pem"

    def signer(self, who: str) -> FileSigner:
        """Their private key."""
        home = Home(str(self.homes / who / ".config" / "hubpolicy"), "")
        return open_key(home.path(*KEY_FILE))

    def join(self, who: str) -> str:
        """Somebody makes a key; its id."""
        ran = self.run(who, "trust", "key", "--no-passphrase")
        assert ran.code == 0, ran
        return self.signer(who).keyid

    def show(self) -> dict[str, Any]:
        """``trust show --format json``."""
        return self.trust("ada", "show", "--format", "json").document

    def files(self) -> set[str]:
        """The documents that lie there."""
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*.json")}
        assert not list(self.folder.rglob(".*.json*"))
        return found

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Edit a source."""
        text = (self.folder / name).read_text()
        for old, new in changes:
            assert old in text, f"{old!r} in {text}"
            text = text.replace(old, new)
        (self.folder / name).write_text(text)

    def value(self) -> TrustFolder:
        """The folder as it lies there."""
        return read_trust_folder(self.folder)

    def state(self) -> State:
        """The published state."""
        raw = (self.folder / "state.json").read_bytes()
        return parse_state(open_document(raw, STATE_TYPE, where="x").payload)

    def root(self, version: int = 1) -> TrustRoot:
        """A published root."""
        raw = (self.folder / "root" / f"{version}.json").read_bytes()
        return parse_root(open_document(raw, ROOT_TYPE, where="x").payload)

    def plant(self, kind: str, payload: bytes, *people: str) -> Pending:
        """Put a pending document there by hand, signed by these."""
        pending = propose(kind, payload)
        for who in people:
            pending = signed_by(pending, self.signer(who))
        before = self.value()
        save(self.folder, before, put(before, pending))
        return pending

    def plant_state(self, *people: str, **changes: Any) -> Pending:
        """A pending state that differs from the next one in these fields."""
        state = self.state()
        fields = {"version": state.version + 1, **changes}
        return self.plant("state", state_payload(state._replace(**fields)), *people)

    def plant_root(self, *people: str, previous: str = "", **changes: Any) -> Pending:
        """A pending root that differs from the next one in these fields."""
        root = self.root()
        fields = {"version": root.version + 1, **changes}
        payload = root_payload(root._replace(**fields), previous=previous or root.sha256)
        return self.plant("root", payload, *people)


def pending_file(folder: Path, name: str) -> Pending:
    """One pending document, read back."""
    kind = name.partition("-")[0]
    assert kind in TYPES
    return parse_pending(kind, (folder / "pending" / name).read_bytes(), where=name)


def found_team(base: Path, *options: str) -> Team:
    """Three keys and ``trust init --team``; nothing is signed yet."""
    team = Team(base / "homes", base / "trust")
    for who in PEOPLE:
        team.join(who)
    principals = [f"--principal={who}={team.public_key(who)}" for who in PEOPLE]
    ran = team.run("ada", "trust", "init", "--team", team.folder, "--namespace", "acme",
                   "--plan", "demo", *principals, *options)  # fmt: skip
    assert ran.code == 0, ran
    return team


def copied(team: Team, base: Path) -> Team:
    """The same people and folder elsewhere, so that a test may change them."""
    shutil.copytree(team.homes, base / "homes")
    shutil.copytree(team.folder, base / "trust")
    return Team(base / "homes", base / "trust")


def digest(raw: bytes) -> str:
    """Payload digest of an envelope, as anybody would take it."""
    import base64

    return hashlib.sha256(base64.b64decode(json.loads(raw)["payload"])).hexdigest()
