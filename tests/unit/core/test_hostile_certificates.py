# SPDX-License-Identifier: Apache-2.0
"""Certificates that nobody made in good faith: each is a finding at its line, and nothing else."""

from __future__ import annotations

import base64
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography import x509
from hypothesis import example, given
from hypothesis import strategies as st

from hubpolicy.core import verify
from hubpolicy.core.bundle import make_chain_bundle
from hubpolicy.core.certificates import (
    load_chain,
    read_leaf,
    reading,
    require_anchor,
    require_leaf,
    verify_chain,
)
from hubpolicy.core.der import parts, require_profile
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.errors import HubpolicyError, MalformedError
from tests import certificates as pki
from tests.attacks.mutation_signers import loose
from tests.golden import samples
from tests.unit.core.test_certificates import NOW, PAYLOAD, TRUST

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.trust import Trust

GOOD = pki.leaf().der
LOOSE = loose("rita", pki.between())
SAN = x509.ObjectIdentifier("2.5.29.17")


def with_san(tag: int) -> bytes:
    """A leaf whose subject alternative name is of a kind with this tag (RFC 5280 §4.2.1.6)."""
    value = bytes([0x30, 4, tag, 2, 5, 0])
    return pki.issue(
        "rita", pki.between(), extra=((x509.UnrecognizedExtension(SAN, value), False),)
    ).der


def replaced(old: str, new: str) -> bytes:
    assert GOOD.count(bytes.fromhex(old)) >= 1
    return GOOD.replace(bytes.fromhex(old), bytes.fromhex(new), 1)


def element(tag: int, content: bytes) -> bytes:
    size = len(content)
    long = size.to_bytes(2, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else b"\x82" + long) + content


def rebuilt(*, version: bool = True, serial: bytes = b"\1", parameters: bytes = b"") -> bytes:
    """The good leaf with another form around what it says."""
    (whole,) = parts(GOOD)
    body, algorithm, signature = parts(whole.content)
    first, _, _, *rest = (part.whole for part in parts(body.content))
    named = element(0x30, algorithm.content + parameters)
    fields = (first if version else b"", element(2, serial), named, *rest)
    return element(0x30, element(0x30, b"".join(fields)) + named + signature.whole)


HOSTILE = {
    "version 5": replaced("a003020102", "a003020105"),
    "an extension twice": replaced("0603551d25", "0603551d0e"),
    "an x400 address": with_san(0xA3),
    "an EDI party": with_san(0xA5),
    "an empty directory name": with_san(0xA4),
    "an address of two bytes": with_san(0x87),
    "serial number 0": GOOD.replace(GOOD[13:31], b"\x02\x10" + bytes(16)),
    "serial number -1": rebuilt(serial=b"\xff"),
    "no serial number": rebuilt(serial=b""),
    "a serial number of another type": GOOD[:13] + b"\x04" + GOOD[14:],
    "parameters of ECDSA": rebuilt(parameters=b"\5\0"),
    "bits of its signature unused": pki.with_bits_unused(LOOSE),
    "text": b"-----BEGIN CERTIFICATE-----",
    "half of one": GOOD[: len(GOOD) // 2],
}


def findings(*chain: bytes, trust: Trust = TRUST) -> tuple[Finding, ...]:
    raw = make_chain_bundle(PAYLOAD, b"signature", chain)
    good, bad = verify.verify_lines((EvidenceFile(RELEASE_FILE, raw + b"\n"),), trust, now=NOW)
    assert good == ()
    return bad


def pem(der: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""))


