# SPDX-License-Identifier: Apache-2.0
"""Which canonical section a heading opens, by its words and the heading above, not by order.

The canonical ids are the slugs of huggingface_hub's template; the aliases are headings that cards
on the Hub and the generators of trainers use (Mitchell et al. 2019 names among them).
"""

from __future__ import annotations

import re
import unicodedata

_USES = "uses"
_RISKS = "bias-risks-limitations"
_DATA = "training-data"
_EVALUATION = "evaluation"
_CONTACT = "contact"

_ALIASES: dict[str, tuple[str, ...]] = {
    "bias-risks-and-limitations": (_RISKS,),
    "biases-risks-and-limitations": (_RISKS,),
    "risks-and-limitations": (_RISKS,),
    "risks-limitations-and-biases": (_RISKS,),
    "limitations": (_RISKS,),
    "limitation": (_RISKS,),
    "limitations-and-bias": (_RISKS,),
    "limitations-and-biases": (_RISKS,),
    "limitations-and-risks": (_RISKS,),
    "bias-and-limitations": (_RISKS,),
    "biases-and-limitations": (_RISKS,),
    "bias": (_RISKS,),
    "risks": (_RISKS,),
    "known-limitations": (_RISKS,),
    "ethical-considerations": (_RISKS,),
    "ethical-considerations-and-limitations": (_RISKS,),
    "ethics-and-limitations": (_RISKS,),
    "responsible-ai-considerations": (_RISKS,),
    "responsibility-and-safety": (_RISKS,),
    "caveats-and-recommendations": (_RISKS,),
    "caveats": (_RISKS,),
    "ethics": (_RISKS,),
    "ethics-and-safety": (_RISKS,),
    "ethical-considerations-and-risks": (_RISKS,),
    "limitations-and-ethical-considerations": (_RISKS,),
    "limitations-and-considerations": (_RISKS,),
    "safety-and-limitations": (_RISKS,),
    "risks-and-biases": (_RISKS,),
    "biases": (_RISKS,),
    "model-limitations": (_RISKS,),
    "known-issues": (_RISKS,),
    "known-issues-and-limitations": (_RISKS,),
    "safety": (_RISKS,),
    "use": (_USES,),
    "use-cases": (_USES,),
    "use-case": (_USES,),
    "primary-use-cases": (_USES,),
    "applications": (_USES,),
    "intended-applications": (_USES,),
    "intended-purpose": (_USES,),
    "intended-users": (_USES,),
    "intended-use": (_USES,),
    "intended-uses": (_USES,),
    "intended-usage": (_USES,),
    "intended-use-cases": (_USES,),
    "primary-intended-uses": (_USES,),
    "model-uses": (_USES,),
    "direct-use": (_USES,),
    "intended-use-and-limitations": (_USES, _RISKS),
    "intended-uses-and-limitations": (_USES, _RISKS),
    "uses-and-limitations": (_USES, _RISKS),
    "usage-and-limitations": (_USES, _RISKS),
    "out-of-scope-uses": ("out-of-scope-use",),
    "out-of-scope": ("out-of-scope-use",),
    "misuse-and-out-of-scope-use": ("out-of-scope-use",),
    "misuse-malicious-use-and-out-of-scope-use": ("out-of-scope-use",),
    "how-to-get-started": ("how-to-get-started-with-the-model",),
    "getting-started": ("how-to-get-started-with-the-model",),
    "how-to-use": ("how-to-get-started-with-the-model",),
    "quick-start": ("how-to-get-started-with-the-model",),
    "quickstart": ("how-to-get-started-with-the-model",),
    "usage": ("how-to-get-started-with-the-model",),
    "data": (_DATA,),
    "dataset": (_DATA,),
    "datasets": (_DATA,),
    "training-dataset": (_DATA,),
    "model-data": (_DATA,),
    "data-sources": (_DATA,),
    "datasets-used": (_DATA,),
    "dataset-details": (_DATA,),
    "training-set": (_DATA,),
    "training-corpora": (_DATA,),
    "training-data-overview": (_DATA,),
    "training-testing-and-evaluation-datasets": (_DATA,),
    "training-datasets": (_DATA,),
    "training-data-and-preprocessing": (_DATA,),
    "pretraining-data": (_DATA,),
    "pre-training-data": (_DATA,),
    "pretraining-corpus": (_DATA,),
    "training-corpus": (_DATA,),
    "fine-tuning-data": (_DATA,),
    "finetuning-data": (_DATA,),
    "data-overview": (_DATA,),
    "training-and-evaluation-data": (_DATA, "testing-data"),
    "training": ("training-details",),
    "training-procedure-and-data": ("training-details", _DATA),
    "evaluation-results": (_EVALUATION,),
    "evaluations": (_EVALUATION,),
    "eval-results": (_EVALUATION,),
    "evaluation-and-results": (_EVALUATION,),
    "results": (_EVALUATION,),
    "benchmarks": (_EVALUATION,),
    "benchmark": (_EVALUATION,),
    "benchmark-scores": (_EVALUATION,),
    "benchmarking": (_EVALUATION,),
    "evaluation-benchmarks": (_EVALUATION,),
    "evaluation-metrics": (_EVALUATION,),
    "evaluation-and-performance": (_EVALUATION,),
    "performance-metrics": (_EVALUATION,),
    "model-evaluation": (_EVALUATION,),
    "experimental-results": (_EVALUATION,),
    "test-results": (_EVALUATION,),
    "benchmark-results": (_EVALUATION,),
    "performance": (_EVALUATION,),
    "model-performance": (_EVALUATION,),
    "quantitative-analyses": (_EVALUATION,),
    "model-card-contact": (_CONTACT,),
    "contacts": (_CONTACT,),
    "contact-us": (_CONTACT,),
    "contact-details": (_CONTACT,),
    "get-in-touch": (_CONTACT,),
    "maintainer": (_CONTACT,),
    "contact-information": (_CONTACT,),
    "point-of-contact": (_CONTACT,),
    "contact-and-support": (_CONTACT,),
    "maintainers": (_CONTACT,),
    "support": (_CONTACT,),
    "questions": (_CONTACT,),
    "questions-and-feedback": (_CONTACT,),
    "feedback": (_CONTACT,),
    "quantisation": ("quantization",),
    "quantization-details": ("quantization",),
    "quantisation-details": ("quantization",),
    "quantization-procedure": ("quantization",),
    "about-the-quantization": ("quantization",),
    "provided-files": ("quantization",),
    "provided-quants": ("quantization",),
    "merge": ("merge-details",),
    "merge-method": ("merge-details",),
    "models-merged": ("merge-details",),
}

