# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from hubpolicy.core import oms, verify
from hubpolicy.core.bundle import make_bundle
from hubpolicy.domain.manifest import Entry, EvidenceFile, Manifest, make_manifest
from hubpolicy.domain.trust import Trust
from hubpolicy.errors import HubpolicyError, VerificationError
from tests.golden import samples

PAYLOAD = oms.oms_statement(samples.MANIFEST, "wizard-7b")


def check(
    payload: bytes, manifest: Manifest | None = samples.MANIFEST, who: str = "rita"
) -> verify.VerifiedModelSignature:
    raw = make_bundle(payload, samples.signer(who))
    return verify.verify_model_signature(raw, samples.TRUST, manifest, now=samples.NOW)


def test_form_is_the_specifications() -> None:
    value = json.loads(PAYLOAD)
    digests = [entry.sha256 for entry in samples.MANIFEST.entries if entry.path != ".gitattributes"]
    root = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()
    assert value["subject"] == [{"name": "wizard-7b", "digest": {"sha256": root}}]
    assert value["predicateType"] == "https://model_signing/signature/v1.0"
    assert value["predicate"].keys() == {"resources", "serialization"}
    assert value["predicate"]["serialization"] == {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [
            ".git", ".gitattributes", ".github", ".gitignore", ".hubpolicy", "model.sig",
        ],
    }  # fmt: skip
    names = [resource["name"] for resource in value["predicate"]["resources"]]
    assert names == sorted(names)
    assert ".gitattributes" not in names
    assert "README.md" in names


def test_verified_signature_says_what_was_signed() -> None:
    result = check(PAYLOAD)
    assert result.content.name == "wizard-7b"
    assert result.content.ignore_paths == oms.IGNORED
    assert dict(result.content.resources)["README.md"] == samples.README.sha256
    assert result.payload_sha256 == hashlib.sha256(PAYLOAD).hexdigest()
    assert (result.principal, result.keyid) == ("rita", samples.signer("rita").keyid)


def test_a_release_without_files_is_not_signed() -> None:
    with pytest.raises(VerificationError, match="at least one"):
        oms.oms_statement(make_manifest([samples.entry(".gitignore", b"x")]), "m")


@pytest.mark.parametrize("who", ["ci", "sam", "olga", "mallory"])
def test_only_releasers_sign_models(who: str) -> None:
    with pytest.raises(VerificationError):
        check(PAYLOAD, who=who)


def test_other_statements_are_no_model_signature() -> None:
    with pytest.raises(VerificationError, match="predicate type"):
        check(samples.payloads()["release"])


def test_revocation() -> None:
    raw = make_bundle(PAYLOAD, samples.signer("rita"))
    revoked = samples.STATE._replace(revoked_keys=frozenset({samples.signer("rita").keyid}))
    files = (EvidenceFile("model.sig", raw),)
    result, (finding,) = verify.check_model_signature(
        files, Trust(samples.ROOT, revoked), samples.MANIFEST, now=samples.NOW
    )
    assert (result, finding.rule) == (None, "HP701")
    assert finding.location is not None
    assert finding.location.path == "model.sig"


def _with(*changes: tuple[str, Entry | None]) -> Manifest:
    entries = {entry.path: entry for entry in samples.MANIFEST.entries}
    for path, entry in changes:
        if entry is None:
            del entries[path]
        else:
            entries[path] = entry._replace(path=path)
    return make_manifest(list(entries.values()))


CONFIG, TOKENIZER = samples.CLOSURE[0], samples.CLOSURE[2]
OTHER = samples.entry("x", b"other bytes")
FOLDERS: dict[str, Manifest] = {
    "changed": _with(("config.json", OTHER)),
    "missing": _with(("config.json", None)),
    "added": _with(("evil.py", OTHER)),
    "added, empty": _with(("empty.py", samples.entry("x", b""))),
    "renamed": _with(("config.json", None), ("config2.json", CONFIG)),
    "swapped": _with(("config.json", TOKENIZER), ("tokenizer.json", CONFIG)),
    "added below a folder of a left-out name": _with(("sub/.git/x", OTHER)),
    "added beside a left-out name": _with(("model.sig2", OTHER)),
    "added in a folder of a left-out prefix": _with((".gitx/x", OTHER)),
}


