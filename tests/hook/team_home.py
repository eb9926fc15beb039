# SPDX-License-Identifier: Apache-2.0
"""A home that pinned a team, and evidence by the team's releaser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.cli.world import config, run
from tests.hook.gate_world import ENDPOINT, MODEL, Person, person, sha, sign

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.team_world import Team
    from tests.git.repos import Repo


def pinned(team: Team, home: Path | None = None) -> None:
    """Pin the team as its people tell us to."""
    where = {"HOME": str(home)} if home is not None else {}
    ran = run("trust", "pin", team.folder, "--sha256", team.digest, HF_ENDPOINT=ENDPOINT, **where)
    assert ran.code == 0, ran.err


def own_key(name: str) -> None:
    """Put somebody's private key where ``init`` would."""
    secret = ec.derive_private_key(int(sha(name), 16) >> 1, ec.SECP256R1())
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    place = config("keys", "solo.pem")
    place.parent.mkdir(mode=0o700, exist_ok=True)
    place.touch(mode=0o600)
    place.write_bytes(pem)


def releaser(team: Team) -> Person:
    """Ada, who signs under the team's policy."""
    document = (team.folder / "policy" / f"{team.policy.version}.json").read_bytes()
    return person("ada")._replace(policy_sha256=team.policy.sha256, policy_document=document)


def released(repo: Repo, who: Person) -> str:
    """Commit a model with evidence."""
    repo.write(MODEL)
    repo.git("add", "-A")
    sign(repo.path, who)
    return repo.commit()
