# SPDX-License-Identifier: Apache-2.0
"""Every bit of what is signed flipped, every length cut, and thousands of named attacks.

One small release with every kind of evidence, signed by an organisation with roles and thresholds,
is changed in one place at a time and judged by the functions that judge every release; the same
release by X.509 chains, keyless identities and with RFC 3161 timestamps, too. Counted:

    accepted    what opened the gate and must not
    crashed     what ended in anything but an error of our own
    unnamed     refusals whose messages do not name the place, or none of the words that say why
    same        changes that mean nothing, let pass with a justification (printed below the table)

A flip or a cut may be refused by the first reason that it meets, so only the place is asked for
there, and a word of expectation. ``--quick``: every 29th flip and cut, every 7th case of the larger
tables. ``--full``: the whole gate over every bit of every evidence file as well (some 190,000
verdicts).
Exits 1 if anything but ``same`` is not 0.

    python -m bench.mutations
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.adapters.trusted import with_witness
from hubpolicy.core import documents
from hubpolicy.core.evidence_files import unpack_records
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.verify import verify_bundle, verify_model_signature
from hubpolicy.domain.manifest import MODEL_SIGNATURE
from hubpolicy.errors import HubpolicyError, MalformedError
from tests.attacks import mutation_signers as signers
from tests.attacks import mutation_world as worlds
from tests.attacks.mutation_cases import DOCUMENTS, Case, Control
from tests.attacks.mutation_table import TABLES, tried
from tests.attacks.mutation_world import MODEL, SIGNERS, gate, good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Judge = Callable[[bytes], object]

SAYS_WHY = (
    "expected",
    "not strict base64",
    "does not hold",
    "twice",
    "signatures of role",
    "two signatures",
    "revoked",
    "expired",
    "can be read",
    "does not chain",
    "was granted",
    "standard form",
    "not on the way",
    "no authority may certify",
    "must not sign here",
)


class Target(NamedTuple):
    """Something signed, the function that proves it, and how messages call it."""

    name: str
    raw: bytes
    judge: Judge
    place: str


class Count(NamedTuple):
    """What became of one family, by result."""

    family: str
    results: Counter[str]
    seconds: float

    @property
    def row(self) -> str:
        got = self.results
        unnamed = got["no reason"]
        bad = (got["accepted"], got["traceback"], unnamed, got["control refused"])
        cells = (f"{n:>9,}" for n in (sum(got.values()), *bad, got["same"]))
        return f"{self.family:<40}{''.join(cells)}{self.seconds:>8.1f} s"

    @property
    def clean(self) -> bool:
        """True if all was refused for a reason, or means the same."""
        return set(self.results) <= {"refused", "same"}


def targets() -> Iterator[Target]:
    """Every bundle, ``model.sig``, root, policy and state, each with its own function."""
    world = good()
    trust = documents.verify_trust(world.roots, world.state, pin=world.pin, now=world.now)
    manifest = worlds.manifest_of(MODEL)
    for name, who in SIGNERS.items():
        raw = worlds.bundled(worlds.payloads()[name], who)
        if name == MODEL_SIGNATURE:
            continue
        prove = partial(verify_bundle, trust=trust, now=world.now, where=f"line {name}")
        yield Target(f"bundle: {name}", raw, prove, f"line {name}")
    prove_files = partial(verify_model_signature, trust=trust, manifest=manifest, now=world.now)
    yield Target(MODEL_SIGNATURE, world.files[MODEL_SIGNATURE], prove_files, MODEL_SIGNATURE)
    for name, (place, _, _) in DOCUMENTS.items():
        judge: Judge = partial(_trusted, name)
        if name == "policy":
            judge = partial(documents.verify_policy, trust=trust)
        yield Target(name, _document(name), judge, place)


def signed_otherwise() -> Iterator[Target]:
    """Bundles of a chain, of an identity and with a timestamp, and the DER that stands in them."""
    world = signers.release()
    trust = documents.verify_trust(world.roots, world.state, pin=world.pin, now=world.now)
    prove = partial(verify_bundle, trust=with_witness(trust), now=world.now, where="line x")
    prove_files = partial(
        verify_model_signature, trust=trust, manifest=worlds.manifest_of(MODEL), now=world.now
    )
    for name, form in signers.FORMS.items():
        raw = signers.bundles()[name]
        if name == MODEL_SIGNATURE:
            yield Target(f"{name}, {form}", raw, prove_files, MODEL_SIGNATURE)
        else:
            yield Target(f"bundle: {name}, {form}", raw, prove, "line x")
    for part in signers.parts():
        judge = partial(_within, part=part, prove=prove)
        yield Target(f"DER: {part.what}", part.der, judge, "line x")


def _within(der: bytes, part: signers.Part, prove: Judge) -> object:
    return prove(part.put(der))


def _document(name: str) -> bytes:
    first, second = good().roots
    return {"root 1": first, "root 2": second, "policy": good().policy, "state": good().state}[name]


def _trusted(name: str, raw: bytes) -> object:
    """Prove the trust with one of its documents exchanged."""
    world = good()
    roots = [raw if name == f"root {i}" else root for i, root in enumerate(world.roots, start=1)]
    state = raw if name == "state" else world.state
    return documents.verify_trust(tuple(roots), state, pin=world.pin, now=world.now)


def changed(raw: bytes, every: int) -> Iterator[bytes]:
    """Each bit flipped, then each shorter length; or every so many of them."""
    for bit in range(0, 8 * len(raw), every):
        place = bit // 8
        yield raw[:place] + bytes([raw[place] ^ 1 << bit % 8]) + raw[place + 1 :]
    for end in range(0, len(raw), every):
        yield raw[:end]


def proved(target: Target, raw: bytes) -> str:
    """What became of one change, when only the function of that document is asked."""
    try:
        target.judge(raw)
    except HubpolicyError as error:
        said = error.message
    except Exception:  # noqa: BLE001 - that nothing else is ever raised is what is looked at
        print(traceback.format_exc())
        return "traceback"
    else:
        return "accepted"
    named = target.place in said and any(word in said for word in SAYS_WHY)
    return "refused" if named else "no reason"


def judged(path: str, raw: bytes) -> str:
    """What became of one change to an evidence file, when the whole gate is asked."""
    said = gate(good().putting(path, raw))
    if said.crash:
        print(said.crash)
        return "traceback"
    if said.accepted:
        return "same" if means_the_same(path, raw) else "accepted"
    return "refused" if said.says else "no reason"


def means_the_same(path: str, raw: bytes) -> bool:
    """The last line break is left away, or the packed records unpack to what was signed."""
    if path.endswith(".gz"):
        try:
            return unpack_records(raw, where=path) == worlds.RECORDS
        except MalformedError:
            return False
    return raw + b"\n" == good().files[path]


SAME = (
    "the last line break of a file of lines: white space outside of every bundle",
    "gzip's time stamp, level, system and last unused bits: the records unpack to the signed bytes",
)


def count(family: str, results: Iterable[str]) -> Count:
    """Run through the results, and print a row."""
    began = time.perf_counter()
    done = Count(family, Counter(results), time.perf_counter() - began)
    print(done.row, flush=True)
    return done


def named_attacks(*, quick: bool) -> Iterator[Count]:
    """The tables, one row for each, with every failure printed."""
    for table in TABLES:
        cases = list(table())
        kept = cases[::7] if quick and len(cases) > 50 else cases
        yield count(table.__name__.replace("_", " "), map(_told, kept))


def _told(case: Case | Control) -> str:
    result, said = tried(case)
    if result not in ("refused", "same"):
        print(f"    {result}: {case.name}: {said[:400]}")
    return result


def justifications() -> dict[str, int]:
    """Why a change was let pass, and how many there are of each."""
    controls = (case for table in TABLES for case in table() if isinstance(case, Control))
    return Counter(case.why for case in controls)


def bits(*, every: int, whole_gate: bool) -> Iterator[Count]:
    """Flips and cuts."""
    for target in (*targets(), *signed_otherwise()):
        family = f"bits of {target.name} ({len(target.raw):,} B)"
        yield count(family, (proved(target, raw) for raw in changed(target.raw, every)))
    for path, raw in good().files.items() if whole_gate else ():
        if path not in MODEL:
            short = (
                "release lines" if path == RELEASE_FILE else path.removeprefix(".hubpolicy/")[:18]
            )
            family = f"gate: {short} ({len(raw):,} B)"
            yield count(family, (judged(path, made) for made in changed(raw, every)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true")
    size.add_argument("--full", action="store_true")
    parser.add_argument("--every", type=int, default=0, help="of bits and lengths, take every Nth")
    options = parser.parse_args()
    every = options.every or (29 if options.quick else 1)
    heads = ("tried", "accepted", "crashed", "unnamed", "controls", "same")
    print(f"{'one change at a time':<40}{''.join(f'{head:>9}' for head in heads)}")
    done = [*named_attacks(quick=options.quick), *bits(every=every, whole_gate=options.full)]
    untouched = gate(good())
    total = Count(
        "all", sum((one.results for one in done), Counter()), sum(d.seconds for d in done)
    )
    print(total.row)
    print(f"\nthe untouched release: {'accepted' if untouched.accepted else 'REFUSED'}")
    print("let pass, because it is")
    for why, number in justifications().items():
        print(f"    {number:>4}  {why}")
    for why in SAME if options.full else ():
        print(f"          {why}")
    if not untouched.accepted or not all(one.clean for one in done):
        sys.exit(1)


if __name__ == "__main__":
    main()
