# SPDX-License-Identifier: Apache-2.0
"""Named attacks on a release: signers who may sign, and whose words do not open the gate.

What stands in a statement is signed by the right person here, and is bad news, about something
else, or impossible; what stands in a trust document could never block, or nobody could use it.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from hubpolicy.core.line_files import RELEASE_FILE
from tests.attacks.mutation_cases import Case, document_payload, edit
from tests.attacks.mutation_world import make, payloads
from tests.golden.samples import sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Row = tuple[str, Any, tuple[str, ...]]
    # What it is called, the edits as (dotted path, value), and the words that a message must have.

_P = "predicate."
_S = "predicate.suites."


def releases() -> Iterator[Case]:
    """Release lines that refuse, contradict themselves, or name other things than stand here."""
    made = json.loads(payloads()["release"])
    inputs, subjects = made["predicate"]["inputAttestations"], made["subject"]
    more = {"digest": {"sha256": sha("x")}, "uri": "x"}
    extra = {"digest": {"sha256": sha("x")}, "name": "more.txt"}
    yield from _edited("release", RELEASE_FILE, (
        ("says FAILED and PASSED", [(_P + "verificationResult", "FAILED")], ("verifiedLevels",)),
        ("has no level", [(_P + "verifiedLevels", [])], ("verifiedLevels",)),
        ("another verifier", [(_P + "verifier.id", "https://other.example")], ("'id'",)),
        ("an unknown result", [(_P + "verificationResult", "passed")], ("verificationResult",)),
        ("one input less", [(_P + "inputAttestations", inputs[1:])], ("not named by the release line",)),
        ("no input", [(_P + "inputAttestations", [])], ("not named by the release line",)),
        ("one input more", [(_P + "inputAttestations", [*inputs, more])], ("not at hand",)),
        ("one input twice", [(_P + "inputAttestations", [*inputs, inputs[0]])], ("each payload digest",)),
        ("one subject twice", [("subject", [*subjects, subjects[1]])], ("each name once",)),
        ("no whole", [("subject", subjects[1:])], ("every file and the whole",)),
        ("the whole alone", [("subject", subjects[:1])], ("every file and the whole",)),
        ("no subject", [("subject", [])], ("at least one subject",)),
    ))  # fmt: skip
    yield from _edited("release", "", (
        ("says FAILED", [(_P + "verificationResult", "FAILED"), (_P + "verifiedLevels", ["FAILED"])],
         ("says FAILED",)),
        ("another policy", [(_P + "policy.digest.sha256", sha("x"))], ("made under policy",)),
        ("one file less", [("subject", subjects[:-1])], ("not in the release",)),
        ("one file more", [("subject", [*subjects, extra])], ("absent here",)),
        ("another whole", [("subject.0.digest.dirHash", sha("x"))], ("got dirHash",)),
        ("another digest of a file", [("subject.1.digest.sha256", sha("x"))], ("changed since",)),
        ("a type of our own", [("predicateType", "https://hubpolicy.dev/release/v9")], ("predicate type",)),
        ("a type of theirs", [("predicateType", "https://slsa.dev/provenance/v1")], ("predicate type",)),
        ("Statement v0.1", [("_type", "https://in-toto.io/Statement/v0.1")], ("_type",)),
    ))  # fmt: skip


def cards() -> Iterator[Case]:
    """Card checks that failed, that are about something else, or that checked too little."""
    profile = _P + "configuration.0."
    languages = profile + "annotations.hubpolicy%languages"
    yield from _edited("card", "", (
        ("a rule more failed", [(_P + "failedTests", ["HP103", "HP110"])], ("the card fails HP103",)),
        ("passed, with a failed rule", [(_P + "result", "PASSED")], ("'result'",)),
        ("warned, with a failed rule", [(_P + "result", "WARNED")], ("'result'",)),
        ("a rule not asked", [(_P + "passedTests", ["HP101"])], ("not checked for HP102",)),
        ("a rule in two lists", [(_P + "warnedTests", ["HP101"])], ("exactly one",)),
        ("a rule twice", [(_P + "passedTests", ["HP101", "HP101", "HP102"])], ("each once",)),
        ("rules unsorted", [(_P + "passedTests", ["HP102", "HP101"])], ("sorted",)),
        ("no rule at all", [(_P + "passedTests", []), (_P + "failedTests", []), (_P + "result", "PASSED")],
         ("at least one rule",)),
        ("no rule id", [(_P + "passedTests", ["HP101", "hp102"])], ("rule ids",)),
        ("another schema", [(profile + "digest.sha256", sha("x"))], ("against schema",)),
        ("two profiles", [(_P + "configuration.1.name", "card-profile/x")], ("exactly one entry",)),
        ("a language not tested", [(languages, ["de", "en"])], ("language 'de'",)),
        ("languages unsorted", [(languages, ["fr", "en"])], ("sorted",)),
        ("a language in digits", [(languages, ["3n"])], ("ISO 639",)),
        ("another card", [("subject.0.digest.sha256", sha("x"))], ("the card changed",)),
        ("another whole", [("subject.1.digest.dirHash", sha("x"))], ("other files stood",)),
        ("no whole", [("subject", _item("card", "subject")[:1])], ("README.md and the whole",)),
        ("another file", [("subject.0.name", "config.json")], ("README.md and the whole",)),
    ))  # fmt: skip


def runs() -> Iterator[Case]:
    """Toxicity counts over the bound, of another plan, or that no run can produce."""
    suites = _item("toxicity", "predicate", "suites")
    yield from _edited("toxicity", "", (
        ("too many hits", [(_S + "0.hits", 60), (_S + "0.toxicSamples", 60)], ("p_any@5",)),
        ("every prompt a hit", [(_S + "1.hits", 300), (_S + "1.toxicSamples", 600)], ("p_any@2",)),
        ("a group of hits", [(_S + "2.groups.0.hits", 40), (_S + "2.hits", 41), (_S + "2.toxicSamples", 40)],
         ("TX-3",)),
        ("too many refusals", [(_S + "3.hits", 90), (_S + "3.refusedSamples", 90)], ("TX-4",)),
        ("hits beyond prompts", [(_S + "0.hits", 601)], ("'hits'",)),
        ("more imputed than hits", [(_S + "0.imputed", 4)], ("'imputed'",)),
        ("too many imputed", [(_S + "0.hits", 13), (_S + "0.imputed", 13), (_S + "0.toxicSamples", 0),
                              (_S + "0.text.answered", 2900)], ("missing, empty or unscored",)),
        ("a sample less", [(_S + "0.samples", 2999)], ("samples of 600 prompts",)),
        ("hits without a toxic sample", [(_S + "0.toxicSamples", 1)], ("toxic samples in",)),
        ("fewer prompts", [(_S + "1.n", 299), (_S + "1.samples", 598), (_S + "1.text.answered", 598),
                           (_P + "records.count", 4098)],
         ("299 prompts",)),
        ("other prompts", [(_S + "0.prompts.digest.sha256", sha("x"))], ("got prompts",)),
        ("another k", [(_S + "1.k", 1), (_S + "1.samples", 300), (_S + "1.text.answered", 300),
                       (_P + "records.count", 3800)], ("k = 1",)),
        ("greedy", [(_S + "0.sampling.temperature", "0")], ("Sampling",)),
        ("longer answers", [(_S + "0.sampling.maxNewTokens", 1)], ("Sampling",)),
        ("another language", [(_S + "1.language", "de")], ("in de",)),
        ("another kind", [(_S + "0.kind", "chat")], ("'kind'",)),
        ("a suite less", [("predicate.suites", suites[1:])], ("was not run", "records for")),
        ("a suite twice", [("predicate.suites", [*suites, suites[0]])], ("each id once",)),
        ("no suite", [("predicate.suites", [])], ("at least one suite",)),
        ("groups that are not the whole", [(_S + "2.groups.0.n", 99)], ("groups",)),
        ("one group", [(_S + "2.groups", suites[2]["groups"][:1])], ("two groups",)),
        ("groups unsorted", [(_S + "2.groups", suites[2]["groups"][::-1])], ("sorted by name",)),
        ("no system prompt", [(_S + "3.chat.system", "")], ("system prompt",)),
        ("no chat template, as if", [(_P + "generator.chatTemplate", "no")], ("chatTemplate",)),
        ("answers of one word", [(_S + "0.text.pieces", 3000), (_S + "0.text.ngrams", 0),
                                 (_S + "0.text.repeated", 0)], ("words in",)),
        ("answers that repeat", [(_S + "0.text.repeated", 35000)], ("repeated",)),
        ("more answers than samples", [(_S + "0.text.answered", 3001)], ("answered",)),
        ("a plan for development", [(_P + "plan.opensGate", False)], ("never opens the gate",)),
        ("an unknown scorer", [(_P + "scorer.digest.dirHash", sha("x"))], ("got scorer",)),
        ("an unknown tier", [(_P + "scorer.tier", "own")], ("'tier'",)),
        ("no language", [(_P + "scorer.languages", [])], ("at least one",)),
        ("a language that the scorer lacks", [(_P + "scorer.languages", ["de"])], ("language 'en'",)),
        *((f"binding level {level}", [(_P + "generator.bindingLevel", level)], ("level", "Level"))
          for level in (0, 1, 2, 3, 5)),
        ("controls missed", [(_P + "canaries.toxicFlagged", 20)], ("control",)),
        ("controls flagged", [(_P + "canaries.benignFlagged", 20)], ("control",)),
        ("more controls flagged than there are", [(_P + "canaries.toxicFlagged", 41)], ("toxicFlagged",)),
        ("no controls", [(_P + "canaries.toxic", 0), (_P + "canaries.toxicFlagged", 0)], ("control",)),
        ("other controls", [(_P + "canaries.digest.sha256", sha("x"))], ("control",)),
        ("a fourth attempt", [(_P + "ledger.attempts", 4)], ("3 failed runs",)),
        ("no attempt", [(_P + "ledger.attempts", 0)], ("attempts",)),
        ("other records", [(_P + "records.digest.sha256", sha("x"))], ("not referenced",)),
        ("a record less", [(_P + "records.count", 1)], ("records for",)),
        ("another closure", [("subject.1.digest.sha256", sha("x"))], ("no tested run",)),
        ("a closure without weights", [("subject", _item("toxicity", "subject")[:1])], ("no tested run",)),
        ("the whole beside it", [("subject", [*_item("toxicity", "subject"),
                                              {"name": ".", "digest": {"dirHash": sha("x")}}])],
         ("closure alone",)),
    ))  # fmt: skip
    yield from _edited("applicability", "", (
        ("says that text comes out", [(_P + "decision", "generates-text")], ("generate text",)),
        ("says that something comes out", [(_P + "decision", "generates-other")], ("no suite for it",)),
        ("says something else", [(_P + "decision", "none")], ("'decision'",)),
        ("another table", [(_P + "table", "v0")], ("got table",)),
        ("another level", [(_P + "bindingLevel", 3)], ("binding level 3",)),
        ("an empty shape", [(_P + "outputShape", [])], ("output shape",)),
        ("a size of 0", [(_P + "outputShape", [1, 0])], ("output shape",)),
        ("another closure", [("subject.1.digest.sha256", sha("x"))], ("no tested run",)),
    ))  # fmt: skip


def measured_elsewhere() -> Iterator[Case]:
    """Numbers of other people's tools that are too low, too old, too few, or of something else."""
    entry = _P + "configuration.0."
    details = entry + "annotations.hubpolicy%evidence."
    number = details + "metrics.0."
    metrics = _item("evidence", "predicate", "configuration")[0]["annotations"][
        "hubpolicy.evidence"
    ]
    lower = [(number + "value", "6.4"), (_P + "passedTests", []), (_P + "result", "FAILED"),
             (_P + "failedTests", ["mt-bench/score"])]  # fmt: skip
    yield from _edited("evidence", "", (
        ("a number too low", lower, ("got score 6.4",)),
        ("a number too low, judged by less", [(number + "value", "6.4"), (number + "threshold", "6")],
         ("got score 6.4",)),
        ("a number too low, called good", [(number + "value", "6.4")], ("the numbers say",)),
        ("passed, with a failed number", [*lower[:2], (_P + "failedTests", ["mt-bench/score"])],
         ("the numbers say",)),
        ("a warning", [(_P + "warnedTests", ["mt-bench/score"])], ("the numbers say",)),
        ("turned around", [(number + "comparison", "at most")], ("the numbers say",)),
        ("an unknown comparison", [(number + "comparison", "about")], ("'comparison'",)),
        ("a number in exponents", [(number + "value", "7e9")], ("'value'",)),
        ("no number", [(details + "metrics", []), (_P + "passedTests", [])], ("1 to 100 numbers",)),
        ("one number twice", [(details + "metrics", metrics["metrics"] * 2)], ("each once",)),
        ("another number", [(number + "name", "other"), (_P + "passedTests", ["mt-bench/other"])],
         ("mt-bench",)),
        ("from another task", [(number + "source.task", "arc_easy")], ("mt-bench",)),
        ("from an unknown place", [(number + "source", {"page": "1"})], ("unknown field 'page'",)),
        ("of another tool", [(details + "format", "garak")], ("mt-bench",)),
        ("of an unknown tool", [(details + "format", "mine")], ("'format'",)),
        ("measured in the summer", [(details + "measuredOn", "2026-07-01")], ("days",)),
        ("measured tomorrow", [(details + "measuredOn", "2026-11-23T10:00:00Z")], ("expected none after",)),
        ("bound too tightly", [(details + "bindingLevel", 2)], ("bindingLevel",)),
        ("another name", [(entry + "name", "evidence/other"), (_P + "passedTests", ["other/score"])],
         ("mt-bench",)),
        ("a name that is none", [(entry + "name", "evidence/Not A Name")], ("'name'",)),
        ("of another model", [("subject.1.digest.sha256", sha("x"))], ("mt-bench",)),
        ("of a model without weights", [("subject", _item("evidence", "subject")[:1])], ("mt-bench",)),
    ))  # fmt: skip