@pytest.mark.parametrize("der", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_leaf_is_a_finding(der: bytes) -> None:
    (found,) = findings(der, pki.between().der)
    assert (found.rule, found.location.line if found.location else 0) == ("HP302", 1)
    assert "no X.509 certificate that can be read" in found.message
    assert found.message.endswith(f"in {RELEASE_FILE} line 1")


@pytest.mark.parametrize("der", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_one_above_the_leaf_is_a_finding(der: bytes) -> None:
    (found,) = findings(GOOD, der, pki.between().der)
    assert found.rule == "HP302"


@pytest.mark.parametrize("der", [*HOSTILE.values(), GOOD], ids=[*HOSTILE, "a good one"])
def test_where_no_authority_is_pinned_nothing_is_parsed(der: bytes) -> None:
    (found,) = findings(der, trust=samples.TRUST)
    assert found.rule == "HP302"
    assert "the trust root pins no authority" in found.message


@pytest.mark.parametrize("der", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_one_clear_error(der: bytes) -> None:
    with pytest.raises(MalformedError, match=r"in leaf\.pem"):
        read_leaf(load_chain(pem(der).encode(), where="leaf.pem")[0], where="leaf.pem")
    with pytest.raises(HubpolicyError, match=r"in ca\.pem"):
        require_anchor(pem(der), where="ca.pem")
    with pytest.raises(HubpolicyError, match=r"in leaf\.pem"):
        require_leaf(der, at="2037-01-01T00:00:00Z", where="leaf.pem")


FORMS = {
    "of version 3": (rebuilt(), ""),
    "of version 1": (rebuilt(version=False), ""),
    "serial 0": (rebuilt(serial=b"\0"), "serial number is 0,"),
    "serial -128, of version 1": (rebuilt(version=False, serial=b"\x80"), "number is -128,"),
    "an empty parameter": (rebuilt(parameters=b"\5\0"), "have parameters"),
}


@pytest.mark.parametrize(("der", "problem"), FORMS.values(), ids=FORMS.keys())
def test_what_parsers_only_warn_of(der: bytes, problem: str) -> None:
    (whole,) = parts(der)
    if not problem:
        require_profile(whole)
        return
    with pytest.raises(ValueError, match=problem):
        require_profile(whole)


def test_many_threads_refuse_alike_and_leave_the_filters_of_warnings_alone() -> None:
    """Filters are the process's: who changes them for a moment changes them under others."""
    before = list(warnings.filters)
    bad, switch = rebuilt(serial=b"\0"), sys.getswitchinterval()

    def read(der: bytes) -> bool:
        try:
            read_leaf(der, where="x")
        except MalformedError:
            return False
        return True

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(6) as pool:
            taken = list(pool.map(read, [GOOD, bad] * 1500))
    finally:
        sys.setswitchinterval(switch)
    assert taken == [True, False] * 1500
    assert warnings.filters == before


CHANGES = st.lists(
    st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=2
)


def _mutated(der: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(der)
    for place, value in changes:
        changed[place % len(der)] = value
    return bytes(changed)


CALLS: dict[str, Callable[[bytes], object]] = {
    "read_leaf": lambda der: read_leaf(der, where="x"),
    "the leaf": lambda der: verify_chain(
        (der, pki.between().der), pki.root().pem, at=NOW, where="x"
    ),
    "between": lambda der: verify_chain((GOOD, der), pki.root().pem, at=NOW, where="x"),
    "the root": lambda der: verify_chain((GOOD, pki.between().der), pem(der), at=NOW, where="x"),
    "require_leaf": lambda der: require_leaf(der, at=NOW, where="x"),
    "require_anchor": lambda der: require_anchor(pem(der), where="x"),
    "load_chain": lambda der: load_chain(pem(der).encode(), where="x"),
}


class Certificate(NamedTuple):
    name: str
    der: bytes


CERTIFICATES = [
    Certificate("leaf", GOOD),
    Certificate("between", pki.between().der),
    Certificate("root", pki.root().der),
]


@given(certificate=st.sampled_from(CERTIFICATES), changes=CHANGES)
@example(CERTIFICATES[0], [(GOOD.index(bytes.fromhex("a003020102")) + 4, 5)])
def test_whatever_was_changed_only_our_errors_come_out(
    certificate: Certificate, changes: list[tuple[int, int]]
) -> None:
    der = _mutated(certificate.der, changes)
    refused = {}
    for name, call in CALLS.items():
        try:
            call(der)
        except HubpolicyError as error:
            refused[name] = error.message
    assert all(message.endswith("in x") for message in refused.values()), refused
    assert "the leaf" in refused or der == GOOD


@given(changes=CHANGES)
def test_whatever_was_changed_no_line_raises(changes: list[tuple[int, int]]) -> None:
    assert len(findings(_mutated(GOOD, changes), pki.between().der)) == 1


def test_errors_without_words_still_say_what_they_are() -> None:
    with pytest.raises(MalformedError, match=r"\(KeyError\), in x"), reading("x"):
        raise KeyError
