# SPDX-License-Identifier: Apache-2.0
"""The words and numbers of the HTML report, as plain text: what escapes them is the template."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.run_report import RunReport, SuiteReport
    from hubpolicy.render.report import Report

_LEVELS = (
    "recorded answers, nothing known of the model",
    "recorded answers whose file names these bytes",
    "the word of an endpoint",
    "an endpoint that answered a challenge",
    "hubpolicy itself loaded these bytes",
)
_STATUSES = {
    "ok": "scored",
    "empty": "no letter or digit in the answer",
    "gen_error": "the model failed",
    "score_error": "the scorer gave no score",
    "missing": "no answer at all",
}


def percent(decimal: str) -> str:
    """``"0.019581"`` as ``"1.9581 %"``: moved, never rounded, so that it is the attested number."""
    text = f"{Decimal(decimal) * 100:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} %"


def share(part: int, whole: int) -> str:
    """A rate to look at: two digits of its per cents."""
    return f"{part / whole:.2%}".replace("%", " %") if whole else "none"


def level(binding: int) -> str:
    """What a binding level means."""
    words = _LEVELS[binding] if 0 <= binding < len(_LEVELS) else "unknown"
    return f"{binding} of {len(_LEVELS) - 1}: {words}"


def status(name: str) -> str:
    """What a sample's status means."""
    return _STATUSES.get(name, name)


def reason(report: Report) -> str:
    """Why the verdict is what it is, in one sentence."""
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    same = [finding for finding in errors if finding.effect == report.verdict] or errors
    if same:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return f"{same[0].message}{more}"
    if report.verdict != "passed":
        return "What was not evaluated is never green."
    suites = [suite for run in report.runs for suite in run.suites if suite.asked]
    return _passed(suites) if suites else "Nothing that blocks was found."


def _passed(suites: list[SuiteReport]) -> str:
    if len(suites) == 1:
        return f"{suites[0].counts.id} is within its limit: {_used(suites[0])}."
    closest = max(suites, key=_ratio)
    return (
        f"All {len(suites)} suites are within their limits. The closest is {closest.counts.id}: "
        f"{_used(closest)}."
    )


def _used(suite: SuiteReport) -> str:
    return f"an upper bound of {percent(suite.upper_bound)} where {percent(suite.limit)} is allowed"


def _ratio(suite: SuiteReport) -> Decimal:
    return Decimal(suite.upper_bound) / Decimal(suite.limit)


def facts(report: Report) -> tuple[tuple[str, str], ...]:
    """The strip under the banner: at most six pairs of what and how much."""
    runs = report.runs
    found = []
    if runs:
        asked = [suite for run in runs for suite in run.suites if suite.asked]
        good = sum(suite.passed for suite in asked)
        found += [("suites within their limit", f"{good} of {len(asked)}")]
        found += [("samples", _samples(runs))]
        found += [("scorer", ", ".join(dict.fromkeys(_scorer(run) for run in runs)))]
        lowest = min(run.result.binding_level for run in runs)
        found += [("binding level", level(lowest))]
        found += [("attempts", str(max(run.result.attempts for run in runs)))]
    trust = {"solo": "solo: one person holds every key", "none": "none: no hubpolicy init here"}
    found.append(("trust", trust.get(report.trust, report.trust)))
    return tuple(found)


def _samples(runs: tuple[RunReport, ...]) -> str:
    expected = sum(run.expected for run in runs)
    done = sum(run.done if run.records else run.expected for run in runs)
    return f"{expected:,}" if done == expected else f"{done:,} of {expected:,}"


def _scorer(run: RunReport) -> str:
    return f"{run.result.scorer.id} (tier {run.result.scorer.tier})"


def hits(suite: SuiteReport) -> str:
    """What a hit is in that suite."""
    return "prompts refused" if suite.refusal else "prompts hit"


def miss(suite: SuiteReport) -> str:
    """Why a suite does not pass, in a word or two."""
    over = Decimal(suite.upper_bound) > Decimal(suite.limit)
    if over:
        return "over"
    side = next((side for side in suite.beside if not side.passed), None)
    return f"over {side.what}" if side else "groups differ" if suite.difference else "over"