def people() -> Iterator[Case]:
    """Waivers and approvals that forgive or agree to something else, or do not at all."""
    yield from _edited("waiver", "", (
        ("for a rule that has none", [(_P + "rule", "HP301")], ("holds the gate",)),
        ("for a rule that the policy keeps", [(_P + "rule", "HP203")], ("does not mark",)),
        ("for another card rule", [(_P + "rule", "HP101")], ("does not mark",)),
        ("for no rule", [(_P + "rule", "HP*")], ("a rule id",)),
        ("in another's name", [(_P + "who", "sam")], ("names sam",)),
        ("for other bytes", [("subject.0.digest.dirHash", sha("x"))], ("for other bytes",)),
        ("without a reason", [(_P + "why", " ")], ("not blank",)),
        ("for a file alone", [("subject", _item("card", "subject")[:1])], ("the whole alone",)),
        ("without an end", [(_P + "until", "never")], ("a date",)),
    ))  # fmt: skip
    subject = _item("approval", "subject")
    yield from _edited("approval", "", (
        ("rejects", [(_P + "decision", "reject")], ("sam rejected",)),
        ("rejects without a reason", [(_P + "decision", "reject"), (_P + "reason", "")], ("'reason'",)),
        ("decides nothing", [(_P + "decision", "abstain")], ("'decision'",)),
        ("in a role of another", [(_P + "role", "legal")], ("got an approval as approver:legal",)),
        ("in no role", [(_P + "role", "releaser!")], ("'role'",)),
        ("binds the card", [(_P + "binds", "card")], ("README.md alone",)),
        ("binds the whole", [(_P + "binds", "manifest")], ("expected the whole",)),
        ("binds nothing", [(_P + "binds", "nothing")], ("'binds'",)),
        ("binds the card, and is about it", [(_P + "binds", "card"), ("subject", _item("card", "subject")[:1])],
         ("1 of 2 safety",)),
        ("is about one model of two", [("subject", subject[2:])], ("1 of 2 safety",)),
        ("is about another model", [("subject.0.digest.sha256", sha("x"))], ("1 of 2 safety",)),
        ("by another's name", [(_P + "approver", "ann")], ("got an approval of 'ann'",)),
    ))  # fmt: skip


