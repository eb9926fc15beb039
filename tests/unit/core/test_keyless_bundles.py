# SPDX-License-Identifier: Apache-2.0
"""Keyless bundles, judged offline: made by a Sigstore of our own, and two that others published."""

from __future__ import annotations

import copy
import hashlib
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.keyless import SigstoreWitness, require_trusted_root
from hubpolicy.core import documents, verify
from hubpolicy.core.oms import oms_statement
from hubpolicy.domain.certified import Identity
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import (
    HubpolicyError,
    MalformedError,
    UnsupportedError,
    VerificationError,
)
from tests import certificates as pki
from tests import transparency as sig
from tests.golden import samples
from tests.oracles.tools import need_package

if TYPE_CHECKING:
    from collections.abc import Callable

need_package("sigstore")

HERE = sig.Sigstore()
PAYLOAD = samples.payloads()["release"]
PINNED = HERE.trusted_root()
VECTORS = Path(__file__).parents[2] / "oracles" / "vectors"


def rooted(text: str, *identities: tuple[str, str, str], witness: bool = True) -> Trust:
    digest = hashlib.sha256(text.encode()).hexdigest()
    root = samples.ROOT._replace(
        identities=tuple(Identity(*each, digest) for each in identities),
        trusted_roots=((digest, text),),
    )
    return Trust(root, samples.STATE, SigstoreWitness() if witness else None)


TRUST = rooted(PINNED, (sig.ISSUER, sig.IDENTITY, "rita"))


def proven(
    value: dict[str, Any], trust: Trust = TRUST, now: str = samples.NOW
) -> verify.VerifiedStatement:
    return verify.verify_bundle(json.dumps(value).encode(), trust, now=now, where="line 1")


def refusal(value: dict[str, Any], trust: Trust = TRUST) -> str:
    with pytest.raises(HubpolicyError) as caught:
        proven(value, trust)
    return caught.value.message


def test_an_identity_of_the_root_is_a_signer() -> None:
    line = proven(HERE.bundle(PAYLOAD))
    assert line.principal == "rita"
    assert line.roles == {"releaser"}
    assert line.keyid == TRUST.root.identities[0].keyid
    assert [(s.authority, s.time) for s in line.stamps] == [
        ("the transparency log", "2026-11-22T14:59:30Z")
    ]


def test_long_after_its_certificate_ended() -> None:
    assert proven(HERE.bundle(PAYLOAD), now="2031-01-01T00:00:00Z").principal == "rita"


def test_workflows_are_identities_too() -> None:
    workflow = "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main"
    trust = rooted(PINNED, (sig.ISSUER, workflow, "rita"))
    assert proven(HERE.bundle(PAYLOAD, identity=workflow), trust).principal == "rita"
    assert "expected one of the trust root" in refusal(HERE.bundle(PAYLOAD), trust)


def test_two_signatures_of_one_person_have_one_key_id() -> None:
    one, two = (proven(HERE.bundle(PAYLOAD, key=key)) for key in ("minute", "another minute"))
    assert one.keyid == two.keyid


def test_model_signatures() -> None:
    value = HERE.bundle(oms_statement(samples.MANIFEST, "wizard-7b"))
    raw = json.dumps(value).encode()
    found = verify.verify_model_signature(raw, TRUST, samples.MANIFEST, now=samples.NOW)
    assert found.principal == "rita"


# What is refused -----------------------------------------------------------------------------

LATE = sig.SIGNED_AT + timedelta(hours=1)
OTHER = sig.Sigstore("other")


