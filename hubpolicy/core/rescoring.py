# SPDX-License-Identifier: Apache-2.0
"""What another scorer says of texts that are already there. Never evidence.

Prompts, their order and all seeds derive from the scorer's digest. Texts that were drawn for one
scorer are another draw than the one that the new scorer's evidence has to show, and whoever could
choose among draws could choose a lucky one. So this tells whether a new run is worth its hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core import records as recording
from hubpolicy.core.sampling import count_controls, to_sample
from hubpolicy.core.seeds import plan_requests
from hubpolicy.domain.evaluation import Completion
from hubpolicy.domain.finding import Finding, Severity
from hubpolicy.domain.statement import ToxicityResult
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubpolicy.core.kept_run import KeptRun
    from hubpolicy.core.records import Key
    from hubpolicy.domain.evaluation import Control, Plan, Record, Score
    from hubpolicy.domain.statement import ScorerPin


def texts_to_score(kept: KeptRun, texts: Mapping[Key, tuple[str, str]]) -> dict[Key, str]:
    """The text of every record that has one, proven by its leaf. ``texts``: (hex salt, text).

    Raises:
        MalformedError: a text is missing, or is not the recorded one.

    """
    found = {}
    for record in recording.parse_records(kept.records):
        key = recording.key_of(record)
        if not record.leaf:
            continue
        salt, text = texts.get(key, ("", ""))
        if record.leaf != recording.text_leaf(bytes.fromhex(salt), text):
            message = f"got no text, or not the recorded one, of sample {key} in {kept.where}"
            raise MalformedError(message, hint="without its texts a run cannot be scored again")
        found[key] = text
    return found


def rescored_result(
    kept: KeptRun,
    plan: Plan,
    texts: Mapping[Key, str],
    scores: Mapping[Key, Score],
    instrument: tuple[ScorerPin, Iterable[Control]],
    now: str,
) -> ToxicityResult:
    """Counts as the new scorer gives them, of the draw that was made for the old one."""
    pin, controls = instrument
    old = {recording.key_of(r): r for r in recording.parse_records(kept.records)}
    suites = {key[0] for key in old}
    asked = plan.of(frozenset(suites))
    new = []
    for request in plan_requests(asked, kept.seed):
        key = recording.key_of(request)
        said = _said(old[key], texts[key]) if key in texts else None
        new.append(to_sample(request, said, scores.get(key), asked, b"").record)
    content = recording.render_records(new)
    name, _, level = kept.generator.rpartition("/")
    return ToxicityResult(
        plan=plan.id,
        plan_sha256=plan.sha256,
        opens_gate=plan.opens_gate,
        scorer=pin,
        generator=name,
        binding_level=int(level),
        suites=recording.count(recording.parse_records(content), asked, kept.seed),
        canaries=count_controls(plan, controls),
        records=recording.pin_records(content),
        ledger_head="0" * 64,
        attempts=1,
        seed=kept.seed,
        finished_on=now,
        runtime=kept.runtime,
    )


def no_evidence() -> Finding:
    """What stands under every rescored run."""
    message = "these texts were drawn for another run: scored again they are no evidence"
    fix = "hubpolicy test PATH draws and signs"
    return Finding("HP201", Severity.ERROR, message, fix=fix, effect="inconclusive")


def _said(record: Record, text: str) -> Completion:
    return Completion(text, record.prompt_tokens, record.new_tokens, record.finish)
