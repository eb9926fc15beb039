# SPDX-License-Identifier: Apache-2.0
"""The log of a run as bytes: rows in batches, each batch closed by a signed seal.

::

    row  = a sample with its text | a control scoring | the mark that a shard is complete
    seal = number, sha256 of the batch's rows, sha256 of the seal before, key id, signature

What is signed names the run (sha256 of ``run.json``) and the seal before it, so that rows can be
neither planted, changed, moved nor taken out of the middle by anybody who has not the key. A
batch without its seal was cut off by a crash, or was never written by us: it does not count.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.core.dsse import decode_base64, encode_base64, pae
from hubpolicy.core.keys import keyid_of, verify_signature
from hubpolicy.core.records import parse_record, render_record
from hubpolicy.domain.evaluation import Control, Sample
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubpolicy.core.dsse import SigningKey

SEAL_TYPE = "application/vnd.hubpolicy.run-batch+json"
"""DSSE payload type of a seal. No statement has it, so a seal can never pass for evidence."""

MAX_ROW = 16 * 1024 * 1024
_SEAL = b'{"seal":'
_COMPLETE = b'{"complete":true}'
_FIELDS = {"batch", "keyid", "previous", "rows", "sig"}
_HINT = "move the run's folder away, then: hubpolicy test"


class Head(NamedTuple):
    """Where a log ends: its run (hex sha256), the number of batches, the last seal's digest."""

    run: str
    batches: int
    previous: str


class Kept(NamedTuple):
    """What a log proves. ``size``: bytes of whole batches; what comes after was cut off."""

    samples: tuple[Sample, ...]
    controls: tuple[Control, ...]
    complete: bool
    head: Head
    size: int


def begin(run: str) -> Head:
    """The head of a log without batches. ``run``: hex sha256 of its ``run.json``."""
    return Head(run, 0, run)


def render_batch(
    head: Head,
    samples: Sequence[Sample],
    controls: Sequence[Control],
    signer: SigningKey | None,
    *,
    complete: bool = False,
) -> tuple[bytes, Head]:
    """Rows and their seal, to be written at once, and the head after them.

    Without a signer the seal is only a hash: good against crashes, not against anybody.
    """
    lines = [_render_control(control) for control in controls]
    lines += [_render_sample(sample) for sample in samples]
    lines += [_COMPLETE] * complete
    rows = b"".join(line + b"\n" for line in lines)
    payload = _payload(head, hashlib.sha256(rows).hexdigest())
    keyid, signature = "", ""
    if signer is not None:
        keyid, signature = signer.keyid, encode_base64(signer.sign(pae(SEAL_TYPE, payload)))
    seal = {
        "batch": head.batches,
        "keyid": keyid,
        "previous": head.previous,
        "rows": hashlib.sha256(rows).hexdigest(),
        "sig": signature,
    }
    return rows + strictjson.canonical({"seal": seal}) + b"\n", _after(head, payload)


def parse_log(content: bytes, run: str, pem: str, where: str) -> Kept:
    """Prove every batch of a log. ``pem``: the public key that must have sealed it, "" = none.

    Raises:
        MalformedError: a batch that this key did not seal for this run at this place, or rows
            that are none.

    """
    head, samples, controls, complete = begin(run), list[Sample](), list[Control](), False
    start = size = 0
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        end = start + len(line) + 1
        if line.startswith(_SEAL):
            place = f"line {number} of {where}"
            head = _check_seal(line, content[size:start], head, pem, place)
            for row in _rows(content[size:start], number, where):
                samples += [row] if isinstance(row, Sample) else []
                controls += [row] if isinstance(row, Control) else []
                complete = complete or row is None
            size = end
        start = end
    return Kept(tuple(samples), tuple(controls), complete, head, size)


def sealed_by(content: bytes, where: str) -> str:
    """The key id that the first seal claims; "" if there is no seal, or nobody signed it."""
    for line in content.split(b"\n"):
        if line.startswith(_SEAL):
            return str(_parse_seal(line, where)["keyid"])
    return ""


def _rows(rows: bytes, seal: int, where: str) -> list[Sample | Control | None]:
    lines = rows.split(b"\n")[:-1]
    first = seal - len(lines)
    return [_parse_row(line, f"line {first + i} of {where}") for i, line in enumerate(lines)]


def _parse_row(line: bytes, where: str) -> Sample | Control | None:
    if line == _COMPLETE:
        return None
    match strictjson.parse(line, what=where, limit=MAX_ROW):
        case {"record": dict() as record, "text": str() as text, **rest} if not rest:
            return Sample(parse_record(strictjson.canonical(record), where), text)
        case {"control": str() as name, "flagged": bool() as flagged, **rest} if not rest:
            return Control(name, flagged)
        case _:
            message = f"got neither a sample nor a control, in {where}"
            raise MalformedError(message, hint=_HINT)


def _render_sample(sample: Sample) -> bytes:
    record: Any = strictjson.parse(render_record(sample.record), what="a record")
    return strictjson.canonical({"record": record, "text": sample.text})


def _render_control(control: Control) -> bytes:
    return strictjson.canonical({"control": control.id, "flagged": control.flagged})


def _check_seal(line: bytes, rows: bytes, head: Head, pem: str, where: str) -> Head:
    seal = _parse_seal(line, where)
    digest = hashlib.sha256(rows).hexdigest()
    place = (seal["batch"], seal["previous"], seal["rows"])
    if place != (head.batches, head.previous, digest):
        message = f"got a batch that was changed, moved or taken from another run, in {where}"
        raise MalformedError(message, hint=_HINT)
    wanted = keyid_of(pem) if pem else ""
    if seal["keyid"] != wanted:
        got, expected = _by(seal["keyid"]), _by(wanted)
        message = f"got a batch signed by {got}, expected it signed by {expected}, in {where}"
        raise MalformedError(message, hint=_HINT)
    payload = _payload(head, digest)
    if pem:
        signature = decode_base64(seal["sig"], where=where)
        if not verify_signature(pem, signature, pae(SEAL_TYPE, payload), where=where):
            message = f"the signature does not hold under {_by(wanted)}, in {where}"
            raise MalformedError(message, hint=_HINT)
    return _after(head, payload)


def _parse_seal(line: bytes, where: str) -> dict[str, Any]:
    table = strictjson.parse(line, what=where, limit=4096)
    seal = table["seal"] if isinstance(table, dict) and table.keys() == {"seal"} else None
    if not isinstance(seal, dict) or seal.keys() != _FIELDS or type(seal["batch"]) is not int:
        message = f"got a seal that is none of ours, in {where}"
        raise MalformedError(message, hint=_HINT)
    return seal


def _payload(head: Head, rows: str) -> bytes:
    place = {"run": head.run, "batch": head.batches, "previous": head.previous}
    return strictjson.canonical({"schema": "hubpolicy/run-batch/1", **place, "rows": rows})


def _after(head: Head, payload: bytes) -> Head:
    return Head(head.run, head.batches + 1, hashlib.sha256(payload).hexdigest())


def _by(keyid: object) -> str:
    return f"key {str(keyid)[:16]}" if keyid else "nobody"
