# SPDX-License-Identifier: Apache-2.0
"""The ``diff`` trip: read two releases, prove what evidence they hold, and compare. Nobody judges.

Small files of a hub's revision are downloaded and hashed, so that both sides are known by sha256;
weights never are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.core.card.check import RepoFacts, Vocabularies, read_card
from hubpolicy.core.release_diff import Side
from hubpolicy.core.verify import check_model_signature, verify_lines
from hubpolicy.domain.card import CARD_PATH

if TYPE_CHECKING:
    from hubpolicy.domain.trust import Trust
    from hubpolicy.ports import ReleaseReader

_NO_FACTS = RepoFacts((), frozenset(), has_license_file=False, size_bytes=0)


class Proof(NamedTuple):
    """By whose word evidence counts, and when (ISO 8601 UTC). ``trust`` None: nothing is proven."""

    trust: Trust | None
    vocabularies: Vocabularies
    now: str


def read_side(reader: ReleaseReader, proof: Proof) -> Side:
    """One release as it is compared.

    Raises:
        AccessError, ServiceError: a file of it cannot be read.

    """
    manifest = reader.manifest
    has_card = any(entry.path == CARD_PATH for entry in manifest.entries)
    readme = reader.read(CARD_PATH) if has_card else None
    side = Side(
        manifest=manifest,
        card=read_card(readme, _NO_FACTS, proof.vocabularies).card,
        text=(readme or b"").decode("utf-8", "replace"),
        refused=tuple(finding.message for finding in reader.findings),
    )
    if proof.trust is None:
        return side
    files = reader.evidence_files()
    lines, wrong = verify_lines(files, proof.trust, now=proof.now)
    signature, wrong_signature = check_model_signature(files, proof.trust, None, now=proof.now)
    unproven = tuple(finding.message for finding in (*wrong, *wrong_signature))
    return side._replace(lines=lines, signature=signature, unproven=unproven)
