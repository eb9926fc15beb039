# SPDX-License-Identifier: Apache-2.0
"""Log entries of keyless bundles: one way to write each, since nobody signed how it is written."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from hubpolicy.core.fields import Fields
from hubpolicy.core.log_entries import require_entry
from hubpolicy.errors import MalformedError
from tests import transparency as sig

VECTORS = Path(__file__).parents[2] / "oracles" / "vectors"
ENTRY = sig.Sigstore().entry(b"a body")
NOTE = ENTRY["inclusionProof"]["checkpoint"]["envelope"]


def taken(entry: Any) -> None:
    require_entry(Fields(entry, "an entry"))


def changed(path: str, value: Any) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(ENTRY)
    *above, last = path.split(".")
    holder = made
    for part in above:
        holder = holder[part]
    holder[last] = value
    return made


def test_what_a_log_writes_is_taken() -> None:
    taken(ENTRY)


@pytest.mark.parametrize("vector", sorted(VECTORS.glob("*.json")), ids=lambda path: path.name)
def test_what_others_published_is_taken(vector: Path) -> None:
    (entry,) = json.loads(vector.read_text())["verificationMaterial"]["tlogEntries"]
    taken(entry)


@pytest.mark.parametrize(
    "name", ["inclusionPromise", "inclusionProof", "integratedTime", "kindVersion", "logId"]
)
def test_what_is_missing_is_for_the_witness_to_miss(name: str) -> None:
    taken({key: value for key, value in ENTRY.items() if key != name})


def test_so_is_what_is_missing_in_a_part() -> None:
    proof = ENTRY["inclusionProof"]
    for name in proof:
        taken(changed("inclusionProof", {key: proof[key] for key in proof if key != name}))
    for part in ("logId", "inclusionPromise"):
        taken(changed(part, {}))


def stray(text: str) -> str:
    """The same bytes, with a bit set behind them."""
    kept = text.rstrip("=")
    end = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return kept[:-1] + end[end.index(kept[-1]) ^ 1] + text[len(kept) :]


BYTES = (
    "logId.keyId",
    "canonicalizedBody",
    "inclusionPromise.signedEntryTimestamp",
    "inclusionProof.rootHash",
)
NUMBERS = ("logIndex", "integratedTime", "inclusionProof.logIndex", "inclusionProof.treeSize")


@pytest.mark.parametrize("path", BYTES)
@pytest.mark.parametrize("how", ["data after it", "no text", "empty", "a space", "url-safe"])
def test_bytes_in_other_base64(path: str, how: str) -> None:
    value: Any = ENTRY
    for part in path.split("."):
        value = value[part]
    other = {
        "data after it": value + "AAAA" if value.endswith("=") else value + "=",
        "no text": 7,
        "empty": "",
        "a space": f"{value} ",
        "url-safe": f"-_{value[2:]}",
    }[how]
    field = path.rpartition(".")[2]
    with pytest.raises(MalformedError, match=rf"strict base64 .*'{field}' of"):
        taken(changed(path, other))


def test_stray_bits_behind_the_bytes() -> None:
    """What the verifier's own decoder reads past."""
    root = ENTRY["inclusionProof"]["rootHash"]
    (first,) = ENTRY["inclusionProof"]["hashes"]
    assert root.endswith("=")
    for path, value in (("rootHash", stray(root)), ("hashes", [stray(first)])):
        with pytest.raises(MalformedError, match=rf"strict base64 .*'{path}' of"):
            taken(changed(f"inclusionProof.{path}", value))


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize("value", [1, "01", "+1", "-1", "1.0", " 1", "", "0x1", "1" * 20, None])
def test_numbers_in_other_forms(path: str, value: Any) -> None:
    with pytest.raises(MalformedError, match="expected a whole number as text"):
        taken(changed(path, value))


@pytest.mark.parametrize(
    "path", ["", "logId", "kindVersion", "inclusionPromise", "inclusionProof", "inclusionProof.checkpoint"]
)  # fmt: skip
def test_fields_that_nobody_knows(path: str) -> None:
    with pytest.raises(MalformedError, match="unknown field 'surplus'"):
        taken(changed(f"{path}.surplus".removeprefix("."), 1))


def test_kinds_are_words() -> None:
    for name in ("kind", "version"):
        with pytest.raises(MalformedError, match=f"'{name}' of 'kindVersion'"):
            taken(changed(f"kindVersion.{name}", " "))


def note(old: str, new: str) -> dict[str, Any]:
    assert old in NOTE
    return changed("inclusionProof.checkpoint.envelope", NOTE.replace(old, new))


def test_a_checkpoint_is_signed_under_the_name_of_its_log() -> None:
    for name in ("rekor.evil.example", "rekor.acme.example.", "rekor.acme.exampl", "-"):
        with pytest.raises(
            MalformedError, match=r"the name of its log, 'rekor\.acme\.example - 1'"
        ):
            taken(note("\u2014 rekor.acme.example ", f"\u2014 {name} "))
    taken(note("rekor.acme.example - 1\n", "rekor.acme.example\n"))
    with pytest.raises(MalformedError, match="the name of its log"):
        taken(note("rekor.acme.example - 1\n", "rekor.acme.example- 1\n"))
    with pytest.raises(MalformedError, match="the name of its log"):
        taken(changed("inclusionProof.checkpoint.envelope", "text"))


def test_witnesses_may_sign_below_and_nothing_else_stands_there() -> None:
    taken(changed("inclusionProof.checkpoint.envelope", NOTE + "\u2014 witness.example AAAA\n"))
    for line in ("more", "\u2014 witness.example", "\u2014 witness.example AAAA more", "- x AAAA"):
        with pytest.raises(MalformedError, match="signatures alone below the note"):
            taken(changed("inclusionProof.checkpoint.envelope", f"{NOTE}{line}\n"))
    for text in ("AAA", "AAB=", "****"):
        more = changed(
            "inclusionProof.checkpoint.envelope", f"{NOTE}\u2014 witness.example {text}\n"
        )
        with pytest.raises(MalformedError, match=r"strict base64 .*'envelope' of 'checkpoint'"):
            taken(more)
