# SPDX-License-Identifier: Apache-2.0
"""GitHub workflows by what an upload in them can get past."""

from __future__ import annotations

from typing import Any

import pytest

from hubpolicy.core.ci_github import gaps_of

ASK, UPLOAD = {"run": "hubpolicy verify ."}, {"run": "hf upload acme/tern ."}
PUSH, OURS = {"run": "hubpolicy push . acme/tern"}, {"uses": "acme/hubpolicy@" + "a" * 40}
OUR_RELEASE = {"uses": "acme/hubpolicy/ci/github/release@" + "b" * 40}
SYNC = {"uses": "huggingface/hub-sync@v1"}
OTHERS = "acme/flows/.github/workflows/release.yml@" + "c" * 40
LOCAL = "./.github/workflows/gate.yml"
ACTION = "./.github/actions/gate"
ANYWAY: dict[str, Any] = {"if": "always()"}
OR_ELSE: dict[str, Any] = {"if": "success() || github.ref"}
NEAR: dict[str, Any] = {
    LOCAL: {"on": "workflow_call", "jobs": {"inner": {"steps": [ASK]}}},
    "./.github/workflows/up.yml": {"on": "workflow_call", "jobs": {"inner": {"steps": [UPLOAD]}}},
    "./.github/workflows/both.yml": {
        "on": "workflow_call",
        "jobs": {"gate": {"steps": [ASK]}, "up": {"steps": [UPLOAD]}},
    },
    ACTION: {"runs": {"using": "composite", "steps": [{**ASK, "shell": "bash"}]}},
    "./loose": {"runs": {"steps": [{"run": "hubpolicy verify . || true", "shell": "bash"}]}},
    "./node": {"runs": {"using": "node20", "main": "x.js"}},
    "./round": {"runs": {"steps": [{"uses": "./round"}]}},
    "./none": {"runs": "x"},
    "./gone": None,
}


def one(*steps: dict[str, Any], **job: Any) -> dict[str, Any]:
    """A workflow of one job."""
    return {"on": "push", "jobs": {"release": {"steps": list(steps), **job}}}


def two(needs: object, *, gate: dict[str, Any] | None = None, **upload: Any) -> dict[str, Any]:
    """A job that asks, and one that uploads."""
    jobs = {"gate": {"steps": [ASK], **(gate or {})}}
    return {"on": "push", "jobs": {**jobs, "up": {"steps": [UPLOAD], "needs": needs, **upload}}}


def if_(condition: object, step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "if": condition}


