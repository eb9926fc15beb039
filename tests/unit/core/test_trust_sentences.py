# SPDX-License-Identifier: Apache-2.0
"""Refusals around trust, word for word, and the bounds that mutation testing found untried."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from hubpolicy.core import baseline, observing, reserved, signatories, withdrawal
from hubpolicy.core.bundle import Bundle
from hubpolicy.core.withdrawal import Weight
from hubpolicy.domain.certified import Authority, Identity, Member, Witnessed
from hubpolicy.domain.manifest import ListedFile
from hubpolicy.domain.release import RepoId
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import HubpolicyError, UnsupportedError, VerificationError
from tests import certificates as pki
from tests import transparency
from tests.golden import samples
from tests.golden.samples import NOW, TRUST, sha
from tests.unit.core import test_baseline as lists
from tests.unit.core.release_world import POLICY

if TYPE_CHECKING:
    from collections.abc import Callable

UNTIL = "2027-06-30"


def said(call: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(HubpolicyError) as caught:
        call()
    return caught.value.message, caught.value.hint


# Lists of what was there before --------------------------------------------------------------

ANEW = "hubpolicy adopt makes it anew"
OID = "'oid' of item 0 of 'revisions' of item 0 of 'entries' of baseline.json"


def spoilt(change: Callable[[dict[str, Any]], object]) -> Callable[[], object]:
    return lambda: baseline.parse_baseline(lists.spoil(change))


REVOKED = TRUST._replace(
    state=TRUST.state._replace(
        revoked_payloads=frozenset({hashlib.sha256(lists.PAYLOAD).hexdigest()})
    )
)
BASELINES: dict[str, tuple[Callable[[], object], str, str]] = {
    "a day that has passed": (
        lambda: baseline.require_until("2026-11-21", NOW),
        f"got 2026-11-21, expected a day from today to 366 days ahead; it is {NOW}",
        "hubpolicy adopt REPO --until YYYY-MM-DD",
    ),
    "nothing": (
        spoilt(lambda v: v.update(entries=[])),
        "got [], expected one or more, sorted, in 'entries' of baseline.json",
        ANEW,
    ),
    "no repository": (
        spoilt(lambda v: lists.ENTRY(v).update(repo="x")),
        "got 'x', expected the package URL of a repository, in 'repo' of item 0 of 'entries' of baseline.json",
        ANEW,
    ),
    "no revision": (
        spoilt(lambda v: lists.ENTRY(v).update(revisions=[])),
        "got [], expected one or more, each commit once, in 'revisions' of item 0 of 'entries' of baseline.json",
        ANEW,
    ),
    "an end before its beginning": (
        spoilt(lambda v: lists.ENTRY(v).update(until="2026-11-21")),
        "got '2026-11-21', expected a day within 366 days of when it was adopted, in 'until' of item 0 of 'entries' of baseline.json",
        ANEW,
    ),
    "no commit": (
        spoilt(lambda v: lists.ENTRY(v)["revisions"][0].update(oid="main")),
        f"got 'main', expected a commit id of 40 or 64 lower-case hex digits, in {OID}",
        ANEW,
    ),
    "by somebody else": (
        lambda: baseline.verify_baseline(lists.document(lists.PAYLOAD, "lee"), TRUST, POLICY),
        "got 0 of 1 signatures of role state, in baseline.json",
        "hubpolicy trust show lists who can sign",
    ),
    "no document": (
        lambda: baseline.verify_baseline(b"{}", TRUST, POLICY, where="here"),
        f"got nothing, expected {baseline.BASELINE_TYPE}, in 'payloadType' of here",
        ANEW,
    ),
    "an empty document": (
        lambda: baseline.verify_baseline(lists.document(b"{}"), TRUST, POLICY, where="here"),
        "got nothing, expected hubpolicy/baseline/1, in 'schema' of here",
        ANEW,
    ),
    "revoked": (
        lambda: baseline.verify_baseline(lists.document(), REVOKED, POLICY, where="here"),
        "the baseline was revoked, in here",
        "remove it, then hubpolicy adopt makes another",
    ),
    "nothing to sign": (
        lambda: baseline.baseline_payload(baseline.Baseline(1, ())),
        "got [], expected one or more, sorted, in 'entries' of the baseline to sign",
        ANEW,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message", "hint"), BASELINES.values(), ids=BASELINES.keys())
def test_baselines_that_are_refused(
    call: Callable[[], object], message: str, hint: str
) -> None:  # fmt: skip
    assert said(call) == (message, hint)


def entry(until: str, *oids: str, adopted: str = NOW) -> baseline.Adopted:
    revisions = tuple(baseline.Revision(oid, ()) for oid in oids)
    return baseline.Adopted(lists.REPO.purl, adopted, until, revisions)


def test_of_two_entries_the_one_that_ends_last_counts() -> None:
    early, late = (
        entry("2027-01-31", lists.A),
        entry("2027-02-28", lists.A, adopted="2026-11-01T00:00:00Z"),
    )
    for entries in ((early, late), (late, early)):
        assert baseline.Baseline(1, entries).find(lists.REPO, lists.A, NOW) == late


def test_the_last_day_is_one_of_its_days() -> None:
    today = entry(NOW[:10], lists.A)
    made = baseline.extended(
        baseline.Baseline(1, (today,)),
        [(lists.REPO, (baseline.Revision(lists.B, ()),))],
        NOW,
        UNTIL,
    )
    assert today in made.entries
    one_day = baseline.Baseline(1, (today,))
    assert baseline.parse_baseline(baseline.baseline_payload(one_day)) == one_day


def test_366_days_are_the_most() -> None:
    most = baseline.Baseline(1, (entry("2027-11-23", lists.A),))
    baseline.require_until("2027-11-23", NOW)
    assert baseline.parse_baseline(baseline.baseline_payload(most)) == most
    with pytest.raises(HubpolicyError, match="within 366 days"):
        baseline.baseline_payload(baseline.Baseline(1, (entry("2027-11-24", lists.A),)))


def test_what_is_signed_is_read_back_in_every_field() -> None:
    refs = ("refs/heads/main", "refs/tags/v1")
    made = baseline.Baseline(
        7, (entry(UNTIL, lists.A)._replace(revisions=(baseline.Revision(lists.A, refs),)),)
    )
    assert baseline.parse_baseline(baseline.baseline_payload(made)) == made


def test_where_nobody_holds_the_role_one_must_sign_and_nobody_can() -> None:
    roles = tuple(role for role in TRUST.root.roles if role.name != "state")
    bare = TRUST._replace(root=TRUST.root._replace(roles=roles))
    assert baseline.threshold(bare) == 1
    with pytest.raises(HubpolicyError):
        baseline.verify_baseline(lists.document(), bare, POLICY)


# Policies that only observe ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        ("2027-07-01T12:00:00Z", "which has passed; it is 2027-07-01"),
        ("2026-11-22T12:00:00Z", "expected a day at most 90 days ahead; it is 2026-11-22"),
    ],
)
def test_policies_that_observe_too_long(now: str, refusal: str) -> None:
    policy = POLICY._replace(mode="observe", observe_until=UNTIL)
    assert said(lambda: observing.require_end(policy, now)) == (
        f"got observe_until = {UNTIL}, {refusal}",
        'set another day, or mode = "enforce"',
    )


# Records of a withdrawal ---------------------------------------------------------------------


def test_of_an_empty_file_no_copy_is_revoked() -> None:
    blob = "e" * 40
    weights = (Weight("empty.bin", 0, sha(""), blob), Weight("s.bin", 3, sha("s"), "1" * 40))
    listed = (ListedFile("x", 0, None, blob), ListedFile("y", 3, None, "1" * 40))
    assert withdrawal.same_files(weights, listed) == ("y",)
    both = ListedFile("z", 3, sha("other"), "1" * 40)
    assert withdrawal.same_files(weights, (both,)) == ()


def test_a_blob_that_nobody_signed_has_no_digest() -> None:
    for blob in ("1" * 40, None):
        with pytest.raises(HubpolicyError, match=r"no sha256 for s\.bin, expected one from"):
            withdrawal.weight_of(ListedFile("s.bin", 3, None, blob), None, {"": ""})


def test_a_long_record_is_read() -> None:
    files = tuple(ListedFile(f"{i:06}" + "x" * 200, 1, sha(str(i)), None) for i in range(5000))
    made = withdrawal.Withdrawal(
        repo=RepoId("acme", "m"), revision="v1", oid="f" * 40, asked=NOW, reason="toxic",
        refs=(), files=files, weights=(), releases=(),
    )  # fmt: skip
    raw = withdrawal.withdrawal_bytes(made)
    assert len(raw) > 1024 * 1024
    assert withdrawal.parse_withdrawal(raw, where="it") == made


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"[]", "got list, expected a JSON object, in the record"),
        (b'{"schema": "x"}', "got 'x', expected hubpolicy/withdrawal/1, in 'schema' of the record"),
    ],
)
def test_what_is_no_record_of_a_withdrawal(raw: bytes, message: str) -> None:
    assert said(lambda: withdrawal.parse_withdrawal(raw, where="the record")) == (
        message,
        "move it away; the withdrawal starts anew",
    )


# Reserved namespaces -------------------------------------------------------------------------

HEX = sha("root")
PINNED = f'[acme]\nroot = "{HEX}"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [("acme", 1), ("\n\nacme", 3), (PINNED + "x = 1", 3), (PINNED + "\x0bsource = ''", 3),
     ('\x0b[acme]\nroot = ""', 1), (PINNED + '\x0csource = "s"', 3)],
)  # fmt: skip
def test_a_line_that_is_none_is_named(text: str, line: int) -> None:
    message, hint = said(lambda: reserved.parse_pins(text.encode(), "pins"))
    got = text.split("\n")[line - 1]
    assert message == f"got {got!r}, expected [namespace] or one root, in pins:{line}"
    assert hint == '[acme] and below it: root = "64 hex digits"'


def test_pins_that_are_no_digest() -> None:
    message, hint = said(lambda: reserved.parse_pins(b"[acme]\n", "pins"))
    assert message == "got root '' of 'acme', expected 64 lower-case hex digits, in pins"
    assert hint == "hubpolicy trust show prints the digest of a root"
    message, hint = said(lambda: reserved.parse_pins(b"\xff", "pins"))
    assert message == "got bytes that are not UTF-8, in pins"
    assert hint == '[acme] and below it: root = "64 hex digits"'


def test_an_endpoint_keeps_all_but_its_last_slash() -> None:
    (pin,) = reserved.parse_pins((PINNED + 'endpoint = "https://hubX/X/"').encode(), "pins")
    assert pin.endpoint == "https://hubX/X"


def test_bytes_of_git_that_are_no_text_hide_no_pin() -> None:
    listed = b"local\0user.name\nJ\xf6rg\0global\0hubpolicy.acme.pin\n" + HEX.encode() + b"\0"
    assert [pin.namespace for pin in reserved.parse_git_pins(listed)] == ["acme"]


@pytest.mark.parametrize(("solo", "kind"), [(True, "a solo root"), (False, "another team's root")])
def test_who_does_not_speak_is_told_who_does(*, solo: bool, kind: str) -> None:
    held = TRUST._replace(root=TRUST.root._replace(solo=solo, sha256=sha("mine")))
    pin = reserved.Pin("acme", HEX, "/etc/pins")
    documents = reserved.Documents((), b"", b"")
    message, hint = said(lambda: reserved.require_speaks([pin], documents, held, sha("policy")))
    assert message == (
        f"namespace 'acme' is reserved for trust root {HEX[:16]}… (/etc/pins), "
        f"and the trust in force is {sha('mine')[:16]}…, {kind}"
    )
    assert hint == f"hubpolicy trust pin SOURCE --sha256 {HEX}"


def test_documents_that_cannot_be_read_are_named() -> None:
    pin = reserved.Pin("acme", HEX, "/etc/pins")
    documents = reserved.Documents((b"{}",), b"", b"")
    message, hint = said(lambda: reserved.require_speaks([pin], documents, TRUST, sha("policy")))
    assert message.startswith("namespace 'acme' is reserved (/etc/pins): got nothing, expected ")
    assert message.endswith("of trust root")
    assert hint == "hubpolicy trust update"


# Signers without a key in the root -----------------------------------------------------------

SHOWS = "hubpolicy trust show lists who may sign"
CHAIN = Bundle(b"", b"", "", certificates=(pki.leaf().der, pki.between().der))
EMAIL = "rita@acme.example"


def finding(bundle: Bundle, trust: Trust, at: str = NOW) -> tuple[str, str, str | None]:
    with pytest.raises(signatories.RefusedError) as caught:
        signatories.find_signatory(b"raw", bundle, trust, at=at, where="line 7")
    return caught.value.rule, caught.value.message, caught.value.hint


def certifying(*authorities: Authority) -> Trust:
    return TRUST._replace(root=samples.ROOT._replace(authorities=authorities))


def test_chains_of_nobody() -> None:
    said = "got a certificate, and the trust root pins no authority, in line 7"
    assert finding(CHAIN, TRUST) == ("HP302", said, SHOWS)
    said = "got a certificate of 'email:rita@acme.example', 'subject:CN=rita', whom no authority may certify, in line 7"
    assert finding(CHAIN, certifying(pki.authority("sam"))) == ("HP302", said, SHOWS)
    rule, said, hint = finding(CHAIN, certifying(pki.authority("rita")), "2037-01-01T00:00:00Z")
    assert (rule, hint, said.count("in line 7")) == ("HP302", SHOWS, 1)
    assert said.startswith("the certificate of CN=rita does not chain to the pinned root at 2037")
    assert said.endswith(", in line 7")
    junk = CHAIN._replace(certificates=(b"junk",))
    with pytest.raises(HubpolicyError, match=r"in line 7$"):
        signatories.find_signatory(
            b"", junk, certifying(pki.authority("rita")), at=NOW, where="line 7"
        )


def test_authorities_that_know_nobody_of_the_leaf_are_passed_over() -> None:
    other = Authority("other", pki.issue("other root", ca=True).pem, (Member("email:x", "x"),))
    trust = certifying(other, pki.authority("rita"))
    found = signatories.find_signatory(b"", CHAIN, trust, at=NOW, where="line 7")
    assert found.key.principal == "rita"


class Log(NamedTuple):
    """A witness whose word is given: a time for an issuer, or no proof."""

    times: dict[str, str]

    def witnessed(
        self, raw: bytes, identity: Identity, trusted_root: str, *, where: str
    ) -> tuple[Witnessed, ...]:
        assert (raw, trusted_root) == (b"raw", "the root's text")
        if identity.issuer not in self.times:
            message = f"the keyless signature of {identity.identity} does not hold, in {where}"
            raise VerificationError(message)
        return (Witnessed(self.times[identity.issuer], "the log"),)


def keyless() -> Bundle:
    key = pki.key_of("minute").public_key()
    der = transparency.Sigstore().certificate(key, identity=EMAIL)
    from cryptography.hazmat.primitives.serialization import Encoding

    return Bundle(b"", b"", "", certificates=(der.public_bytes(Encoding.DER),), logged=True)


def naming(log: Log | None, *issuers: str) -> Trust:
    root = samples.ROOT._replace(
        identities=tuple(Identity(issuer, EMAIL, issuer, sha("t")) for issuer in issuers),
        trusted_roots=((sha("t"), "the root's text"),),
    )
    return Trust(root, samples.STATE, log)


def test_of_several_identities_the_one_that_is_proven_signed() -> None:
    trust = naming(Log({"b": NOW}), "a", "b")
    found = signatories.find_signatory(b"raw", keyless(), trust, at=NOW, where="line 7")
    assert (found.key.principal, found.stamps[0].time) == ("b", NOW)


def test_identities_that_nobody_proves() -> None:
    said = f"the keyless signature of {EMAIL} does not hold, in line 7"
    assert finding(keyless(), naming(Log({}), "a", "b")) == ("HP302", said, SHOWS)
    said = "got a keyless signature, and the trust root names no identity, in line 7"
    assert finding(keyless(), naming(Log({}))) == ("HP302", said, SHOWS)
    with pytest.raises(UnsupportedError) as caught:
        signatories.find_signatory(b"raw", keyless(), naming(None, "a"), at=NOW, where="line 7")
    assert caught.value.message == "nobody here can prove a keyless signature, in line 7"
    assert caught.value.hint == "pip install 'hubpolicy[keyless]'"
    junk = keyless()._replace(certificates=(b"junk",))
    with pytest.raises(HubpolicyError, match=r"in line 7$"):
        signatories.find_signatory(b"raw", junk, naming(Log({}), "a"), at=NOW, where="line 7")


def test_five_minutes_ahead_are_a_clock_and_more_is_the_future() -> None:
    trust = naming(Log({"a": "2026-11-22T15:05:00Z"}), "a")
    assert signatories.find_signatory(b"raw", keyless(), trust, at=NOW, where="line 7")
    trust = naming(Log({"a": "2026-11-22T15:05:01Z"}), "a")
    said = f"got 2026-11-22T15:05:01Z by the log, expected none after {NOW}, in line 7"
    assert finding(keyless(), trust) == ("HP306", said, "set the clock right and attest again")
