# SPDX-License-Identifier: Apache-2.0
"""The form of transparency log entries in a bundle (protobuf-specs, sigstore_rekor.proto).

Whoever proves a keyless signature reads them with a lenient parser: base64 with stray bits or data
after its padding, numbers with zeros before them, any name before a checkpoint's signature. Nobody
signed that, so it is refused here, before anything is proven. Witnesses may sign a checkpoint below
its log under names of their own; nobody here counts them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.core.dsse import decode_base64

if TYPE_CHECKING:
    from hubpolicy.core.fields import Fields

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SIGNED_BY = re.compile(r"\u2014 (\S+) (\S+)")


def require_entry(entry: Fields) -> None:
    """Refuse an entry with unknown fields, or any field in another form than it is written in.

    What it proves, and whether what is missing was needed, is for the witness to say.

    Raises:
        MalformedError: naming the first such field.

    """
    for name in ("logIndex", "integratedTime"):
        _number(entry, name)
    _bytes(entry, "canonicalizedBody")
    for name, check in (
        ("logId", _log),
        ("kindVersion", _kind),
        ("inclusionPromise", _promise),
        ("inclusionProof", _proof),
    ):
        if entry.has(name):
            part = entry.object(name)
            check(part)
            part.done()
    entry.done()


def _log(log: Fields) -> None:
    _bytes(log, "keyId")


def _kind(kind: Fields) -> None:
    for name in ("kind", "version"):
        kind.words(name)


def _promise(promise: Fields) -> None:
    _bytes(promise, "signedEntryTimestamp")


def _proof(proof: Fields) -> None:
    for name in ("logIndex", "treeSize"):
        _number(proof, name)
    _bytes(proof, "rootHash")
    for each in proof.array("hashes") if proof.has("hashes") else ():
        decode_base64(each, where=f"'hashes' of {proof.where}")
    if proof.has("checkpoint"):
        checkpoint = proof.object("checkpoint")
        _note(checkpoint)
        checkpoint.done()


def _note(checkpoint: Fields) -> None:
    """A signed note (C2SP): one of its signatures bears the name of its origin, the log."""
    origin, _, rest = checkpoint.text("envelope").partition("\n")
    lines = rest.partition("\n\n")[2].splitlines()
    signed = [_SIGNED_BY.fullmatch(line) for line in lines]
    names = [found[1] for found in signed if found]
    if not any(origin == name or origin.startswith(f"{name} - ") for name in names):
        checkpoint.refuse("envelope", f"a note signed under the name of its log, {origin[:80]!r}")
    if len(names) < len(lines):
        checkpoint.refuse("envelope", "signatures alone below the note")
    for found in filter(None, signed):
        decode_base64(found[2], where=f"'envelope' of {checkpoint.where}")


def _number(fields: Fields, name: str) -> None:
    if not fields.has(name):
        return
    value = fields.raw(name)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        fields.refuse(name, "a whole number as text")


def _bytes(fields: Fields, name: str) -> None:
    if fields.has(name):
        decode_base64(fields.raw(name), where=f"{name!r} of {fields.where}")
