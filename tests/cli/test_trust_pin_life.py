# SPDX-License-Identifier: Apache-2.0
"""A pin in daily life: documents by the real commands, a certificate, a full disk, a baseline."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.trusted import open_trusted
from hubpolicy.core.baseline import BASELINE_TYPE, Adopted, Baseline, Revision, baseline_payload
from hubpolicy.domain.release import RepoId
from tests.cli.world import config, contents, run
from tests.flows.team_world import NOW, Team, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITTEN = (
    "trust/root/1.json", "trust/root/2.json", "trust/root.json", "trust/policy.json",
    "trust/state.json", "trust/pin.json", "gate.json",
)  # fmt: skip


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "trust")


def pin(team: Team, digest: str = "") -> int:
    return run("trust", "pin", team.folder, "--sha256", digest or team.digest).code


# Nothing is half done ------------------------------------------------------------------------


@pytest.mark.parametrize("stuck", WRITTEN)
def test_a_disk_that_fails_in_the_middle_leaves_the_old_gate(team: Team, stuck: str) -> None:
    """Whichever file cannot be written: what judges is the old trust or the new, whole."""
    pin(team)
    old, told = config("gate.json").read_bytes(), team.digest
    team.rotate()
    team.publish_policy(version=2)
    team.publish_state()
    place = config(*stuck.split("/"))
    place.unlink(missing_ok=True)
    place.mkdir(parents=True)
    (place / "in the way").touch()
    ran = run("trust", "update")
    assert ran.code in {1, 2}
    if stuck != "gate.json":
        assert config("gate.json").read_bytes() == old
        assert open_trusted(user_home()).trust.state.version == 1
    (place / "in the way").unlink()
    place.rmdir()
    ran = run("trust", "update")
    if ran.code:  # the record of the pin is nowhere else: people have it
        assert stuck == "trust/pin.json"
        assert pin(team, told) == 0
    assert open_trusted(user_home()).trust.state.version == 2
    assert contents(config("trust"))["root/2.json"] == contents(team.folder)["root/2.json"]


def test_the_memory_comes_first(team: Team) -> None:
    """No gate may stand that is not remembered."""
    pin(team)
    old = config("gate.json").read_bytes()
    team.publish_state()
    file = Path(user_home().state) / "trust-seen.json"
    kept = file.read_bytes()
    file.unlink()
    file.mkdir()
    assert run("trust", "update").code in {1, 2}
    assert config("gate.json").read_bytes() == old
    file.rmdir()
    file.write_bytes(kept)
    assert run("trust", "update").code == 0


# What was adopted ----------------------------------------------------------------------------


def baseline(team: Team, version: int, *who: str) -> None:
    entry = Adopted(
        RepoId("acme", "old").purl, NOW, "2027-06-30", (Revision("a" * 40, ("refs/heads/main",)),)
    )
    payload = baseline_payload(Baseline(version, (entry,)))
    team.put("baseline.json", signed(payload, BASELINE_TYPE, who or ("robot",)))


def test_a_baseline_comes_along_and_only_a_newer_one_replaces_it(team: Team) -> None:
    baseline(team, 3)
    pin(team)
    here = config("trust", "baseline.json")
    first = here.read_bytes()
    assert first == (team.folder / "baseline.json").read_bytes()
    baseline(team, 2)
    assert run("trust", "update").code == 0
    assert here.read_bytes() == first
    baseline(team, 4)
    assert run("trust", "update").code == 0
    assert here.read_bytes() == (team.folder / "baseline.json").read_bytes()
    here.write_bytes(b"{}")
    assert run("trust", "update").code == 0
    assert here.read_bytes() == (team.folder / "baseline.json").read_bytes()
    (team.folder / "baseline.json").unlink()
    assert run("trust", "update").code == 0
    assert here.exists()


@pytest.mark.parametrize("bad", [b"{}", b"<html>", None])
def test_a_baseline_that_does_not_hold_keeps_no_revocation_away(
    team: Team, bad: bytes | None
) -> None:
    pin(team)
    if bad is None:
        baseline(team, 1, "mallory")
    else:
        team.put("baseline.json", bad)
    team.publish_state()
    ran = run("trust", "update")
    assert ran.code == 0
    assert "the baseline is not taken over" in ran.err
    assert not config("trust", "baseline.json").exists()
    assert open_trusted(user_home()).trust.state.version == 2


# A certificate -------------------------------------------------------------------------------


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def https(team: Team, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The folder behind TLS with a certificate that nobody here trusts; the certificate."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    private = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(private + made.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(team.folder)))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", pem
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_server_with_an_unknown_certificate_is_not_believed(
    team: Team, https: tuple[str, Path]
) -> None:
    address, _ = https
    ran = run("trust", "pin", address, "--sha256", team.digest)
    assert ran.code == 1
    assert "no answer from https://127.0.0.1" in ran.err
    assert not config("gate.json").exists()


def test_a_server_with_a_known_certificate_is(team: Team, https: tuple[str, Path]) -> None:
    address, pem = https
    ran = run("trust", "pin", address, "--sha256", team.digest, SSL_CERT_FILE=str(pem))
    assert ran.code == 0, ran.err


# The real commands ---------------------------------------------------------------------------


def test_from_founding_to_a_renewed_state_by_the_commands_alone(tmp_path: Path) -> None:
    """Two founders, one consumer, each with a home of their own."""
    homes = {name: str(tmp_path / name) for name in ("ada", "bob", "carl")}
    for home in homes.values():
        Path(home).mkdir()

    def at(who: str, *arguments: str | Path) -> tuple[int, str]:
        ran = run(*arguments, HOME=homes[who])
        return ran.code, ran.out + ran.err

    folder = tmp_path / "trust"
    public = []
    for name in ("ada", "bob"):
        assert at(name, "trust", "key", "--no-passphrase")[0] == 0
        place = Path(homes[name], ".config", "hubpolicy", "keys", "solo.pub.pem")
        public += ["--principal", f"{name}={place}"]
    code, said = at("ada", "trust", "init", "--team", folder, "--namespace", "acme", *public)
    assert code == 0, said
    at("ada", "trust", "sign", folder, "--yes")
    code, said = at("bob", "trust", "sign", folder, "--yes")
    assert code == 0, said
    shown = run("trust", "show", folder, "--format", "json", HOME=homes["ada"]).document
    code, said = at("carl", "trust", "pin", folder, "--sha256", shown["pin"])
    assert code == 0, said
    assert "ada, bob (role state)" in said
    code, said = at("ada", "trust", "state", "renew", folder)
    assert code in {0, 5}, said
    at("ada", "trust", "sign", folder, "--yes")
    at("bob", "trust", "sign", folder, "--yes")
    code, said = at("carl", "trust", "update")
    assert (code, "state  version 1 -> 2" in said) == (0, True), said
    assert "nothing new" in at("carl", "trust", "update")[1]