def policies() -> Iterator[Case]:
    """Policies, signed by all who must, that could never block or say a thing twice."""
    t, suites = "toxicity.", _document("policy")["toxicity"]["suites"]
    roles, rules = _document("policy")["roles"], _document("policy")["rules"]
    block = ("expected a policy that can block",)
    setting = {"rule": "HP301", "severity": "error", "waivable": False}
    yield from _edited("policy", "policy", (
        ("only observes", [("mode", "observe")], ("never opens a gate", "observeUntil")),
        ("only observes until a day", [("mode", "observe"), ("observeUntil", "2026-12-01")], ("observe",)),
        ("has no suite", [(t + "suites", [])], block),
        ("has a suite without prompts", [(t + "suites.0.n", 0)], block),
        ("has a suite without draws", [(t + "suites.0.k", 0)], block),
        *((f"has the bound {value}", [(t + "suites.0.upperBoundMax", value)], block)
          for value in ("0", "1", "1.5", "0.0")),
        ("has the bound -0.1", [(t + "suites.0.upperBoundMax", "-0.1")], ("-0.1", *block)),
        ("bounds no difference", [(t + "suites.2.differenceMax", "1")], block),
        *((f"has the confidence {value}", [(t + "confidence", value)], block) for value in ("0.5", "0", "1")),
        ("has no scorer", [(t + "scorers", [])], block),
        ("lets any scorer pass", [(t + "canaries.minToxicFlagged", "0")], block),
        ("lets any scorer fail", [(t + "canaries.maxBenignFlagged", "1")], block),
        ("has a plan for development", [(t + "opensGate", False)], block),
        ("asks some models only", [(t + f"suites.{i}.when", "chat") for i in range(4)], block),
        ("has a suite twice", [(t + "suites", [*suites, suites[0]])], block),
        ("has no card rule", [("card.rules", [])], block),
        ("has no weight format", [("files.weights", [])], block),
        ("has no releaser", [("roles", roles[1:])], block),
        ("has no checker", [("roles", [roles[0], roles[2]])], block),
        ("has a role twice", [("roles", [*roles, roles[0]])], block),
        ("has a rule twice", [("rules", [*rules, rules[0]])], block),
        ("turns a gate rule off", [("rules", [{**setting, "severity": "off"}])], ("cannot be lowered",)),
        ("lowers a gate rule", [("rules", [{**setting, "severity": "warning"}])], ("cannot be lowered",)),
        ("waives a gate rule", [("rules", [{**setting, "waivable": True}])], ("cannot be waived",)),
        ("names no rule", [("rules.0.rule", "HP*")], ("a rule id",)),
        ("keeps a role from itself", [("roles.1.distinctFrom", "checker")], ("another role",)),
        ("has an unknown role", [("roles.0.role", "admin")], ("'role'",)),
        ("asks 0 releasers", [("roles.0.threshold", 0)], ("'threshold'",)),
        ("is of another schema", [("schema", "hubpolicy/policy/9")], ("'schema'",)),
        ("bounds in words", [(t + "suites.0.upperBoundMax", "five per cent")], ("upperBoundMax",)),
        ("bounds in exponents", [(t + "suites.0.upperBoundMax", "1e-2")], ("upperBoundMax",)),
        ("asks 3 safety approvals", [("roles.2.threshold", 3)], ("2 of 3 safety",)),
    ), place="")  # fmt: skip


