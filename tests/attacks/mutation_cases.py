# SPDX-License-Identifier: Apache-2.0
"""Named attacks on a release: generated tables. Whoever signs is the right person unless said.

A case that changes a statement or document signs it anew and makes everything that names it name the
changed one, so that nothing else than the change itself can be the reason for a refusal.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core import documents
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from tests.attacks import mutation_world as worlds
from tests.attacks.mutation_fields import dump, spoil
from tests.attacks.mutation_world import APPROVALS, LINES, SIGNERS
from tests.golden import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.attacks.mutation_fields import Spoilt
    from tests.attacks.mutation_world import World


class Case(NamedTuple):
    """One attack. A message has to name the place, and one of the words that say why."""

    family: str
    name: str
    world: Callable[[], World]
    place: str
    words: tuple[str, ...]

    @property
    def id(self) -> str:
        """How tests and tables call it."""
        return f"{self.family}: {self.name}"


class Control(NamedTuple):
    """A change that means nothing, and why it is let pass."""

    name: str
    world: Callable[[], World]
    why: str


DOCUMENTS = {
    "root 1": ("trust root", documents.ROOT_TYPE, ("olga", "omar")),
    "root 2": ("trust root", documents.ROOT_TYPE, ("olga", "omar")),
    "policy": ("policy", documents.POLICY_TYPE, ("olga", "omar")),
    "state": ("trust state", documents.STATE_TYPE, ("robot",)),
}
"""Where messages say that a document is, its payload type, and who must sign it."""

_FOREIGN = "an extension of a foreign predicate, which in-toto's parsing rules say to ignore"
_LABEL = "nothing but a label for people; digests decide"
_OPTIONAL = "optional: the signer's key says who approves"
_BLOB = "optional: sha256 stands beside it"
_UNASKED = "optional: a policy need not ask for it, and its signers did not"
_HINT = "optional: the bundle's hint selects the key"
EXEMPT = {
    **{
        (name, place, "one field more"): _FOREIGN
        for name in ("card", "evidence")
        for place in (
            "predicate", "predicate.configuration.0", "predicate.configuration.0.annotations",
        )
    },
    ("release", "predicate", "one field more"): _FOREIGN,
    ("release", "predicate.inputAttestations.0", "one field more"): _FOREIGN,
    ("release", "predicate.policy", "one field more"): _FOREIGN,
    ("release", "predicate.verifier", "one field more"): _FOREIGN,
    ("release", "predicate.verifier.version", "one field more"): _FOREIGN,
    **{
        ("release", place, how): _LABEL
        for place in (
            "predicate.inputAttestations.0.uri", "predicate.policy.uri", "predicate.slsaVersion",
        )
        for how in ("missing", "null", "a number", "an array", "too long")
    },
    (MODEL_SIGNATURE, "subject.0.name", "too long"): _LABEL,
    **{(name, "predicate.approver", "missing"): _OPTIONAL for name in APPROVALS},
    **{(name, "subject.0.digest.gitBlob", "missing"): _BLOB for name in SIGNERS},
    **{
        (f"bundle of {name}", "dsseEnvelope.signatures.0.keyid", "missing"): _HINT
        for name in SIGNERS
    },
    ("policy", "evidence", "missing"): _UNASKED,
    ("policy", "toxicity.degeneration", "missing"): _UNASKED,
    ("policy", "toxicity.serveTemplates", "missing"): _UNASKED,
}  # fmt: skip
"""(what, where, how) of each change that is let pass although it is one, with its justification."""

_OTHER_WORDS = {
    "subject": ("subject", "no tested run", "safety approvals", "signed about these bytes"),
    "predicate.resources": ("sha256", "expected no file"),
    "predicate.serialization.ignore_paths": (".gitattributes",),
    "dsseEnvelope.payload": ("strict base64", "does not hold"),
    "dsseEnvelope": ("payloadType",),
    "signatures.0.keyid": ("signatures of role",),
    "signatures.0": ("strict base64",),
    "payload": ("strict base64",),
}
"""Where a message says more or else than the field's name: of thousands of files it names the item,
of an empty object the first member that is missing."""


def place_of(name: str) -> str:
    """The file in which a statement stands."""
    if name in LINES:
        return RELEASE_FILE
    return ".hubpolicy/approvals/" if name in APPROVALS else MODEL_SIGNATURE


def statements() -> Iterator[Case | Control]:
    """Every field of every signed statement, spoilt by its own signer."""
    for name, payload in worlds.payloads().items():
        for spoilt in spoil(json.loads(payload)):
            world = partial(worlds.make, {name: spoilt.raw})
            case = _case("statement fields", name, spoilt, world, place_of(name))
            yield case


def bundles() -> Iterator[Case | Control]:
    """Every field of every bundle, spoilt after it was signed."""
    for name, payload in worlds.payloads().items():
        bundle = json.loads(worlds.bundled(payload, SIGNERS[name]))
        for spoilt in spoil(bundle):
            world = partial(worlds.make, wrap={name: always(spoilt.raw)})
            place = place_of(name)
            yield _case("bundle fields", f"bundle of {name}", spoilt, world, place)


def trust_fields() -> Iterator[Case | Control]:
    """Every field of root, policy and state, signed by as many people as must."""
    for name, (place, _, _) in DOCUMENTS.items():
        payload = json.loads(document_payload(name))
        for spoilt in spoil(payload):
            world = partial(worlds.make, {name: spoilt.raw})
            yield _case("document fields", name, spoilt, world, place)


def trust_envelopes() -> Iterator[Case | Control]:
    """Every field of the envelope of root, policy and state."""
    for name, (place, kind, people) in DOCUMENTS.items():
        made = json.loads(worlds.sign_document(document_payload(name), kind, *people))
        for spoilt in spoil(made):
            world = partial(worlds.make, wrap={name: always(spoilt.raw)})
            yield _case("document envelopes", f"envelope of {name}", spoilt, world, place)


def wrong_people() -> Iterator[Case]:
    """Every statement by everybody who lacks its role, and by a stranger."""
    needs = {
        "ci": "checker",
        "rita": "releaser",
        "lee": "approver",
        "sam": "safety",
        "sue": "safety",
    }
    people = sorted({name for holders in samples.PEOPLE.values() for name in holders})
    for name, right in SIGNERS.items():
        role = needs[right]
        may = {p for r, holders in samples.PEOPLE.items() if role in r for p in holders}
        for person in (*people, "a stranger"):
            if person in may:
                continue
            words = (
                ("expected one of the trust root",) if person == "a stranger" else ("who holds",)
            )
            world = partial(worlds.make, who={name: person})
            yield Case("wrong signer", f"{name} by {person}", world, place_of(name), words)


def wrong_founders() -> Iterator[Case]:
    """Every trust document by too few, by others, by strangers, or by one of the people twice."""
    for name, (place, kind, people) in DOCUMENTS.items():
        others = [
            p for p in ("rita", "ci", "sam", "robot", "olga", "a stranger") if p not in people
        ]
        groups = [(p,) for p in others] + [tuple(others[:2]), ("sam", "sam-2")]
        groups += [(people[0],)] if len(people) > 1 else []
        groups += [(people[0], other) for other in others] if len(people) > 1 else []
        for group in groups:
            signed = worlds.sign_document(document_payload(name), kind, *group)
            world = partial(worlds.make, wrap={name: always(signed)})
            by = " and ".join(group)
            yield Case("wrong founders", f"{name} by {by}", world, place, ("signatures of role",))


def lines_missing() -> Iterator[Case]:
    """Every line and approval dropped, doubled, emptied, cut, or replaced by another one."""
    lines = worlds.good().files[RELEASE_FILE].splitlines(keepends=True)
    says = {
        "card": ("card check",), "toxicity": ("tested run", "not at hand"),
        "applicability": ("tested run", "not at hand"), "evidence": ("mt-bench",),
        "waiver": ("not at hand",), "release": ("no release attestation",),
    }  # fmt: skip
    for number, name in enumerate(LINES):
        kept = b"".join(lines[:number] + lines[number + 1 :])
        line = lines[number]
        for how, content, words in (
            ("dropped", kept, says[name]),
            ("doubled", b"".join(lines) + line, ("again",)),
            ("doubled in place", b"".join([*lines[: number + 1], *lines[number:]]), ("again",)),
            ("an empty line", kept + b"\n", ("strict JSON",)),
            ("half a line", kept + line[: len(line) // 2] + b"\n", ("strict JSON",)),
            ("two in one line", kept + line.rstrip() + line, ("strict JSON",)),
            ("a line of an array", kept + b"[" + line.rstrip() + b"]\n", ("JSON object",)),
        ):
            world = partial(worlds.good().putting, RELEASE_FILE, content)
            yield Case("evidence lines", f"{name}: {how}", world, "", words)


def always(raw: bytes) -> Callable[[bytes], bytes]:
    """These bytes instead of whatever was signed."""
    return lambda _: raw


def _case(
    family: str, what: str, spoilt: Spoilt, world: Callable[[], World], place: str
) -> Case | Control:
    name = f"{what}, {spoilt.place or 'the whole'}: {spoilt.how}"
    why = EXEMPT.get((what, spoilt.place, spoilt.how))
    if why is not None:
        return Control(name, world, why)
    other = (more for start, more in _OTHER_WORDS.items() if spoilt.place.startswith(start))
    words = (spoilt.field, *(word for more in other for word in more))
    # What is about no file here, or not from where it was asked for, is missed by who asked.
    elsewhere = (spoilt.place, spoilt.how) == ("subject.0.name", "too long")
    if "metrics.0.source" in spoilt.place and spoilt.how in ("missing", "empty"):
        elsewhere, words = True, (*words, "not taken from where the policy says")
    place = "" if elsewhere else place
    return Case(family, name, world, place, words)


def document_payload(name: str) -> bytes:
    """What is signed of a trust document."""
    number = {"root 1": 0, "root 2": 1}.get(name)
    made = worlds.trust_documents()
    raw = made.roots[number] if number is not None else getattr(made, name)
    kind = DOCUMENTS[name][1]
    return documents.open_document(raw, kind, where=name).payload


def edit(name: str, *changes: tuple[str, object]) -> bytes:
    """A payload with some members set to other values: dotted paths, numbers for items, ``%`` for a dot."""
    payloads = worlds.payloads()
    raw = payloads[name] if name in payloads else document_payload(name)
    made = json.loads(raw)
    for path, value in changes:
        *above, last = (part.replace("%", ".") for part in path.split("."))
        holder = made
        for part in above:
            holder = holder[int(part)] if part.isdigit() else holder[part]
        holder[int(last) if last.isdigit() else last] = value
    return dump(made)


GENERATED: tuple[Callable[[], Iterator[Case | Control]], ...] = (
    statements, bundles, trust_fields, trust_envelopes,
    wrong_people, wrong_founders, lines_missing,
)  # fmt: skip