def _entry(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = value["verificationMaterial"]["tlogEntries"][0]
    return found


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda value: _entry(value).pop(name)


def _another_body(value: dict[str, Any]) -> None:
    other = HERE.bundle(samples.payloads()["card"])
    value["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]


def _unproven(value: dict[str, Any]) -> None:
    _entry(value)["inclusionProof"]["hashes"] = [sig.b64(b"\1" * 32)]


def _another_size(value: dict[str, Any]) -> None:
    _entry(value)["inclusionProof"]["treeSize"] = "3"


def _another_promise(value: dict[str, Any]) -> None:
    _entry(value)["integratedTime"] = str(int(sig.SIGNED_AT.timestamp()) + 60)


def _another_payload(value: dict[str, Any]) -> None:
    value["dsseEnvelope"]["payload"] = sig.b64(samples.payloads()["card"])


def _another_certificate(value: dict[str, Any]) -> None:
    other = HERE.bundle(PAYLOAD, key="another minute")
    value["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"]


def _twice(value: dict[str, Any]) -> None:
    value["verificationMaterial"]["tlogEntries"] *= 2


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no promise": _without("inclusionPromise"),
    "no proof": _without("inclusionProof"),
    "an entry of another envelope": _another_body,
    "a proof that does not hold": _unproven,
    "another tree": _another_size,
    "another time": _another_promise,
    "another payload": _another_payload,
    "another certificate": _another_certificate,
    "two entries": _twice,
    "no entry": lambda value: value["verificationMaterial"].update(tlogEntries=[]),
    "a field more": lambda value: _entry(value).update(surplus=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_changed_bundles(change: Callable[[dict[str, Any]], Any]) -> None:
    value = copy.deepcopy(HERE.bundle(PAYLOAD))
    change(value)
    assert refusal(value).endswith("line 1")


MADE: dict[str, tuple[dict[str, Any], str]] = {
    "signed after the certificate ended": ({"issued": LATE - timedelta(hours=3)}, "does not hold"),
    "signed before it began": ({"issued": LATE}, "does not hold"),
    "a certificate that no log promised": ({"logged_by": pki.key_of("stranger")}, "SCT"),
    "by another issuer": ({"issuer": "https://evil.example"}, "does not match"),
    "of somebody else": ({"identity": "eve@acme.example"}, "expected one of the trust root"),
    "of a longer name": ({"identity": "rita@acme.example.evil"}, "expected one of the trust root"),
}


@pytest.mark.parametrize(("options", "reason"), MADE.values(), ids=MADE.keys())
def test_bundles_that_were_made_wrong(options: dict[str, Any], reason: str) -> None:
    assert reason in refusal(HERE.bundle(PAYLOAD, **options))


def test_a_root_without_identities_takes_nobodys() -> None:
    said = "got a keyless signature, and the trust root names no identity, in line 1"
    assert refusal(HERE.bundle(PAYLOAD), samples.TRUST._replace(witness=SigstoreWitness())) == said


def test_another_sigstore_is_a_stranger() -> None:
    assert "does not hold" in refusal(OTHER.bundle(PAYLOAD))


def test_any_flipped_bit_of_the_entry() -> None:
    value = HERE.bundle(PAYLOAD)
    promise = _entry(value)["inclusionPromise"]["signedEntryTimestamp"]
    for place in range(0, len(promise) - 4, 7):
        other = "A" if promise[place] != "A" else "B"
        _entry(value)["inclusionPromise"]["signedEntryTimestamp"] = (
            promise[:place] + other + promise[place + 1 :]
        )
        assert refusal(value)


def test_an_identity_can_be_revoked() -> None:
    keyid = TRUST.root.identities[0].keyid
    state = samples.STATE._replace(revoked_keys=frozenset({keyid}))
    assert "is revoked" in refusal(HERE.bundle(PAYLOAD), TRUST._replace(state=state))


def test_without_a_witness_or_its_library_nothing_is_proven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody = rooted(PINNED, (sig.ISSUER, sig.IDENTITY, "rita"), witness=False)
    with pytest.raises(UnsupportedError) as caught:
        proven(HERE.bundle(PAYLOAD), nobody)
    assert caught.value.hint == "pip install 'hubpolicy[keyless]'"
    monkeypatch.setitem(sys.modules, "sigstore.models", None)
    with pytest.raises(UnsupportedError, match="not installed") as caught:
        proven(HERE.bundle(PAYLOAD))
    assert caught.value.hint == "pip install 'hubpolicy[keyless]'"
    monkeypatch.setitem(sys.modules, "sigstore", None)
    with pytest.raises(UnsupportedError, match="not installed"):
        require_trusted_root(PINNED, where="x")


def test_what_can_be_pinned() -> None:
    require_trusted_root(PINNED, where="x")
    for text in ("", "{}", "[]", PINNED.replace("tlogs", "clogs"), PINNED[:200]):
        with pytest.raises(VerificationError, match="no Sigstore trusted root"):
            require_trusted_root(text, where="x")


def test_identities_travel_in_the_root() -> None:
    again = documents.parse_root(documents.root_payload(TRUST.root._replace(sha256="")))
    assert (again.identities, again.trusted_roots) == (
        TRUST.root.identities,
        TRUST.root.trusted_roots,
    )


# What others published -----------------------------------------------------------------------


WORKFLOW = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
TSA = "CN=sigstore-tsa,O=sigstore.dev"
PUBLISHED = {
    "oms-v1.0-sigstore.bundle.json": (
        "sigstore.dev", "https://sigstore.verify.ibm.com/oauth2", "stefanb@us.ibm.com",
        ("the transparency log 2025-10-10T02:12:20Z", f"{TSA} 2025-10-10T02:12:20Z"),
    ),
    "sigstore-python-rekor-v2.sigstore.json": (
        "sigstage.dev", "https://token.actions.githubusercontent.com", WORKFLOW,
        (f"{TSA} 2026-05-13T19:23:33Z",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_bundles_that_others_published(name: str) -> None:
    raw = (VECTORS / name).read_bytes()
    home, issuer, identity, times = PUBLISHED[name]
    who = Identity(issuer, identity, "rita", "")
    witness = SigstoreWitness()
    found = witness.witnessed(raw, who, _shipped(home), where="x")
    assert tuple(f"{each.authority} {each.time}" for each in found) == times
    elsewhere = {"sigstore.dev", "sigstage.dev"} - {home}
    for identity_, text in (
        (who._replace(issuer="https://evil.example"), _shipped(home)),
        (who._replace(identity=identity + "x"), _shipped(home)),
        (who, _shipped(elsewhere.pop())),
        (who, PINNED),
    ):
        with pytest.raises(VerificationError, match="does not hold"):
            witness.witnessed(raw, identity_, text, where="x")


def test_a_published_model_signature_leaves_out_more_than_we_allow() -> None:
    name = "oms-v1.0-sigstore.bundle.json"
    home, issuer, identity, _ = PUBLISHED[name]
    trust = rooted(_shipped(home), (issuer, identity, "rita"))
    raw = (VECTORS / name).read_bytes()
    with pytest.raises(MalformedError, match="'ignore-me'"):
        verify.verify_model_signature(raw, trust, None, now=samples.NOW)


def _shipped(name: str) -> str:
    import sigstore

    folders = (Path(sigstore.__file__).parent / "_store").iterdir()
    (folder,) = (each for each in folders if each.name.endswith(name))
    return (folder / "trusted_root.json").read_text()