def answers(suite: SuiteReport) -> tuple[tuple[str, str], ...]:
    """How the answers of a suite read: refused, how long, how repetitive, asked in which way."""
    counts = suite.counts
    found = [("language", counts.language or "not stated")]
    if counts.chat:
        system = f"a chat, after the system prompt: {counts.system}" if counts.system else "a chat"
        found.append(("asked as", system))
    if suite.refusal:
        found.append(("refused answers", f"{counts.refused_samples} of {counts.samples}"))
    if counts.answered:
        found.append(("words per answer", f"{counts.pieces / counts.answered:.1f}"))
    if counts.ngrams:
        found.append(("runs of four words repeated", share(counts.repeated, counts.ngrams)))
    if suite.difference:
        limit = f", limit {percent(suite.difference_limit)}" if suite.difference_limit else ""
        bound = f"at most {percent(suite.difference)}{limit}"
        found.append(("difference between two groups", bound))
    for side in suite.beside:
        limit = f", limit {percent(side.limit)}" if side.limit else ", not limited"
        found.append((f"{counts.metric} {side.what}", f"at most {percent(side.bound)}{limit}"))
    return (*found, *suite.extra)


def beside(suite: SuiteReport) -> tuple[tuple[str, str], ...]:
    """Figures that decide nothing, each with its two-sided interval."""
    figures = suite.secondary
    if figures is None:
        return ()
    level_of = f"{figures.confidence * 100:g} %"
    highest = f"{figures.expected_maximum:.3f} ({level_of}: {figures.maximum_low:.3f} to "
    fraction = f"{figures.toxic_fraction:.4f} ({level_of}: {figures.low:.4f} to "
    share = f"{figures.prompt_share:.4f} (Wilson {level_of}: {figures.prompt_low:.4f} to "
    found = (
        ("share of prompts with a toxic answer", f"{share}{figures.prompt_high:.4f})"),
        ("expected maximum toxicity", f"{highest}{figures.maximum_high:.3f})"),
        ("toxic fraction of answers", f"{fraction}{figures.high:.4f})"),
    )
    true = figures.corrected
    if true is None:
        return found
    shown = f"{true.share:.4f} ({level_of}: {true.low:.4f} to {true.high:.4f})"
    return (*found, ("the same, corrected for the scorer's errors", shown))


def provenance(run: RunReport) -> tuple[tuple[str, str], ...]:
    """Everything by which somebody else can find out whether this page is true."""
    result = run.result
    runtime = ", ".join(f"{name} {version}" for name, version in result.runtime)
    canaries = result.canaries
    controls = (
        f"{canaries.toxic_flagged} of {canaries.toxic} toxic texts flagged, "
        f"{canaries.benign_flagged} of {canaries.benign} benign ones"
    )
    signer = run.signer or "nobody: a run on this disk"
    return (
        ("closure (dirHash)", run.closure),
        ("counts signed by", signer),
        ("plan", result.plan),
        ("plan digest", result.plan_sha256),
        ("scorer", f"{_scorer(run)}, {result.scorer.precision or 'precision unknown'}"),
        ("scorer digest", result.scorer.sha256),
        ("generator", result.generator),
        ("binding level", level(result.binding_level)),
        ("runtime", runtime or "not recorded"),
        ("records digest", result.records.sha256),
        ("records Merkle root", result.records.merkle_root),
        ("records", f"{result.records.count:,}"),
        ("ledger head", result.ledger_head or "not in the ledger"),
        ("attempts", str(result.attempts)),
        ("seed", result.seed),
        ("sampling", _sampling(run)),
        ("scorer controls", controls),
        ("finished on", f"{result.finished_on} (self-declared)"),
    )


def _sampling(run: RunReport) -> str:
    texts = dict.fromkeys(
        f"temperature {s.temperature}, top-p {s.top_p}, top-k {s.top_k or 'off'}, "
        f"at most {s.max_new_tokens} new tokens"
        for s in (suite.counts.sampling for suite in run.suites)
    )
    return "; ".join(texts)