FINE: dict[str, dict[str, Any]] = {
    "one step": one(PUSH),
    "ours": one(OURS),
    "our release": one(OUR_RELEASE),
    "asked before": one(ASK, UPLOAD),
    "asked by ours before": one(OURS, SYNC),
    "in one script": one({"run": "hubpolicy verify .\nhf upload acme/tern ."}),
    "another job": two("gate"),
    "among others": two(["x", "gate"]),
    "job after job": {"jobs": {"gate": {"steps": [ASK]}, "mid": {"needs": ["gate"]},
                               "up": {"steps": [UPLOAD], "needs": "mid"}}},
    "a job that may be skipped, and skips": two("gate", gate={"if": "github.ref == 'x'"}),
    "the same condition": one(if_("github.ref == 'x'", ASK), if_("${{ github.ref == 'x' }}", UPLOAD)),
    "asked whatever happens": one(if_("always()", ASK), UPLOAD),
    "a report whatever happens": one(PUSH, if_("always()", {"run": "echo done"})),
    "hides only what is not ours": one({"run": "ls", "continue-on-error": True}, PUSH),
    "says that it hides nothing": one({**PUSH, "continue-on-error": False}),
    "a composite action": one({"uses": ACTION}, UPLOAD),
    "a workflow of this repository": {"jobs": {"gate": {"uses": LOCAL},
                                              "up": {"steps": [UPLOAD], "needs": "gate"}}},
    "a part of one": NEAR["./.github/workflows/up.yml"],
    "JavaScript of its own": one({"uses": "./node"}, PUSH),
    "an action that says nothing": one({"uses": "./none"}, PUSH),
    "nothing of ours": one({"run": "make"}, {"uses": "actions/checkout@v4"}),
    "no jobs": {"on": "push"},
    "jobs that are none": {"jobs": {"a": None, "b": {"steps": "x"}, "c": {"steps": ["x", None]}}},
    "a folder of it": one({"run": "hubpolicy verify ./m"}, {"run": "hf upload a/b m/gguf"}),
    "a folder elsewhere": one({"run": "hubpolicy verify m", "working-directory": "x"},
                              {"run": "hf upload a/b x/m"}),
    "one of two": one({"run": "hubpolicy verify a\nhubpolicy verify b"}, {"run": "hf upload a/b b"}),
    "make, gated": one(ASK, {"run": "make upload"}),
    "a pipe in bash": one({"run": "hubpolicy verify . | tee log", "shell": "bash"}),
    "a pipe in bash by default": one({"run": "hubpolicy verify . | tee log"},
                                     defaults={"run": {"shell": "bash"}}),
}  # fmt: skip

ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "or true": (one({"run": "hubpolicy verify . || true"}, UPLOAD), "`|| true` goes on"),
    "or true in a shell": (one({"run": 'bash -c "hubpolicy verify . || true"'}, UPLOAD), "`|| true`"),
    "set +e": (one({"run": "set +e\nhubpolicy verify .\ntrue"}), "no `set -e`"),
    "a pipe": (one({"run": "hubpolicy verify . | tee log"}), "`| tee` hides it"),
    "its step": (one({**ASK, "continue-on-error": True}, UPLOAD), "`continue-on-error: true`"),
    "its step, ours": (one({**OURS, "continue-on-error": "true"}), "`continue-on-error: true`"),
    "its job": (two("gate", gate={"continue-on-error": True}), "`continue-on-error: true`"),
    "never": (one(if_(False, ASK), if_(False, UPLOAD)), "it never runs"),
    "never, said so": (one(if_("${{ false }}", PUSH)), "it never runs"),
    "a job never": (two("gate", gate={"if": False}), "it never runs"),
    "always": (one(ASK, if_("always()", UPLOAD)), "goes on after hubpolicy's no: `if: always()`"),
    "not cancelled": (one(ASK, if_("${{ !cancelled() }}", UPLOAD)), "goes on after"),
    "failure": (one(ASK, if_("success() || failure()", UPLOAD)), "goes on after"),
    "too late": (one(UPLOAD, ASK), "no hubpolicy step comes before it"),
    "an action": (one(SYNC, ASK), "no hubpolicy step comes before it"),
    "nobody waits": (two([]), "job gate asks, and nothing waits for it"),
    "a job anyway": (two("gate", **ANYWAY), "job gate asks, and nothing waits for it"),
    "anyway in between": ({"jobs": {
        "gate": {"steps": [ASK]}, "mid": {"needs": "gate", "if": "always()"},
        "up": {"steps": [UPLOAD], "needs": "mid"}}}, "nothing waits for it"),
    "the card alone": (one({"run": "hubpolicy check ."}, UPLOAD), "says no without a toxicity test"),
    "the hub alone": (one({"run": "hubpolicy audit a"}, UPLOAD), "says no without a toxicity test"),
    "an estimate alone": (one({"run": "hubpolicy test . --estimate"}, UPLOAD), "test --estimate"),
    "the help alone": (one({"run": "hubpolicy verify --help"}, UPLOAD), "no hubpolicy step comes"),
    "in capitals": (one(ASK, if_("Always()", UPLOAD)), "goes on after"),
    "not a success": (one(ASK, if_("!success() || true", UPLOAD)), "goes on after"),
    "a success or": (two("gate", **OR_ELSE), "nothing waits for it"),
    "side by side in a workflow": ({"jobs": {"all": {"uses": "./.github/workflows/both.yml"}}},
                                   "no hubpolicy step comes before it"),
    "nobody asks": (one(UPLOAD), "no hubpolicy step comes before it"),
    "in an action": (one({"uses": "./loose"}), "`|| true` goes on"),
    "a workflow that uploads": ({"jobs": {"up": {"uses": "./.github/workflows/up.yml"}}},
                                "no hubpolicy step comes before it"),
}  # fmt: skip

UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "a workflow of others": ({"jobs": {"a": {"uses": OTHERS}}}, "unknown, not judged"),
    "with our name": (one({"uses": f"x/not-hubpolicy@{'a' * 40}"}, PUSH), "unknown, not judged"),
    "another of ours": (one({"uses": f"x/hubpolicy/other@{'a' * 40}"}), "unknown, not judged"),
    "an action that is not there": (one({"uses": "./gone"}), "unknown, not judged"),
    "an action by no means": (one({"uses": "./elsewhere"}), "unknown, not judged"),
    "round and round": (one({"uses": "./round"}), "unknown, not judged"),
    "a workflow that is not there": ({"jobs": {"a": {"uses": "./x.yml"}}}, "unknown, not judged"),
    "by an expression": (one({**ASK, "continue-on-error": "${{ inputs.x }}"}), "hides its no"),
    "another condition": (one(if_("inputs.ask", ASK), UPLOAD), "skipped by its `if: inputs.ask`"),
    "a step that is skipped there": (two("gate", gate={"steps": [if_("inputs.ask", ASK)]}),
                                     "skipped by its `if: inputs.ask`"),
    "a condition": (one({"run": "if hubpolicy verify .; then make; fi"}), "it is a condition"),
    "PowerShell": (one(ASK, **{"runs-on": "windows-2022"}), "its shell is none that is read here"),
    "PowerShell in a matrix": (one(ASK, **{
        "runs-on": "${{ matrix.os }}", "strategy": {"matrix": {"os": ["windows-2022"]}}}),
        "its shell is none that is read here"),
    "a script that may end before": (one({"run": "[ -z x ] && exit 0\nhubpolicy verify ."}, UPLOAD),
                                     "skipped by its `if: exit 0`"),
    "another folder": (one({"run": "hubpolicy verify ./other"}, {"run": "hf upload a/b ./model"}),
                       "asks about other, uploads model"),
    "another folder, in another job": ({"jobs": {
        "gate": {"steps": [{"run": "hubpolicy verify out"}]},
        "up": {"needs": "gate", "steps": [{"run": "hf upload a/b output"}]}}},
        "asks about out, uploads output"),
    "make": (one({"run": "make verify"}, {"run": "make upload"}),
             "may upload by `make upload`, which cannot be read here: unknown, not judged"),
    "make, behind the card": (one({"run": "hubpolicy check ."}, {"run": "make upload"}),
                              "may upload by `make upload`"),
    "make, anyway": (one(ASK, if_("always()", {"run": "make upload"})), "goes on after"),
    "Python": (one({"run": "os.system('hubpolicy verify .')", "shell": "python"}), "its shell"),
}  # fmt: skip


@pytest.mark.parametrize("case", FINE)
def test_nothing_gets_past(case: str) -> None:
    assert gaps_of(FINE[case], NEAR) == ()


@pytest.mark.parametrize("case", ERRORS)
def test_a_no_that_is_lost(case: str) -> None:
    document, said = ERRORS[case]
    (gap,) = gaps_of(document, NEAR)
    assert gap.certain
    assert said in gap.said
    assert gap.fix


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_nobody_can_judge_is_said(case: str) -> None:
    document, said = UNKNOWN[case]
    (gap,) = gaps_of(document, NEAR)
    assert not gap.certain
    assert said in gap.said
    assert gap.fix


def test_the_place_is_named_as_people_name_it() -> None:
    (gap,) = gaps_of(one({"run": "ls"}, {"name": "Ask", "run": "hubpolicy verify . || :"}), {})
    assert gap.where == "job release, step Ask"
