# SPDX-License-Identifier: Apache-2.0
"""A bill of materials as CycloneDX 1.6 JSON (ECMA-424), the same bytes for the same release.

The serial number is derived from the release line's payload digest, and the time is that of the
release. Nothing stands in it that was not signed or is not in a file that the release covers.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubpolicy.domain.card import CARD_PATH
from hubpolicy.render.escape import in_json
from hubpolicy.render.spdx import spdx_id

if TYPE_CHECKING:
    from hubpolicy.core.bill import Attestation, Bill, CardFacts, Figure
    from hubpolicy.domain.manifest import Entry

SPEC_VERSION = "1.6"
HUB = "https://huggingface.co"


def render(bill: Bill, *, tool_version: str) -> str:
    """One document, ASCII, two spaces, ending in a newline."""
    model = bill.target.purl
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{model}#{bill.release}')}",
        "version": 1,
        "metadata": {
            "timestamp": bill.time,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {
                "components": [
                    {"type": "application", "name": "hubpolicy", "version": tool_version}
                ]
            },
            "component": _model(bill),
        },
        "components": [_file(entry) for entry in bill.files],
        "dependencies": [{"ref": model, "dependsOn": [_ref(entry) for entry in bill.files]}],
        "compositions": [{"aggregate": "complete", "dependencies": [model]}],
    }
    return in_json(json.dumps(document, indent=2)) + "\n"


def _model(bill: Bill) -> dict[str, Any]:
    target, card = bill.target, bill.card
    return {
        "type": "machine-learning-model",
        "bom-ref": target.purl,
        "group": target.namespace,
        "name": target.name,
        "version": bill.dir_hash,
        "purl": target.purl,
        **_some("licenses", [_licence(each) for each in card.licences]),
        **_pedigree(card),
        "externalReferences": _references(bill),
        "modelCard": _card(bill),
        "properties": [
            {"name": "hubpolicy:dirHash", "value": bill.dir_hash},
            {"name": "hubpolicy:policy", "value": bill.policy},
            {"name": "hubpolicy:release", "value": f"sha256:{bill.release}"},
        ],
    }


def _card(bill: Bill) -> dict[str, Any]:
    card = bill.card
    parameters = {
        **_some("task", card.task),
        **_some("datasets", [_dataset(name) for name in card.datasets]),
    }
    considerations = {
        **_some("useCases", list(card.uses)),
        **_some("technicalLimitations", list(card.limits)),
    }
    return {
        **_some("modelParameters", parameters),
        "quantitativeAnalysis": {"performanceMetrics": [_metric(each) for each in bill.figures]},
        **_some("considerations", considerations),
    }


def _metric(figure: Figure) -> dict[str, Any]:
    interval = {**_some("lowerBound", figure.lower), **_some("upperBound", figure.upper)}
    return {
        "type": figure.metric,
        "value": figure.value,
        "slice": figure.about,
        **_some("confidenceInterval", interval),
    }


def _references(bill: Bill) -> list[dict[str, Any]]:
    page = f"{bill.target.endpoint}/{bill.target.text}"
    card = [{"alg": "SHA-256", "content": e.sha256} for e in bill.files if e.path == CARD_PATH]
    return [
        {"type": "distribution", "url": page, "comment": bill.target.purl},
        {"type": "model-card", "url": CARD_PATH, **_some("hashes", card)},
        *(_attestation(each) for each in bill.evidence),
    ]


def _attestation(each: Attestation) -> dict[str, Any]:
    comment = f"{each.kind}, signed by {each.signer}, DSSE payload sha256:{each.sha256}"
    return {"type": "attestation", "url": each.path, "comment": comment}


def _file(entry: Entry) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": _ref(entry),
        "name": entry.path,
        "hashes": [{"alg": "SHA-256", "content": entry.sha256}],
    }


def _ref(entry: Entry) -> str:
    return f"file:{quote(entry.path)}"


def _licence(name: str) -> dict[str, Any]:
    known = spdx_id(name)
    return {"license": {"id": known} if known else {"name": name}}


def _dataset(name: str) -> dict[str, Any]:
    return {"type": "dataset", "name": name, "contents": {"url": f"{HUB}/datasets/{quote(name)}"}}


def _pedigree(card: CardFacts) -> dict[str, Any]:
    """Base models are named on the public Hub, whatever endpoint the model itself goes to."""
    ancestors = [
        {"type": "machine-learning-model", "name": name, "purl": f"pkg:huggingface/{quote(name)}"}
        for name in card.base_models
    ]
    return {"pedigree": {"ancestors": ancestors}} if ancestors else {}


def _some(name: str, value: Any) -> dict[str, Any]:
    """The member, where there is anything to say."""
    return {name: value} if value else {}