# The same five in the languages that cards are most often written in beside English.
_TRANSLATED: dict[str, tuple[str, ...]] = {
    _USES: (
        "utilisation",
        "utilisations",
        "usages",
        "utilisations-prévues",
        "verwendung",
        "verwendungszweck",
        "einsatzzweck",
        "usos",
        "usos-previstos",
        "用途",
        "预期用途",
        "想定用途",
    ),
    _RISKS: (
        "limites",
        "biais-risques-et-limites",
        "einschränkungen",
        "grenzen",
        "limitaciones",
        "sesgos-riesgos-y-limitaciones",
        "局限性",
        "限制",
        "制限事項",
    ),
    _DATA: (
        "données-dentraînement",
        "trainingsdaten",
        "datos-de-entrenamiento",
        "训练数据",
        "学習データ",
    ),
    _EVALUATION: (
        "évaluation",
        "résultats",
        "auswertung",
        "ergebnisse",
        "evaluación",
        "resultados",
        "评估",
        "评测结果",
        "評価",
    ),
    _CONTACT: (
        "kontakt",
        "contacto",
        "联系方式",
        "联系我们",
        "連絡先",
        "お問い合わせ",
    ),
}
_ALIASES.update({name: (own,) for own, names in _TRANSLATED.items() for name in names})

# The same word below another heading: "Results" of training is no evaluation of the model.
_BELOW: dict[tuple[str, str], tuple[str, ...]] = {
    (_EVALUATION, "results"): ("results",),
    (_EVALUATION, "data"): ("testing-data",),
    (_EVALUATION, "dataset"): ("testing-data",),
    (_EVALUATION, "datasets"): ("testing-data",),
    ("training-details", "results"): ("training-results",),
    ("training-procedure", "results"): ("training-results",),
    ("testing-data-factors-and-metrics", "data"): ("testing-data",),
    ("testing-data-factors-and-metrics", "metrics"): ("metrics",),
    (_USES, "direct-use"): ("direct-use",),
}

_CONTACT_LABELS = frozenset({"contact", "contacts", "contact-email", "point-of-contact"})

MAIN = frozenset({_USES, _RISKS, _DATA, _EVALUATION, _CONTACT, "quantization"})
"""Sections that never count for one another, whatever their heading levels say."""

_OPTIONAL = re.compile(r"\[\s*optional\s*\]|\(\s*optional\s*\)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*(?:[0-9]{1,3}[.)]){1,5}\s*|\s*[0-9]{1,3}\s+(?=\w)")
_RUN = re.compile(r"[^\W_]+")


def slug(heading: str) -> str:
    """Lower-case words joined by ``-``, without numbering, emoji, ``&`` and ``[optional]``."""
    text = unicodedata.normalize("NFKC", _OPTIONAL.sub(" ", heading))
    text = _NUMBER.sub("", text, count=1).casefold().replace("&", " and ")
    return "-".join(_RUN.findall(text.replace("'", "").replace("\u2019", "")))


def canonical(heading: str, parents: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The ids of the sections that a heading opens; ``parents`` are the ids it stands below."""
    own = slug(heading) or "untitled"
    for parent in parents:
        if (parent, own) in _BELOW:
            return _BELOW[parent, own]
    return _ALIASES.get(own, (own,))


def canonical_label(label: str) -> tuple[str, ...]:
    """The main sections for which a line ``**Label:** text`` may stand; often none."""
    if slug(label) in _CONTACT_LABELS:
        return (_CONTACT,)
    return tuple(each for each in canonical(label) if each in MAIN and each != _CONTACT)
