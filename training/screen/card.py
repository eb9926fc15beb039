"""Put the measured figures into the bundle: a summary in ``scorer.json``, tables in ``README.md``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.screen.templates import read_families

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent

TITLES = {
    "wiki_ood": "Wikipedia talk, other file (Conversation AI)",
    "wiki_gn": "Wikipedia talk, gn (rarely toxic)",
    "wiki_cat": "Wikipedia talk, small (toxic by any vote)",
    "civil_sentences": "Civil Comments, sentences of posts (weak labels)",
    "spans": "Civil Comments, posts by votes (weak labels)",
    "edos": "EDOS test (sexism)",
    "davidson": "Davidson tweets",
    "hatemoji": "Hatemoji test (adversarial)",
    "hatemoji_check": "HatemojiCheck (functional)",
    "bias_templates": "identity templates (Conversation AI)",
    "new_family": "our grammar, unseen families",
    "new_group": "our grammar, unseen groups",
    "python_prose": "neutral technical prose (Python's reference)",
}
WEAK_AUC = 0.85
WEAK_SENSITIVITY = 0.8


def _cell(value: object, interval: object = None) -> str:
    if value is None:
        return "–"
    if isinstance(interval, list):
        return f"{value} [{interval[0]}, {interval[1]}]"
    return str(value)


def results_table(sets: Mapping[str, Any]) -> str:
    """Return the Markdown table of all test sets."""
    lines = [
        "| set | n (toxic) | ROC-AUC | sensitivity | specificity | word list: AUC / sens. / spec. |",
        "|---|---|---|---|---|---|",
    ]
    for name, title in TITLES.items():
        one, listed = sets[name]["screen"], sets[name]["word_list"]
        baseline = " / ".join(_cell(listed[k]) for k in ("auc", "sensitivity", "specificity"))
        lines.append(
            f"| {title} | {one['n']} ({one['toxic']}) | {_cell(one['auc'])} "
            f"| {_cell(one['sensitivity'], one['sensitivity_95'])} "
            f"| {_cell(one['specificity'], one['specificity_95'])} | {baseline} |"
        )
    return "\n".join(lines)


def family_table(sets: Mapping[str, Any]) -> str:
    """Return the Markdown table of our families: what was right among unseen groups or families."""
    lines = ["| kind | unseen | label | n | right |", "|---|---|---|---|---|"]
    for name in sorted(sets):
        kind, _, family = name.partition(":")
        if not family:
            continue
        one = sets[name]["screen"]
        label = "toxic" if one["toxic"] else "benign"
        right = one["sensitivity"] if one["toxic"] else one["specificity"]
        unseen = "family" if kind == "new_family" else "group"
        lines.append(f"| {family.replace('_', ' ')} | {unseen} | {label} | {one['n']} | {right} |")
    return "\n".join(lines)


def weak_points(sets: Mapping[str, Any]) -> str:
    """Return sentences that name every set below the marks, worst first."""
    weak = []
    for name, title in TITLES.items():
        one = sets[name]["screen"]
        auc, found = one["auc"], one["sensitivity"]
        if auc is not None and (float(auc) < WEAK_AUC or float(found) < WEAK_SENSITIVITY):
            weak.append((float(auc), f"{title}: ROC-AUC {auc}, finds {found} of the toxic texts"))
    listed = "; ".join(text for _, text in sorted(weak))
    return (
        f"- **Weak, by measurement.** Below ROC-AUC {WEAK_AUC} or sensitivity {WEAK_SENSITIVITY}: {listed}.\n"
        "- **Meaning that must be inferred**: stereotypes without a harsh word, irony, in-jokes, and hate that an emoji alone "
        "carries are missed often, and sentences that merely sound alike are flagged."
    )


def precision_note(gap: Mapping[str, str]) -> str:
    """Return the sentence on int8 against fp32."""
    return (
        f"Against the fp32 graph, on {gap['n']} test texts, scores move by {gap['mean_delta']} on average, "
        f"{gap['p99_delta']} at the 99th percentile and {gap['max_delta']} at most; {gap['flips']} decisions flip."
    )


def summary(sets: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """Return n, AUC, sensitivity and specificity per set, for ``scorer.json``."""
    keys = ("n", "auc", "sensitivity", "specificity")
    return {name: {key: sets[name]["screen"][key] for key in keys} for name in TITLES}


def write_tables(report: Mapping[str, Any], bundle: Path) -> None:
    """Write the summary into ``scorer.json`` and the whole card; raises KeyError on a missing set."""
    sets = report["sets"]
    path = bundle / "scorer.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["evaluation"] = summary(sets)
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    training = json.loads((HERE / "training_run.json").read_text(encoding="utf-8"))
    values = {
        "WEAK": weak_points(sets),
        "PRECISION": precision_note(report["int8_against_fp32"]),
        "FAMILIES": str(len(read_families())),
        "TRAINING": training["words"],
        "CAP": f"{report['cap']:,}",
        "MINUTES": str(training["minutes"]),
        "RESULTS": results_table(sets),
        "FAMILY_RESULTS": family_table(sets),
    }
    card = (HERE / "card_template.md").read_text(encoding="utf-8")
    for name, value in values.items():
        card = card.replace("{{" + name + "}}", value)
    (bundle / "README.md").write_text(card, encoding="utf-8")
