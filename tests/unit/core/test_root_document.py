# SPDX-License-Identifier: Apache-2.0
"""Authorities, identities and time authorities in a trust root: what can be pinned, and how."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core import documents
from hubpolicy.domain.certified import Authority, Identity, Member, TimeAuthority
from hubpolicy.domain.trust import Role, TrustRoot
from hubpolicy.errors import ConfigError
from tests import certificates as pki
from tests.golden import samples

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()
FULL = samples.ROOT._replace(
    authorities=(pki.authority("rita", "sam"),),
    identities=(Identity("https://login.acme.example", "ci@acme.example", "ci", DIGEST),),
    trusted_roots=((DIGEST, TEXT),),
    time_authorities=(TimeAuthority("time", pki.root().pem),),
    sha256="",
)


def parsed(root: TrustRoot) -> TrustRoot:
    return documents.parse_root(documents.root_payload(root))


def test_everything_comes_back() -> None:
    assert parsed(FULL)._replace(sha256="") == FULL


def test_a_root_of_plain_keys_keeps_its_bytes() -> None:
    value = json.loads(documents.root_payload(samples.ROOT))
    assert set(value) == {"schema", "version", "expires", "solo", "keys", "roles", "previous"}


def test_people_are_everybody_who_can_sign() -> None:
    root = FULL._replace(authorities=(pki.authority("zoe"),))
    assert root.people == samples.ROOT.people | {"zoe", "ci"}


def test_a_role_for_somebody_who_has_no_key_of_their_own() -> None:
    zoe = tuple(
        Role(r.name, r.principals | {"zoe"}, 2) if r.name == "releaser" else r for r in FULL.roles
    )
    root = FULL._replace(authorities=(pki.authority("zoe"),), roles=zoe)
    assert parsed(root).roles_of("zoe") == {"releaser"}
    identity = FULL.identities[0]._replace(principal="zoe")
    assert parsed(FULL._replace(identities=(identity,), roles=zoe)).roles_of("zoe")
    with pytest.raises(ConfigError, match="a key, a certificate or an identity for zoe"):
        parsed(FULL._replace(roles=zoe))


@pytest.mark.parametrize("role", ["root", "policy", "state"])
def test_trust_itself_is_signed_with_plain_keys(role: str) -> None:
    roles = tuple(
        r._replace(principals=r.principals | {"zoe"}) if r.name == role else r for r in FULL.roles
    )
    root = FULL._replace(authorities=(pki.authority("zoe"),), roles=roles)
    with pytest.raises(ConfigError, match=f"a key for zoe, who holds {role}"):
        parsed(root)


def test_a_solo_root_may_have_certificates_of_the_same_person() -> None:
    roles = tuple(Role(r.name, frozenset({"olga"}), 1) for r in FULL.roles)
    solo = samples.ROOT._replace(
        solo=True, keys=(samples.key("olga"),), roles=roles, authorities=(pki.authority("olga"),)
    )
    assert parsed(solo).solo
    with pytest.raises(ConfigError, match="with 2 principals"):
        parsed(solo._replace(authorities=(pki.authority("olga", "eve"),)))


PEM = pki.root().pem
BAD_PEMS = {
    "empty": "",
    "text": "a certificate",
    "a key": samples.signer("rita").public_pem,
    "two": PEM + PEM,
    "something before": "x" + PEM,
    "no line break at the end": PEM[:-1],
    "carriage returns": PEM.replace("\n", "\r\n"),
    "no base64": PEM.replace("MII", "M=I", 1),
    "too long": PEM.replace("\nMII", "\n" + "A" * 70000 + "MII", 1),
}


@pytest.mark.parametrize("pem", BAD_PEMS.values(), ids=BAD_PEMS.keys())
def test_pems_that_are_none(pem: str) -> None:
    authority = FULL.authorities[0]._replace(pem=pem)
    with pytest.raises(ConfigError, match="the PEM of one certificate"):
        parsed(FULL._replace(authorities=(authority,)))


def test_certificates_that_nobody_could_chain_to() -> None:
    for pem in (pki.leaf().pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        authority = FULL.authorities[0]._replace(pem=pem)
        with pytest.raises(ConfigError, match=r"CA:TRUE|no X\.509"):
            parsed(FULL._replace(authorities=(authority,)))


def changed(edit: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(documents.root_payload(FULL))
    edit(value)
    return json.dumps(value).encode()


EDITS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an empty array": (lambda v: v.update(authorities=[]), "no such field"),
    "no members": (lambda v: v["authorities"][0].update(members=[]), "at least one, each name once"),
    "a member twice": (
        lambda v: v["authorities"][0]["members"].append(v["authorities"][0]["members"][0]),
        "each name once",
    ),
    "a name without a kind": (
        lambda v: v["authorities"][0]["members"][0].update(name="rita@acme.example"),
        "email:, uri:, dns: or subject:",
    ),
    "a name with a pattern's kind": (
        lambda v: v["authorities"][0]["members"][0].update(name="regex:.*"),
        "email:, uri:, dns: or subject:",
    ),
    "a field more": (lambda v: v["authorities"][0].update(x=1), "unknown field"),
    "a member's field more": (lambda v: v["authorities"][0]["members"][0].update(x=1), "unknown"),
    "an authority twice": (lambda v: v["authorities"].append(v["authorities"][0]), "each name once"),
    "an identity twice": (lambda v: v["identities"].append(v["identities"][0]), "each identity once"),
    "an identity's field more": (lambda v: v["identities"][0].update(x=1), "unknown field"),
    "a principal with a blank": (
        lambda v: v["authorities"][0]["members"][0].update(principal="rita "),
        "got principal 'rita ', expected letters",
    ),
    "a principal of control characters": (
        lambda v: v["identities"][0].update(principal="c\x1bi"), "expected letters",
    ),
    "a key's principal with a blank": (
        lambda v: v["keys"][0].update(principal=v["keys"][0]["principal"] + " "),
        "expected letters",
    ),
    "another spelling of a person": (
        lambda v: v["identities"][0].update(principal=v["keys"][0]["principal"].upper()),
        "expected one spelling for one person",
    ),
    "no issuer": (lambda v: v["identities"][0].update(issuer=" "), "not blank"),
    "a trusted root that is not there": (lambda v: v.pop("trustedRoots"), "exactly those"),
    "one that nobody names": (lambda v: v["trustedRoots"].append("{}"), "exactly those"),
    "one twice": (lambda v: v["trustedRoots"].append(TEXT), "exactly those"),
    "another text": (lambda v: v.update(trustedRoots=[TEXT + " "]), "exactly those"),
    "no text": (lambda v: v.update(trustedRoots=[{}]), "texts of at most"),
    "a time authority twice": (
        lambda v: v["timeAuthorities"].append(v["timeAuthorities"][0]), "each name once",
    ),
    "a time authority's field more": (lambda v: v["timeAuthorities"][0].update(x=1), "unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "reason"), EDITS.values(), ids=EDITS.keys())
def test_roots_that_are_refused(edit: Callable[[dict[str, Any]], object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        documents.parse_root(changed(edit))


def test_parsing_a_root_opens_no_certificate() -> None:
    code = (
        "import sys; from hubpolicy.core import documents;"
        "root = documents.parse_root(sys.stdin.buffer.read());"
        "assert root.authorities and root.identities and root.time_authorities;"
        "heavy = {'cryptography', 'rfc3161_client', 'sigstore', 'pydantic', 'requests', 'datetime'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=documents.root_payload(FULL), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == b"[]"


def test_checking_a_plain_signature_imports_none_of_the_others() -> None:
    bundle = samples.bundles()["release"]
    code = (
        "import sys; sys.path.insert(0, '.');"
        "from hubpolicy.core import documents, verify;"
        "from hubpolicy.domain.trust import Trust;"
        "parts = sys.stdin.buffer.read().split(b'\\0');"
        "trust = Trust(documents.parse_root(parts[0]), documents.parse_state(parts[1]));"
        f"assert verify.verify_bundle(parts[2], trust, now='{samples.NOW}', where='x');"
        "heavy = {'cryptography.x509', 'rfc3161_client', 'sigstore', 'pydantic', 'datetime'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    given = (documents.root_payload(FULL), documents.state_payload(samples.STATE), bundle)
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"\0".join(given), capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"


def test_members_and_names_are_values() -> None:
    assert Authority("a", "p", (Member("email:x", "y"),)) == Authority(
        "a", "p", (Member("email:x", "y"),)
    )
    assert FULL.identities[0].keyid != FULL.identities[0]._replace(identity="x").keyid
