# SPDX-License-Identifier: Apache-2.0
"""How a guarded process asks its judge: an answer belongs to its question, whatever interrupts."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

JUDGE = """
import json, os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
questions = sys.stdin.buffer
while line := questions.readline():
    question = json.loads(line)
    questions.read(question["length"])
    time.sleep(20 if "slow" in question["url"] else 0)
    answer = {"allowed": "free" in question["url"], "message": f"no {question['url'][23:]}"}
    answer |= %s
    print(json.dumps(answer), flush=True)
"""
FAITHFUL = '{"nonce": question["nonce"], "hint": str(os.getpid())}'
ASKING = """
import json, os, signal, subprocess, sys
sys.path.insert(0, sys.argv[1])
from hubpolicy.guard import startup as guard
guard.JUDGE = (sys.executable, sys.argv[2])
found = []

def ask(url):
    try:
        guard._ask("PUT", "https://huggingface.co/" + url, {}, b"{}")
        found.append("allowed " + url)
    except BaseException as error:
        found.append(f"{type(error).__name__} {error}")

def judge():
    return guard._judges[os.getpid()]._process

class Timeout(Exception):
    pass

def ring(*_):
    raise Timeout("rung")

"""


def asking(tmp_path: Path, answer: str, script: str) -> list[str]:
    """What a process says that asks a judge of this kind."""
    judge = tmp_path / "judge.py"
    judge.write_text(JUDGE % answer)
    code = f"{ASKING}{script}\nprint(json.dumps(found))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, ".", str(judge)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("handler", "named"), [("signal.default_int_handler", "KeyboardInterrupt"), ("ring", "Timeout")]
)
def test_an_interrupted_question_leaves_no_answer_for_the_next_one(
    tmp_path: Path, handler: str, named: str
) -> None:
    found = asking(
        tmp_path, FAITHFUL,
        f"signal.signal(signal.SIGALRM, {handler})\n"
        "ask('free')\n"
        "first = judge()\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "ask('slow/free')\n"  # Ctrl-C, or a time limit, while this one is judged
        "found.append(str(first.poll() is not None))\n"
        "ask('settings')\nask('free')\nask('settings')\n",
    )  # fmt: skip
    assert found[0] == "allowed free"
    assert found[1].startswith(named)
    assert found[2] == "True", "the judge that still has an answer to give must be gone"
    assert [said.split("\n")[0] for said in found[3:]] == [
        "UploadDeniedError hubpolicy guard: no settings",
        "allowed free",
        "UploadDeniedError hubpolicy guard: no settings",
    ]


@pytest.mark.parametrize("answer", ["{}", '{"nonce": "0"}', '{"nonce": None}'])
def test_an_answer_to_another_question_is_a_no_and_ends_that_judge(
    tmp_path: Path, answer: str
) -> None:
    found = asking(
        tmp_path, answer,
        "kept, start = [], subprocess.Popen\n"
        "subprocess.Popen = lambda *a, **o: kept.append(start(*a, **o)) or kept[-1]\n"
        "ask('free')\nask('free')\n"
        "found.append([process.poll() is not None for process in kept])",
    )  # fmt: skip
    ended: Any = found.pop()
    assert ended == [True, True]
    assert all("gave no answer to this question" in said for said in found), found
    assert all(said.startswith("UploadDeniedError") for said in found), found


def test_a_fork_asks_a_judge_of_its_own(tmp_path: Path) -> None:
    found = asking(
        tmp_path, FAITHFUL,
        "ask('parent')\n"
        "read, write = os.pipe()\n"
        "if not os.fork():\n"
        "    ask('child')\n"
        "    os.write(write, found[-1].encode())\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "found.append(os.read(read, 1000).decode())\n"
        "ask('parent')",
    )  # fmt: skip
    first, child, again = (said.splitlines() for said in found)
    assert first == again, "the parent's judge lives on"
    assert "no child" in child[0]
    assert child[1] != first[1], "the child has a judge of its own"
