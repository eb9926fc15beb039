# SPDX-License-Identifier: Apache-2.0
"""Headings by their words."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.headings import MAIN, canonical, canonical_label, slug

SLUGS = {
    "Model Details": "model-details",
    "Model Sources [optional]": "model-sources",
    "Citation (Optional)": "citation",
    "Bias, Risks, and Limitations": "bias-risks-and-limitations",
    "Testing Data, Factors & Metrics": "testing-data-factors-and-metrics",
    "🏔️ Uses": "uses",
    "1. Uses": "uses",
    "2.3. Uses": "uses",
    "3) Uses": "uses",
    "4 Uses": "uses",
    "  Uses: ": "uses",
    "Users' Guide": "users-guide",
    "3D models": "3d-models",
    "Évaluation": "évaluation",
    "訓練データ": "訓練データ",
    "???": "",
}
IDS = {
    "Uses": ("uses",),
    "Intended Use": ("uses",),
    "Direct Use": ("uses",),
    "Intended uses & limitations": ("uses", "bias-risks-limitations"),
    "Bias, Risks, and Limitations": ("bias-risks-limitations",),
    "Limitations": ("bias-risks-limitations",),
    "Limitations and Bias": ("bias-risks-limitations",),
    "Ethical Considerations": ("bias-risks-limitations",),
    "Training and evaluation data": ("training-data", "testing-data"),
    "Dataset": ("training-data",),
    "Results": ("evaluation",),
    "Benchmarks": ("evaluation",),
    "Model Card Contact": ("contact",),
    "Maintainers": ("contact",),
    "How to use": ("how-to-get-started-with-the-model",),
    "Our own words": ("our-own-words",),
    "Trainingsdaten": ("training-data",),
    "Limites": ("bias-risks-limitations",),
    "Données d’entraînement": ("training-data",),
    "训练数据": ("training-data",),
    "評価": ("evaluation",),
    "!!!": ("untitled",),
}
BELOW = {
    ("Results", ("evaluation",)): ("results",),
    ("Results", ("training-procedure", "training-details")): ("training-results",),
    ("Results", ("model-card-for-x",)): ("evaluation",),
    ("Data", ("testing-data-factors-and-metrics", "evaluation")): ("testing-data",),
    ("Data", ("training-details",)): ("training-data",),
    ("Direct Use", ("uses",)): ("direct-use",),
}


@pytest.mark.parametrize(("heading", "own"), SLUGS.items())
def test_slugs(heading: str, own: str) -> None:
    assert slug(heading) == own


@pytest.mark.parametrize(("heading", "ids"), IDS.items())
def test_aliases(heading: str, ids: tuple[str, ...]) -> None:
    assert canonical(heading) == ids


@pytest.mark.parametrize(("heading", "ids"), BELOW.items())
def test_the_heading_above_decides(
    heading: tuple[str, tuple[str, ...]], ids: tuple[str, ...]
) -> None:
    assert canonical(*heading) == ids


@pytest.mark.parametrize(
    ("label", "ids"),
    [
        ("Contact", ("contact",)),
        ("Point of contact", ("contact",)),
        ("Support", ()),
        ("Questions", ()),
        ("Intended Use", ("uses",)),
        ("Ethical Considerations and Limitations", ("bias-risks-limitations",)),
        ("Training and evaluation data", ("training-data",)),
        ("License", ()),
    ],
)
def test_labels_that_stand_for_a_section(label: str, ids: tuple[str, ...]) -> None:
    assert canonical_label(label) == ids
    assert set(ids) <= MAIN
