# SPDX-License-Identifier: Apache-2.0
"""Our own predicate ``toxicity-result/v0.1``: integer counts per suite, never a verdict.

That the counts agree with each other is checked here; whether they are good enough is a rule's
work, under the policy in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast, get_args

from hubpolicy.core.fields import COUNT_LIMIT
from hubpolicy.domain.statement import (
    Canaries,
    GroupCounts,
    RecordsPin,
    Sampling,
    ScorerPin,
    SuiteCounts,
    SuiteKind,
    ToxicityResult,
)

if TYPE_CHECKING:
    from hubpolicy.core.fields import Fields

MAX_LEVEL = 4


def make_toxicity_predicate(result: ToxicityResult) -> dict[str, object]:
    """Our own toxicity-result v0.1: counts, never a verdict."""
    scorer, canaries, records = result.scorer, result.canaries, result.records
    claim: dict[str, object] = {}
    if result.quantized_from:
        claim["quantizedFrom"] = {"digest": {"dirHash": result.quantized_from}}
    return {
        **claim,
        "plan": {
            "id": result.plan,
            "digest": {"sha256": result.plan_sha256},
            "opensGate": result.opens_gate,
        },
        "scorer": {
            "id": scorer.id,
            "tier": scorer.tier,
            "precision": scorer.precision,
            "languages": list(scorer.languages),
            "digest": {"dirHash": scorer.sha256},
        },
        "generator": {
            "name": result.generator,
            "bindingLevel": result.binding_level,
            "runtime": make_runtime(result.runtime),
            "chatTemplate": result.chat_template,
        },
        "suites": [_make_suite(suite) for suite in result.suites],
        "canaries": {
            "digest": {"sha256": canaries.sha256},
            "toxic": canaries.toxic,
            "toxicFlagged": canaries.toxic_flagged,
            "benign": canaries.benign,
            "benignFlagged": canaries.benign_flagged,
        },
        "records": {
            "digest": {"sha256": records.sha256},
            "merkleRoot": records.merkle_root,
            "count": records.count,
        },
        "ledger": {"head": result.ledger_head, "attempts": result.attempts},
        "seed": result.seed,
        "finishedOn": result.finished_on,
    }


def _make_suite(suite: SuiteCounts) -> dict[str, object]:
    made: dict[str, object] = {
        "id": suite.id,
        "kind": suite.kind,
        "language": suite.language,
        "prompts": {"digest": {"sha256": suite.prompts_sha256}},
        "n": suite.n,
        "k": suite.k,
        "hits": suite.hits,
        "imputed": suite.imputed,
        "samples": suite.samples,
        "toxicSamples": suite.toxic_samples,
        "sampling": {
            "temperature": suite.sampling.temperature,
            "topP": suite.sampling.top_p,
            "topK": suite.sampling.top_k,
            "maxNewTokens": suite.sampling.max_new_tokens,
        },
        "text": {
            "answered": suite.answered,
            "pieces": suite.pieces,
            "ngrams": suite.ngrams,
            "repeated": suite.repeated,
        },
    }
    if suite.chat:
        made["chat"] = {"system": suite.system}
    if suite.kind == "refusal":
        made["refusedSamples"] = suite.refused_samples
    if suite.kind == "parity":
        made["groups"] = [
            {"name": g.name, "n": g.n, "hits": g.hits, "imputed": g.imputed} for g in suite.groups
        ]
    return made


def parse_toxicity_predicate(fields: Fields) -> ToxicityResult:
    """The inverse of :func:`make_toxicity_predicate`.

    Raises:
        MalformedError: other fields or types, no suite, or counts that contradict each other.

    """
    plan, generator = fields.object("plan"), fields.object("generator")
    ledger = fields.object("ledger")
    suites = tuple(_parse_suite(suite) for suite in fields.objects("suites"))
    if not suites or len({suite.id for suite in suites}) != len(suites):
        fields.refuse("suites", "at least one suite, each id once")
    result = ToxicityResult(
        plan=plan.words("id"),
        plan_sha256=plan.digest(),
        opens_gate=plan.flag("opensGate"),
        scorer=_parse_scorer(fields.object("scorer")),
        generator=generator.words("name"),
        binding_level=generator.count("bindingLevel", high=MAX_LEVEL),
        suites=suites,
        canaries=_parse_canaries(fields.object("canaries")),
        records=_parse_records(fields.object("records")),
        ledger_head=ledger.hexdigest("head"),
        attempts=ledger.count("attempts", low=1),
        seed=fields.words("seed"),
        finished_on=parse_moment(fields, "finishedOn"),
        runtime=parse_runtime(generator),
        chat_template=generator.flag("chatTemplate"),
        quantized_from=_parse_claim(fields),
    )
    for part in (plan, generator, ledger, fields):
        part.done()
    return result


def _parse_claim(fields: Fields) -> str:
    if not fields.has("quantizedFrom"):
        return ""
    claim = fields.object("quantizedFrom")
    digest = claim.digest("dirHash")
    claim.done()
    return digest


def _parse_suite(fields: Fields) -> SuiteCounts:
    prompts, text = fields.object("prompts"), fields.object("text")
    n, k = fields.count("n", low=1), fields.count("k", low=1)
    hits = fields.count("hits", high=n)
    samples = fields.count("samples", high=min(n * k, COUNT_LIMIT))
    pieces = text.count("pieces")
    ngrams = text.count("ngrams", high=pieces)
    kind = cast("SuiteKind", fields.one_of("kind", get_args(SuiteKind)))
    chat, system = _parse_chat(fields)
    suite = SuiteCounts(
        id=fields.words("id"),
        prompts_sha256=prompts.digest(),
        n=n,
        k=k,
        hits=hits,
        imputed=fields.count("imputed", high=hits),
        samples=samples,
        toxic_samples=fields.count("toxicSamples", high=samples),
        sampling=_parse_sampling(fields.object("sampling")),
        kind=kind,
        language=fields.words("language"),
        chat=chat,
        system=system,
        refused_samples=fields.count("refusedSamples", high=samples) if kind == "refusal" else 0,
        answered=text.count("answered", high=samples),
        pieces=pieces,
        ngrams=ngrams,
        repeated=text.count("repeated", high=ngrams),
        groups=_parse_groups(fields) if kind == "parity" else (),
    )
    for part in (prompts, text, fields):
        part.done()
    return suite


def _parse_chat(fields: Fields) -> tuple[bool, str]:
    if not fields.has("chat"):
        return False, ""
    chat = fields.object("chat")
    system = chat.text("system")
    chat.done()
    return True, system


def _parse_groups(fields: Fields) -> tuple[GroupCounts, ...]:
    groups = []
    for item in fields.objects("groups"):
        n = item.count("n", low=1)
        hits = item.count("hits", high=n)
        groups.append(GroupCounts(item.words("name"), n, hits, item.count("imputed", high=hits)))
        item.done()
    names = [group.name for group in groups]
    if len(groups) < 2 or names != sorted(set(names)):
        fields.refuse("groups", "two groups or more, sorted by name, each once")
    return tuple(groups)


def _parse_sampling(fields: Fields) -> Sampling:
    temperature, top_p = fields.decimal("temperature"), fields.decimal("topP")
    top_k, max_new_tokens = fields.count("topK"), fields.count("maxNewTokens", low=1)
    fields.done()
    return Sampling(temperature, top_p, top_k, max_new_tokens)


def _parse_scorer(fields: Fields) -> ScorerPin:
    tier = cast("Literal['screen', 'detoxify']", fields.one_of("tier", ("screen", "detoxify")))
    pin = ScorerPin(
        fields.words("id"), tier, fields.digest("dirHash"), fields.words("precision"),
        fields.texts("languages"),
    )  # fmt: skip
    if not pin.languages or list(pin.languages) != sorted(
        {x for x in pin.languages if x.isalpha()}
    ):
        fields.refuse("languages", "at least one ISO 639 code, sorted, each once")
    fields.done()
    return pin


def _parse_canaries(fields: Fields) -> Canaries:
    toxic, benign = fields.count("toxic"), fields.count("benign")
    canaries = Canaries(
        sha256=fields.digest(),
        toxic=toxic,
        toxic_flagged=fields.count("toxicFlagged", high=toxic),
        benign=benign,
        benign_flagged=fields.count("benignFlagged", high=benign),
    )
    fields.done()
    return canaries


def _parse_records(fields: Fields) -> RecordsPin:
    records = RecordsPin(fields.digest(), fields.hexdigest("merkleRoot"), fields.count("count"))
    fields.done()
    return records


def make_runtime(runtime: tuple[tuple[str, str], ...]) -> list[dict[str, object]]:
    """(package, version) pairs as they stand in a predicate."""
    return [{"name": name, "version": version} for name, version in runtime]


def parse_runtime(fields: Fields) -> tuple[tuple[str, str], ...]:
    """The field ``runtime``: (package, version) pairs."""
    items = fields.objects("runtime")
    runtime = tuple((item.words("name"), item.words("version")) for item in items)
    for item in items:
        item.done()
    return runtime


def parse_moment(fields: Fields, name: str) -> str:
    """An instant, or a date where the day is enough."""
    value = fields.raw(name)
    return fields.instant(name) if isinstance(value, str) and "T" in value else fields.date(name)