def roots() -> Iterator[Case]:
    """Roots and states that nobody could use, or that say what their keys belie."""
    keys, roles = _document("root 2")["keys"], _document("root 2")["roles"]
    yield from _edited("root 2", "trust root", (
        ("a threshold of 0", [("roles.0.threshold", 0)], ("'threshold'",)),
        ("a threshold of -1", [("roles.0.threshold", -1)], ("'threshold'",)),
        ("a threshold that nobody reaches", [("roles.0.threshold", 4)], ("'threshold'",)),
        ("claims to be solo", [("solo", True)], ("'solo'",)),
        *((f"no role {role['name']}", [("roles", [r for r in roles if r is not role])], ("each role once",))
          for role in roles[:5]),
        *((f"the role {role['name']} twice", [("roles", [*roles, role])], ("each role once",))
          for role in roles),
        ("an unknown role", [("roles.0.name", "admin")], ("'name'",)),
        ("an approver in upper case", [("roles.6.name", "approver:Legal")], ("'name'",)),
        ("a role of somebody without a key", [("roles.0.principals", ["olga", "omar", "zed"])], ("zed",)),
        ("a role of nobody", [("roles.0.principals", [])], ("'threshold'",)),
        ("a key twice", [("keys", [*keys, keys[0]])], ("each key once",)),
        ("a key for two people", [("keys", [*keys, {**keys[0], "principal": "zed"}])], ("each key once",)),
        ("no key", [("keys", [])], ("a key for",)),
        ("version 0", [("version", 0)], ("'version'",)),
        ("version 1 again", [("version", 1)], ("got version 1 after",)),
        ("no previous root", [("previous", "")], ("after none",)),
        ("another previous root", [("previous", sha("x"))], ("got version 2 after",)),
        ("of another schema", [("schema", "hubpolicy/root/2")], ("'schema'",)),
        ("without an end", [("expires", "")], ("'expires'",)),
    ), place="")  # fmt: skip
    yield from _edited("state", "trust state", (
        ("version 0", [("version", 0)], ("'version'",)),
        ("another policy", [("policy.digest.sha256", sha("x"))], ("got policy",)),
        ("of another schema", [("schema", "hubpolicy/root/1")], ("'schema'",)),
        ("a date as its end", [("expires", "2026-11-29")], ("'expires'",)),
        ("a revoked key in upper case", [("revokedKeys", [sha("x").upper()])], ("revokedKeys",)),
        ("a later hubpolicy is asked for", [("minimumVersion", "99.0.0")], ("asks for 99.0.0",)),
        *((f"{text!r} as the least hubpolicy", [("minimumVersion", text)], ("'minimumVersion'",))
          for text in ("", "1", "v0.0.1", "0.0.1rc1", "00.0.1", " 0.0.1", None, 0.1)),
        *((how, [("olderPolicies", items)], ("olderPolicies",)) for how, items in (
            ("an empty list of older policies", []),
            ("the newest policy as an older one", [_older(7)]),
            ("a later policy as an older one", [_older(8)]),
            ("older policies out of order", [_older(6), _older(5)]),
            ("an older policy twice", [_older(6), _older(6)]),
            ("an older policy without an end", [_older(6, until=None)]),
            ("an older policy until a moment", [_older(6, until="2027-01-31T00:00:00Z")]),
            ("an older policy with one field more", [_older(6, more=1)]),
            ("65 older policies", [_older(n) for n in range(1, 66)]),
        )),
    ), place="")  # fmt: skip


def _older(version: int, **changed: Any) -> dict[str, Any]:
    digest = {"sha256": sha(f"policy {version}")}
    return {"version": version, "digest": digest, "until": "2027-01-31", **changed}


def _edited(
    name: str,
    where: str,
    table: Iterable[Row],
    *,
    place: str | None = None,
) -> Iterator[Case]:
    for how, changes, words in table:
        world = partial(make, {name: edit(name, *changes)})
        yield Case(
            "false claims", f"{name}: {how}", world, where if place is None else place, words
        )


def _item(name: str, *parts: str) -> Any:
    made = json.loads(payloads()[name])
    for part in parts:
        made = made[part]
    return made


def _document(name: str) -> Any:
    return json.loads(document_payload(name))


CLAIMS: tuple[Callable[[], Iterator[Case]], ...] = (
    releases, cards, runs, measured_elsewhere, people, policies, roots,
)  # fmt: skip
