# SPDX-License-Identifier: Apache-2.0
"""GitLab pipelines by what an upload in them can get past."""

from __future__ import annotations

from typing import Any

import pytest

from hubpolicy.core.ci_gitlab import REFERENCE, read_pipeline

COMMIT = "5c1f9d3e" * 5
ASK, UPLOAD = ["hubpolicy verify ."], ["hf upload acme/tern ."]
PUSH = {"script": ["pip install hubpolicy", "hubpolicy push . acme/tern"], "environment": "release"}
OURS = {"project": "acme/hubpolicy", "ref": COMMIT, "file": "ci/gitlab/hubpolicy.gitlab-ci.yml"}
NEAR: dict[str, Any] = {
    "/ci/gate.yml": {"gate": {"stage": "test", "script": ASK}},
    "/.gitlab/more.yml": {"include": "/ci/gate.yml"},
    "/round.yml": {"include": "/round.yml"},
    "/broken.yml": None,
}


def gate(**more: Any) -> dict[str, Any]:
    return {"stage": "test", "script": ASK, **more}


def two(gate: dict[str, Any], **upload: Any) -> dict[str, Any]:
    """A job that asks, and one of a later stage that uploads."""
    return {"gate": gate, "up": {"stage": "deploy", "script": UPLOAD, **upload}}


HIDDEN: dict[str, Any] = {".base": {"script": ASK, "allow_failure": True, "stage": "test"}}
RULES: dict[str, Any] = {"rules": [{"if": "$CI_COMMIT_TAG"}]}
FINE: dict[str, dict[str, Any]] = {
    "one job": {"release": PUSH},
    "a later stage": two(gate()),
    "by needs": two(gate(stage="deploy"), needs=["gate"]),
    "by needs in full": two(gate(stage="deploy"), needs=[{"job": "gate", "artifacts": False}]),
    "by needs of needs": {**two(gate(), needs=["mid"]), "mid": {"needs": ["gate"], "script": "ls"}},
    "stages of its own": {"stages": ["deploy", "x"], "gate": gate(stage="deploy"),
                          "up": {"stage": "x", "script": UPLOAD}},
    "before all": two(gate(stage=".pre"), stage="build"),
    "in one job": {"a": {"script": [*ASK, *UPLOAD]}},
    "asked by default": {"default": {"before_script": ASK}, "a": {"script": UPLOAD}},
    "asked above": {"before_script": ASK, "a": {"script": UPLOAD}},
    "the same rules": two(gate(**RULES), **RULES),
    "other rules, and needed": two(gate(**RULES), needs=["gate"]),
    "fails by a code that is not ours": two(gate(allow_failure={"exit_codes": [137]})),
    "by hand, and waited for": two(gate(when="manual", allow_failure=False)),
    "by hand in rules": two(gate(rules=[{"when": "manual"}])),
    "a report whatever happens": {"a": PUSH, "b": {"script": "ls", "when": "always"}},
    "ours": {"include": OURS},
    "ours in a list": {"include": [OURS], "up": {"stage": "deploy", "script": UPLOAD,
                                                 "needs": ["hubpolicy-evidence"]}},
    "a file of its own": {"include": "ci/gate.yml", "up": {"stage": "deploy", "script": UPLOAD}},
    "a file by a file": {"include": {"local": "/.gitlab/more.yml"},
                         "up": {"stage": "deploy", "script": UPLOAD}},
    "a reference": {".x": {"script": ASK}, "up": {"script": [{REFERENCE: [".x", "script"]}, *UPLOAD]}},
    "a function of one's own": {"a": {"before_script": ['hubpolicy() { env hubpolicy "$@"; }'],
                                      "script": [*ASK, *UPLOAD]}},
    "nothing of ours": {"stages": ["a"], "variables": {"A": "b"}, "a": {"script": "make"}},
    "nothing": {},
    "jobs that are none": {"a": None, "b": "x", "c": {"script": None, "needs": [None, 1]}},
}  # fmt: skip

ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "allowed to fail": (two(gate(allow_failure=True)), "`allow_failure` hides its no"),
    "by a code of ours": (two(gate(allow_failure={"exit_codes": [1]})), "`allow_failure`"),
    "in a rule": (two(gate(rules=[{"allow_failure": True}]), rules=[{"allow_failure": True}]),
                  "`allow_failure`"),
    "by its template": ({**HIDDEN, **two({"extends": ".base"})}, "`allow_failure`"),
    "by ours, changed": ({"include": OURS, "hubpolicy-release": {"allow_failure": True}},
                         "`allow_failure`"),
    "the card alone": (two(gate(script=["hubpolicy check ."])), "says no without a toxicity test"),
    "an estimate alone": ({"a": {"script": ["hubpolicy test . --estimate", *UPLOAD]}},
                          "test --estimate"),
    "no default": ({"default": {"before_script": ASK}, "up": {
        "script": UPLOAD, "inherit": {"default": False}}}, "no hubpolicy step comes before it"),
    "another default": ({"default": {"before_script": ASK}, "up": {
        "script": UPLOAD, "inherit": {"default": ["image"]}}}, "no hubpolicy step comes before it"),
    "or true": (two(gate(script=["hubpolicy verify . || true"])), "`|| true` goes on"),
    "set +e": (two(gate(script=["set +e", *ASK, "echo done"])), "no `set -e`"),
    "by hand": (two(gate(when="manual")), "`when: manual`: the pipeline goes on without it"),
    "never": (two(gate(when="never")), "nobody asks before an upload"),
    "never by rules": (two(gate(rules=[{"when": "never"}]), rules=[{"when": "never"}]),
                       "nobody asks before an upload"),
    "always": (two(gate(), when="always"), "job gate asks, and nothing waits for it"),
    "always by a rule": (two(gate(), needs=["gate"], rules=[{"when": "always"}]),
                         "nothing waits for it"),
    "the same stage": (two(gate(stage="deploy")), "job gate asks, and nothing waits for it"),
    "waits for nobody": (two(gate(), needs=[]), "job gate asks, and nothing waits for it"),
    "waits if it is there": (two(gate(), needs=[{"job": "gate", "optional": True}]),
                             "nothing waits for it"),
    "nobody asks": ({"a": {"script": UPLOAD}}, "no hubpolicy step comes before it"),
    "too late": ({"a": {"script": [*UPLOAD, *ASK]}}, "no hubpolicy step comes before it"),
    "asks after": ({"a": {"script": "ls", "after_script": ASK}}, "its no says nothing"),
    "uploads after": ({"a": {"script": ASK, "after_script": UPLOAD}}, "runs after a no, too"),
}  # fmt: skip

UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "a project's": ({"include": {"project": "x/y", "ref": COMMIT, "file": ["a.yml", "b.yml"]}},
                    f"runs x/y@{COMMIT} (a.yml, b.yml), which cannot be read here"),
    "one that is not there": ({"include": "gone.yml"}, "unknown, not judged"),
    "one that is no YAML": ({"include": "broken.yml"}, "unknown, not judged"),
    "round and round": ({"include": "round.yml"}, "unknown, not judged"),
    "something": ({"include": [3]}, "unknown, not judged"),
    "another pipeline": ({"a": {"trigger": "x/y"}}, "runs another pipeline"),
    "not in each pipeline": (two(gate(**RULES)), "uploads also where job gate is not in the pipel"),
    "another folder": (two(gate(script="hubpolicy verify x"), script="hf upload a/b ./y"),
                       "asks about x, uploads y"),
    "another folder in one job": ({"a": {"script": ["hubpolicy test ./x", "hf upload a/b ./y"]}},
                                  "asks about x, uploads y"),
    "make": ({"a": {"script": ["make verify", "make upload"]}}, "may upload by `make upload`"),
    "a condition": ({"a": {"script": "if hubpolicy verify .; then make; fi"}}, "it is a condition"),
}  # fmt: skip


@pytest.mark.parametrize("case", FINE)
def test_nothing_gets_past(case: str) -> None:
    found = read_pipeline(FINE[case], NEAR)
    assert (found.gaps, found.loose) == ((), ())


@pytest.mark.parametrize("case", ERRORS)
def test_a_no_that_is_lost(case: str) -> None:
    document, said = ERRORS[case]
    (gap,) = read_pipeline(document, NEAR).gaps
    assert gap.certain
    assert said in gap.said
    assert gap.fix


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_nobody_can_judge_is_said(case: str) -> None:
    document, said = UNKNOWN[case]
    (gap,) = read_pipeline(document, NEAR).gaps
    assert not gap.certain
    assert said in gap.said
    assert gap.fix


@pytest.mark.parametrize(
    ("include", "loose"),
    [
        ({**OURS, "ref": "main"}, "acme/hubpolicy@main (ci/gitlab/hubpolicy.gitlab-ci.yml)"),
        ({"project": "x/y", "file": "a.yml"}, "x/y (a.yml)"),
        ({"remote": "https://x.example/a.yml"}, "https://x.example/a.yml"),
        ("https://x.example/a.yml", "https://x.example/a.yml"),
    ],
)
def test_what_can_move_is_told(include: object, loose: str) -> None:
    assert read_pipeline({"include": include}, NEAR).loose == (loose,)


def test_jobs_without_an_environment_are_told() -> None:
    found = read_pipeline({"a": PUSH, **two(gate())}, NEAR)
    assert (found.jobs, found.bare) == (("a", "gate", "up"), ("gate", "up"))
