# SPDX-License-Identifier: Apache-2.0
"""Named attacks on a release: other places, other times, other people."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING

from hubpolicy.core import documents
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.domain.release import RepoId
from tests.attacks import mutation_world as worlds
from tests.attacks.mutation_cases import (
    DOCUMENTS,
    Case,
    always,
    document_payload,
    edit,
    place_of,
)
from tests.attacks.mutation_fields import dump
from tests.attacks.mutation_world import MODEL, SIGNERS, good, make
from tests.golden.samples import ROOT, SUMMARY, key, sha, signer

if TYPE_CHECKING:
    from collections.abc import Iterator


def replays() -> Iterator[Case]:
    """A good release at another place, or its parts at another release."""
    for how, target in (
        ("another repository", RepoId("acme", "wizard-13b")),
        ("another namespace", RepoId("evil", "wizard-7b")),
        ("another case", RepoId("acme", "Wizard-7b")),
        ("a data set", RepoId("acme", "wizard-7b", "dataset")),
        ("a space", RepoId("acme", "wizard-7b", "space")),
        ("another hub", RepoId("acme", "wizard-7b", "model", "https://hub.example")),
        ("another port", RepoId("acme", "wizard-7b", "model", "http://127.0.0.1:1")),
    ):
        world = partial(good()._replace, target=target)
        yield Case("replays", how, world, "HP307", ("is attested for",))
    purl = SUMMARY.resource_uri
    for how, uri in (
        ("with a fragment", f"{purl}#x"), ("with a version", purl.replace("?", "@1?")),
        ("in upper case", purl.upper()), ("without a type", purl.partition("?")[0]),
        ("with another qualifier", f"{purl}&a=b"), ("encoded", purl.replace("/wizard", "%2Fwizard")),
        ("with a slash more", purl.replace("/wizard", "//wizard")), ("a space after", f"{purl} "),
    ):  # fmt: skip
        world = partial(make, {"release": edit("release", ("predicate.resourceUri", uri))})
        yield Case("replays", f"the target {how}", world, "HP307", ("is attested for",))
    other = worlds.manifest_of({**MODEL, "model.safetensors": b"another model"})
    theirs = worlds.unsigned(other)
    says = {
        "card": ("other files stood",), "toxicity": ("no tested run",), "evidence": ("mt-bench",), "waiver": ("other bytes", "fails"),
        "approval": ("safety approvals",), "approval of sue": ("safety approvals",),
        MODEL_SIGNATURE: ("expected",), "applicability": (),
    }  # fmt: skip
    for name, payload in theirs.items():
        if name != "applicability":  # about the same files
            world = partial(make, {name: payload})
            yield Case("replays", f"{name} of another model", world, "", says[name])
    old = worlds.payload_of_release(theirs.values(), worlds.policy_bytes(), manifest=other)
    world = partial(make, {"release": old})
    yield Case(
        "replays", "release of another model", world, "", ("changed since the release was signed",)
    )


def rollbacks() -> Iterator[Case]:
    """Old documents, skipped or unlinked versions, and forgotten pins."""
    made = good()
    first, second = made.roots
    third = documents.root_payload(ROOT._replace(version=3), previous=made.pin)
    other = documents.root_payload(ROOT._replace(version=2), previous=sha("another root"))
    for how, world, words in (
        ("no root", made._replace(roots=()), ("no trust root",)),
        ("the second root alone", made._replace(roots=(second,)), ("the pinned",)),
        ("another pin", made._replace(pin=sha("x")), ("the pinned",)),
        ("an empty pin", made._replace(pin=""), ("the pinned",)),
        ("the first root twice", made._replace(roots=(first, first)), ("after none",)),
        (
            "the second root twice",
            made._replace(roots=(first, second, second)),
            ("got version 2 after",),
        ),
        ("backwards", made._replace(roots=(second, first)), ("the pinned",)),
        ("an older root than seen", made._replace(seen=(3, 1)), ("as seen before",)),
        ("the root before", made._replace(roots=(first,), seen=(2, 1)), ("as seen before",)),
        ("an older state than seen", made._replace(seen=(1, 4)), ("as seen before",)),
        ("a version skipped", make({"root 2": third}), ("got version 3 after",)),
        ("a successor of another root", make({"root 2": other}), ("got version 2 after",)),
        ("a state for another policy", make({"state": worlds.state_bytes(b"{}")}), ("got policy",)),
        ("no state", made._replace(state=b""), ("trust state",)),
        ("no policy", made._replace(policy=b""), ("policy",)),
    ):
        yield Case("rollbacks", how, world._replace, "", words)


def times() -> Iterator[Case]:
    """Too late, too early, and clocks that were moved."""
    made = good()
    for how, now, words in (
        ("the state ended a second ago", "2026-11-29T00:00:01Z", ("trust state expired",)),
        ("the state ended a year ago", "2027-05-01T00:00:00Z", ("trust state expired",)),
        ("the root ended", "2027-07-01T00:00:00Z", ("trust root expired",)),
        ("the clock an hour back", "2026-11-22T13:50:00Z", ("expected none after",)),
        ("the clock six minutes back", "2026-11-22T14:53:59Z", ("expected none after",)),
        ("the clock a year back", "2025-11-22T15:00:00Z", ("expected none after",)),
        ("the clock at zero", "1970-01-01T00:00:00Z", ("expected none after",)),
    ):
        yield Case("times", how, partial(made._replace, now=now), "", words)
    ahead = "2026-11-22T15:05:01Z"
    for name, path in (
        ("release", "predicate.timeVerified"), ("toxicity", "predicate.finishedOn"),
        ("applicability", "predicate.finishedOn"),
    ):  # fmt: skip
        for how, value in (
            ("five minutes ahead", ahead),
            ("in the year 9999", "9999-12-31T23:59:59Z"),
        ):
            world = partial(make, {name: edit(name, (path, value))})
            yield Case(
                "times", f"{name} dated {how}", world, RELEASE_FILE, ("expected none after",)
            )
        for value in (
            "2026-11-22 14:00:00Z", "2026-11-22T14:00:00", "2026-11-22T14:00:00+00:00", "1763820000",
            "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-22T25:00:00Z", "",
            "2026-11-22T14:00:60Z", "٢٠٢٦-11-22T14:00:00Z", "+2026-11-22T14:00:00Z", "0000-00-00",
        ):  # fmt: skip
            world = partial(make, {name: edit(name, (path, value))})
            yield Case(
                "times", f"{name} dated {value!r}", world, RELEASE_FILE, (path.rpartition(".")[2],)
            )
    for how, changed, words in (
        ("an old run", {"toxicity": edit("toxicity", ("predicate.finishedOn", "2026-08-01T00:00:00Z"))},
         ("days",)),
        ("an approval that ended", {"approval": edit("approval", ("predicate.notAfter", "2026-11-21"))},
         ("1 of 2 safety",)),
        ("a waiver that ended", {"waiver": edit("waiver", ("predicate.until", "2026-11-21"))},
         ("ended on",)),
        ("a waiver for years", {"waiver": edit("waiver", ("predicate.until", "2029-11-21"))},
         ("more than 90 days",)),
        ("a policy that ended", {"policy": edit("policy", ("expires", "2026-11-21"))},
         ("policy expired",)),
        ("a state that ended", {"state": edit("state", ("expires", "2026-11-22T14:59:59Z"))},
         ("trust state expired",)),
        ("a root that ended", {"root 2": edit("root 2", ("expires", "2026-11-21"))},
         ("trust root expired",)),
    ):  # fmt: skip
        yield Case("times", how, partial(make, changed), "", words)


def revocations() -> Iterator[Case]:
    """Every key, statement and file revoked in turn."""
    made = worlds.payloads()
    for name, who in SIGNERS.items():
        state = worlds.state_bytes(revoked_keys=frozenset((signer(who).keyid,)))
        world = partial(make, {"state": state})
        yield Case("revocations", f"the key of {name}", world, place_of(name), ("is revoked",))
        state = worlds.state_bytes(
            revoked_payloads=frozenset((hashlib.sha256(made[name]).hexdigest(),))
        )
        world = partial(make, {"state": state})
        yield Case("revocations", f"the statement {name}", world, place_of(name), ("is revoked",))
    for path, content in MODEL.items():
        state = worlds.state_bytes(revoked_files=frozenset((hashlib.sha256(content).hexdigest(),)))
        world = partial(make, {"state": state})
        yield Case("revocations", f"the file {path}", world, path, ("was revoked",))
    for name in ("olga", "omar"):
        state = worlds.state_bytes(revoked_keys=frozenset((signer(name).keyid,)))
        world = partial(make, {"state": state})
        yield Case(
            "revocations", f"{name}'s key, which signed the policy", world, "policy", ("1 of 2",)
        )


def same_person_twice() -> Iterator[Case]:
    """Two keys of one person are one person."""
    twice = {"approval of sue": edit("approval of sue", ("predicate.approver", "sam"))}
    world = partial(make, twice, who={"approval of sue": "sam-2"})
    yield Case("one person twice", "two keys approve", world, "HP320", ("1 of 2 safety",))
    unnamed = json.loads(worlds.payloads()["approval of sue"])
    del unnamed["predicate"]["approver"]
    world = partial(make, {"approval of sue": dump(unnamed)}, who={"approval of sue": "sam-2"})
    yield Case("one person twice", "two keys approve, unnamed", world, "HP320", ("1 of 2 safety",))
    world = partial(make, who={"approval of sue": "sam"})
    yield Case(
        "one person twice", "approving as sue", world, "approvals/", ("got an approval of 'sue'",)
    )
    payload = edit(
        "root 2",
        ("keys", [*json.loads(document_payload("root 2"))["keys"], _key("olga-2", "olga")]),
    )
    for name, (place, kind, people) in DOCUMENTS.items():
        if name != "root 1" and len(people) > 1:
            raw = payload if name == "root 2" else document_payload(name)
            signed = worlds.sign_document(raw, kind, "olga", "olga-2")
            world = partial(make, {"root 2": payload}, wrap={name: always(signed)})
            yield Case("one person twice", f"{name} by two keys of olga", world, place, ("1 of 2",))
    doubled = json.loads(good().policy)
    doubled["signatures"][1] = doubled["signatures"][0]
    world = partial(good()._replace, policy=dump(doubled))
    yield Case(
        "one person twice",
        "one signature twice",
        world,
        "policy",
        ("two signatures of one key id",),
    )


def _key(name: str, principal: str) -> dict[str, str]:
    made = key(name, principal)
    return {"keyid": made.keyid, "pem": made.pem, "principal": made.principal}