@pytest.mark.parametrize("manifest", FOLDERS.values(), ids=FOLDERS.keys())
def test_names_and_digests_are_bound(manifest: Manifest) -> None:
    with pytest.raises(VerificationError, match=r"for '.*' of model\.sig"):
        check(PAYLOAD, manifest)


@pytest.mark.parametrize("path", [".gitignore", ".github/workflows/x.yml", ".gitattributes"])
def test_what_it_leaves_out_is_bound_by_the_release_line_alone(path: str) -> None:
    check(PAYLOAD, _with((path, OTHER)))


def test_a_signature_may_leave_out_less() -> None:
    value = json.loads(PAYLOAD)
    value["predicate"]["serialization"]["ignore_paths"] = ["model.sig"]
    with pytest.raises(VerificationError, match="gitattributes"):
        check(json.dumps(value).encode())
    assert check(json.dumps(value).encode(), _with((".gitattributes", None)))


def _root(value: Any) -> None:
    digests = (bytes.fromhex(r["digest"]) for r in value["predicate"]["resources"])
    value["subject"][0]["digest"]["sha256"] = hashlib.sha256(b"".join(digests)).hexdigest()


def _swap_names(value: Any) -> None:
    first, second = value["predicate"]["resources"][:2]
    first["name"], second["name"] = second["name"], first["name"]


def _drop(value: Any) -> None:
    value["predicate"]["resources"].pop()
    _root(value)


def _twice(value: Any) -> None:
    value["predicate"]["resources"].insert(0, value["predicate"]["resources"][0])
    _root(value)


def _none(value: Any) -> None:
    value["predicate"]["resources"] = []
    _root(value)


def _serialize(**changes: Any) -> Any:
    return lambda value: value["predicate"]["serialization"].update(changes)


CHANGES: dict[str, Any] = {
    "leaves the card out": _serialize(ignore_paths=[*oms.IGNORED, "README.md"]),
    "leaves everything out": _serialize(ignore_paths=["."]),
    "leaves out a folder in a folder": _serialize(ignore_paths=["images/.git"]),
    "ignore_paths is text": _serialize(ignore_paths="model.sig"),
    "follows symlinks": _serialize(allow_symlinks=True),
    "shards": _serialize(method="shards", shard_size=1000),
    "BLAKE3": _serialize(hash_type="blake3"),
    "own field": lambda v: v["predicate"].update(hubpolicy={}),
    "own field in serialization": _serialize(version=2),
    "own field in a resource": lambda v: v["predicate"]["resources"][0].update(size=1),
    "other algorithm": lambda v: v["predicate"]["resources"][0].update(algorithm="sha512"),
    "digest in capitals": lambda v: v["predicate"]["resources"][0].update(digest="A" * 64),
    "empty name": lambda v: v["predicate"]["resources"][0].update(name=""),
    "other root digest": lambda v: v["subject"][0]["digest"].update(sha256="0" * 64),
    "two subjects": lambda v: v["subject"].append({"name": "b", "digest": {"sha256": "0" * 64}}),
    "names out of order": _swap_names,
    "no resource": _none,
    "resource twice": _twice,
    "resource missing": _drop,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_well_signed_signatures_that_bind_less(change: Any) -> None:
    value = json.loads(PAYLOAD)
    change(value)
    with pytest.raises(HubpolicyError):
        check(json.dumps(value).encode())


LISTING_TOO = [name for name in CHANGES if name != "resource missing"]


@pytest.mark.parametrize("name", LISTING_TOO)
def test_form_is_checked_where_no_manifest_is_known_too(name: str) -> None:
    value = json.loads(PAYLOAD)
    CHANGES[name](value)
    with pytest.raises(HubpolicyError):
        check(json.dumps(value).encode(), None)


def test_no_bit_of_a_signed_model_can_be_flipped() -> None:
    raw = make_bundle(PAYLOAD, samples.signer("rita"))
    held = []
    for place in range(0, len(raw), 3):
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        files = (EvidenceFile("model.sig", bytes(changed)),)
        held.append(verify.check_model_signature(files, samples.TRUST, None, now=samples.NOW)[0])
    assert not any(held)
