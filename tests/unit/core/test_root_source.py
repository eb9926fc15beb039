# SPDX-License-Identifier: Apache-2.0
"""``root.toml``: what it can say, and every threshold that would be less than it says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.documents import parse_root, root_payload
from hubpolicy.core.root_source import normal_pem, parse_root_source, render_root_source
from hubpolicy.domain.trust import Role
from hubpolicy.errors import ConfigError
from tests import certificates, transparency
from tests.golden.samples import sha, signer

if TYPE_CHECKING:
    from collections.abc import Callable

PEOPLE = ("ada", "bob", "cleo")
FILES = {f"keys/{who}.pub.pem": signer(who).public_pem for who in (*PEOPLE, "ada-2")}
FILES["keys/copy.pub.pem"] = signer("bob").public_pem
ROLES = ("root", "policy", "state", "releaser", "checker")

SOURCE = """
schema = "hubpolicy/root-source/1"
expires = 2027-11-22
[principals]
ada = ["keys/ada.pub.pem"]
bob = ["keys/bob.pub.pem"]
[roles]
root = { principals = ["ada", "bob"], threshold = 2 }
policy = { principals = ["ada", "bob"], threshold = 2 }
state = { principals = ["bob"], threshold = 1 }
releaser = { principals = ["ada"], threshold = 1 }
checker = { principals = ["bob"], threshold = 1 }
approver.safety = { principals = ["ada"], threshold = 1 }
"""


def read(path: str) -> str:
    return FILES[path]


def changed(old: str, new: str) -> bytes:
    assert old in SOURCE
    return SOURCE.replace(old, new).encode()


def test_it_says_who_may_sign_what() -> None:
    root = parse_root_source(SOURCE.encode(), read)
    assert [key.principal for key in root.keys] == ["ada", "bob"]
    assert root.keys[0].keyid == signer("ada").keyid
    assert root.role("approver:safety") == Role("approver:safety", frozenset({"ada"}), 1)
    assert (root.version, root.expires, root.solo, root.sha256) == (1, "2027-11-22", False, "")
    assert parse_root(root_payload(root))._replace(sha256="") == root


def test_a_key_may_stand_in_the_file_itself() -> None:
    pem = signer("cleo").public_pem
    for text in (pem, pem.strip(), pem.replace("\n", "\r\n"), f"\n{pem}\n\n"):
        raw = changed('bob = ["keys/bob.pub.pem"]', f'bob = ["""{text}"""]')
        assert parse_root_source(raw, read).keys[1].keyid == signer("cleo").keyid


def test_one_person_is_solo() -> None:
    raw = SOURCE.replace('bob = ["keys/bob.pub.pem"]\n', "").replace('"bob"', '"ada"')
    raw = raw.replace('["ada", "ada"], threshold = 2', '["ada"], threshold = 1')
    assert parse_root_source(raw.encode(), read).solo


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "threshold = 2",
            "threshold = 0",
            "got threshold 0 for role root",
        ),
        ("threshold = 2", "threshold = -1", "got threshold -1 for role root"),
        ("threshold = 2", "threshold = true", "got roles.root.threshold = true, expected an int"),
        ("threshold = 2", "threshold = 2.0", "got roles.root.threshold = 2.0, expected an"),
        ("threshold = 2", 'threshold = "2"', "got roles.root.threshold = '2', expected"),
        ("threshold = 2", "threshold = 3", "expected at most 2, one per person"),
        (
            '["ada", "bob"]',
            '["ada", "ada"]',
            "each once: one person counts once, in root.toml line 8",
        ),
        ('["ada", "bob"]', "[]", "one person counts once, and one at least"),
        ('["ada", "bob"]', '"ada"', "got roles.root.principals = 'ada', expected an array"),
        ('["ada", "bob"]', '["ada", "eve"]', "got no key for eve, who holds role root"),
        ("[principals]", '[principals]\n"a b" = ["keys/ada.pub.pem"]', "got principal 'a b'"),
        ('["keys/bob.pub.pem"]', '["keys/ada.pub.pem"]', "got one key for ada and for bob"),
        (
            '["keys/bob.pub.pem"]',
            '["keys/bob.pub.pem", "keys/bob.pub.pem"]',
            "got principals.bob = an array, expected an array of keys, each once",
        ),
        ('["keys/bob.pub.pem"]', '["keys/bob.pub.pem", "keys/copy.pub.pem"]', "a key of bob twice"),
        ('["keys/bob.pub.pem"]', "[]", "each once, and one at least, in root.toml line 6"),
        ("state =", "king =", "got role 'king'"),
        ("state =", "approver.Safety =", "got role 'approver:Safety'"),
        ("checker =", "approver.x =", "got no role checker"),
        (
            "root = {",
            "root = { weight = 1,",
            "got unknown key 'weight', expected one of principals, threshold",
        ),
        ("root = { ", "root = 3 # ", "got roles.root = 3, expected a table, in root.toml line 8"),
        (
            "[roles]",
            "[people]",
            "got roles = nothing, expected each of schema, expires, principals, roles",
        ),
        ("schema =", "shema =", "got schema = nothing, expected each of"),
        (
            "[principals]",
            "extra = 1\n[principals]",
            "got unknown key 'extra', expected one of authorities, expires",
        ),
        (
            "root-source/1",
            "root-source/2",
            "got schema = 'hubpolicy/root-source/2', expected hubpolicy/root-source/1",
        ),
        ("2027-11-22", '"2027-11-22"', "expected a date such as"),
        ("2027-11-22", "2027-11-22T00:00:00Z", "expected a date such as"),
        ("[roles]", "[roles", "expected TOML"),
    ],
)
def test_what_would_not_work_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_root_source(changed(old, new), read)
    assert said in caught.value.message
    assert "root.toml" in caught.value.message
    assert caught.value.hint


def test_two_keys_of_one_person_fill_no_threshold_of_two() -> None:
    raw = changed('ada = ["keys/ada.pub.pem"]', 'ada = ["keys/ada.pub.pem", "keys/ada-2.pub.pem"]')
    assert len(parse_root_source(raw, read).keys) == 3
    alone = raw.replace(b'["ada", "bob"]', b'["ada"]')
    with pytest.raises(ConfigError, match="with 2 keys: several keys of one person count once"):
        parse_root_source(alone, read)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", "got a private key"),
        ("-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n", "got a private key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "expected the PEM of"),
        ("ssh-ed25519 AAAA ada", "expected the PEM of"),
        ("", "expected the PEM of"),
    ],
)
def test_what_is_no_public_key(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        normal_pem(text, where="ada.pem")


@given(
    st.dictionaries(st.sampled_from((*ROLES, "approver:safety", "approver:legal")),
                    st.tuples(st.sets(st.sampled_from(PEOPLE), min_size=1), st.integers(1, 3)))
)  # fmt: skip
def test_what_is_written_is_read_back(given_roles: dict[str, tuple[set[str], int]]) -> None:
    everybody = (set(PEOPLE), 1)
    wanted = {name: given_roles.get(name, everybody) for name in (*ROLES, *given_roles)}
    roles = [Role(n, frozenset(who), min(k, len(who))) for n, (who, k) in wanted.items()]
    raw = render_root_source("2027-11-22", {who: [f"keys/{who}.pub.pem"] for who in PEOPLE}, roles)
    assert parse_root_source(raw, read).roles == tuple(roles)


# Certificates, identities, times --------------------------------------------------------------

PINNED = transparency.Sigstore().trusted_root()
MORE = """
[authorities.acme-ca]
certificate = "ca.pem"
members = { "email:rita@acme.example" = "rita" }
[[identities]]
issuer = "https://issuer.example"
identity = "https://example.org/workflow"
principal = "robot"
trusted_root = "trusted_root.json"
[time_authorities]
acme-tsa = "ca.pem"
"""


@pytest.fixture(scope="module")
def beside() -> Callable[[str], str]:
    ca = certificates.root().pem
    secret = "-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n"
    files = FILES | {
        "ca.pem": f"subject=acme\n{ca}\n",
        "trusted_root.json": PINNED,
        "none.pem": "x",
    }
    files |= {
        "key.pem": secret,
        "both.pem": f"{ca}\n{secret}",
        "key.json": json.dumps(json.loads(PINNED) | {"note": secret}),
        "lower.json": json.dumps(json.loads(PINNED) | {"note": "begin private key"}),
        "empty.json": "{}",
        "list.json": "[]",
        "other.json": '{"mediaType": "application/json"}',
        "kind.json": '{"mediaType": ["application/vnd.dev.sigstore.trustedroot+json;version=0.1"]}',
        "twice.json": PINNED[:-1] + ', "tlogs": []}',
    }
    return files.__getitem__


def test_certified_people_and_witnesses_of_time(beside: Callable[[str], str]) -> None:
    roles = SOURCE.replace(
        'releaser = { principals = ["ada"]', 'releaser = { principals = ["rita", "robot"]'
    )
    root = parse_root_source((roles + MORE).encode(), beside)
    (authority,), (identity,), (time_authority,) = (
        root.authorities, root.identities, root.time_authorities,
    )  # fmt: skip
    assert authority.members[0].principal == "rita"
    assert authority.pem == time_authority.pem == certificates.root().pem
    assert identity.trusted_root == sha(PINNED)
    assert root.trusted_roots == ((sha(PINNED), PINNED),)
    assert root.people == {"ada", "bob", "rita", "robot"}
    assert parse_root(root_payload(root))._replace(sha256="") == root


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "certificate =",
            "pem =",
            "got authorities.acme-ca.certificate = nothing, expected each of",
        ),
        ('"ca.pem"\nmembers', '"none.pem"\nmembers', "expected a file with a certificate in PEM"),
        ('"ca.pem"\nmembers', "3\nmembers", "expected the path of a certificate"),
        ('= "rita" }', "= 3 }", "expected the name of a principal"),
        ("[[identities]]", "[identities]", "expected an array of tables"),
        ("principal =", "who =", "got identities.principal = nothing, expected each of"),
        ('acme-tsa = "ca.pem"', "acme-tsa = []", "expected the path of a certificate"),
        ('"trusted_root.json"', "5", "expected text"),
        ('"trusted_root.json"', '" "', "expected text"),
        ('"https://issuer.example"', "5", "expected text"),
        ('principal = "robot"', 'principal = ["robot"]', "expected text"),
        ('"trusted_root.json"', '"key.pem"', "got a private key"),
        ('"trusted_root.json"', '"key.json"', "got a private key"),
        ('"trusted_root.json"', '"lower.json"', "got a private key"),
        ('"ca.pem"\nmembers', '"both.pem"\nmembers', "got a private key"),
        ('acme-tsa = "ca.pem"', 'acme-tsa = "both.pem"', "got a private key"),
        ('"trusted_root.json"', '"none.pem"', "expected strict JSON"),
        ('"trusted_root.json"', '"twice.json"', "expected strict JSON"),
        ('"trusted_root.json"', '"empty.json"', "expected a Sigstore trusted root"),
        ('"trusted_root.json"', '"list.json"', "expected a Sigstore trusted root"),
        ('"trusted_root.json"', '"other.json"', "expected a Sigstore trusted root"),
        ('"trusted_root.json"', '"kind.json"', "expected a Sigstore trusted root"),
    ],
)
def test_what_is_no_authority(beside: Callable[[str], str], old: str, new: str, said: str) -> None:
    assert old in MORE
    with pytest.raises(ConfigError) as caught:
        parse_root_source((SOURCE + MORE.replace(old, new)).encode(), beside)
    assert said in caught.value.message


@pytest.mark.parametrize("old", ['= "rita" }', 'principal = "robot"'])
@pytest.mark.parametrize("name", ["ada ", " ada", "a\\u001b[2Jx", "ad\\u0430", "a\\n", ""])
def test_everybody_has_a_plain_name(beside: Callable[[str], str], old: str, name: str) -> None:
    written = json.dumps(name).replace("\\\\", "\\")
    new = re.sub('"[a-z]+"', lambda _: written, old)
    with pytest.raises(
        ConfigError, match=r"got principal .*expected letters|expected text|expected the name"
    ):
        parse_root_source((SOURCE + MORE.replace(old, new)).encode(), beside)


@pytest.mark.parametrize("old", ['= "rita" }', 'principal = "robot"'])
def test_two_spellings_are_not_two_people(beside: Callable[[str], str], old: str) -> None:
    """Ada fills a threshold of two by her key and, as another ADA, by a certificate."""
    new = re.sub('"[a-z]+"', '"ADA"', old)
    both = SOURCE.replace(
        'safety = { principals = ["ada"], threshold = 1',
        'safety = { principals = ["ada", "ADA"], threshold = 2',
    )
    with pytest.raises(ConfigError, match="got principals 'ADA' and 'ada'"):
        parse_root_source((both + MORE.replace(old, new)).encode(), beside)
    keys = SOURCE.replace("bob", "Ada").replace("keys/Ada", "keys/bob")
    with pytest.raises(ConfigError, match="got principals 'Ada' and 'ada'"):
        parse_root_source(keys.encode(), beside)


def test_who_is_only_certified_signs_no_trust(beside: Callable[[str], str]) -> None:
    raw = SOURCE.replace('state = { principals = ["bob"]', 'state = { principals = ["rita"]') + MORE
    with pytest.raises(ConfigError, match="got no key for rita, who holds role state"):
        parse_root_source(raw.encode(), beside)
