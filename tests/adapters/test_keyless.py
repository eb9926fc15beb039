# SPDX-License-Identifier: Apache-2.0
"""``sigstore:`` signs with an identity: the real client against a Sigstore of our own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.signers import signer_for
from hubpolicy.core import verify
from hubpolicy.core.bundle import Sealing, make_bundle
from hubpolicy.core.signatories import principal_at_hand
from hubpolicy.errors import (
    AccessError,
    ConfigError,
    ServiceError,
    UnsupportedError,
    VerificationError,
)
from tests import transparency as sig
from tests.golden import samples
from tests.unit.core.test_keyless_bundles import HERE, PAYLOAD, rooted

if TYPE_CHECKING:
    from pathlib import Path

# Signing -------------------------------------------------------------------------------------


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No CI whose identity could be asked for."""
    for name in (
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "CIRCLECI",
        "BUILDKITE",
        "GOOGLE_SERVICE_ACCOUNT_NAME",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("quiet")
def test_signing_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "trust_config.json"
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", sig.token())
    with sig.serving(HERE) as text:
        config.write_text(text)
        signer = signer_for(f"sigstore:{config}")
        raw = make_bundle(PAYLOAD, signer)
        second = make_bundle(samples.payloads()["card"], signer)
    assert isinstance(signer, Sealing)
    assert b"\n" not in raw
    pinned = json.dumps(json.loads(text)["trustedRoot"])
    trust = rooted(pinned, (sig.ISSUER, sig.IDENTITY, "rita"))
    assert principal_at_hand(signer, trust.root) == "rita"
    line = verify.verify_bundle(raw, trust, now=SystemClock().now(), where="x")
    assert (line.principal, line.keyid) == ("rita", signer.keyid)
    with pytest.raises(VerificationError, match="expected checker"):
        verify.verify_bundle(second, trust, now=SystemClock().now(), where="x")
    assert signer.sign(b"a seal")
    assert signer.public_pem.startswith("-----BEGIN PUBLIC KEY")


@pytest.mark.usefixtures("quiet")
def test_services_that_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "trust_config.json"
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", sig.token())
    with sig.serving(HERE, refuse="/api/v2") as text:
        config.write_text(text)
        with pytest.raises(ServiceError, match="Fulcio"):
            signer_for(f"sigstore:{config}")
    with sig.serving(HERE, refuse="/api/v1") as text:
        config.write_text(text)
        signer = signer_for(f"sigstore:{config}")
        with pytest.raises(ServiceError, match="Rekor"):
            make_bundle(PAYLOAD, signer)


@pytest.mark.usefixtures("quiet")
def test_tokens_and_instances_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AccessError, match="nobody here gives an identity token") as caught:
        signer_for("sigstore:production")
    assert "id-token: write" in caught.value.hint
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", sig.token())
    with pytest.raises(ConfigError, match="expected production, staging"):
        signer_for(f"sigstore:{tmp_path / 'none.json'}")
    for bad in ("text", sig.token(audience="somebody else")):
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", bad)
        with pytest.raises(AccessError, match="IdentityError"):
            signer_for(f"sigstore:{tmp_path / 'none.json'}")


def test_a_missing_extra_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sigstore", "sigstore.sign", "sigstore.models", "sigstore.oidc"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnsupportedError, match="not installed") as caught:
        signer_for("sigstore:production")
    assert caught.value.hint == "pip install 'hubpolicy[keyless]'"
