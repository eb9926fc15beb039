# SPDX-License-Identifier: Apache-2.0
"""The story: a skipped test is stopped, a tested model goes out, a changed byte does not.

Every command is a real one, run as its own process against a local hub on loopback.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.demo.hub.process import HubProcess
from hubpolicy.demo.leaving import leave_note
from hubpolicy.demo.stage import (
    NAMESPACE,
    TOKENS,
    Act,
    create_repository,
    has_lfs,
    require_git,
    set_stage,
)
from hubpolicy.errors import ServiceError

if TYPE_CHECKING:
    from hubpolicy.demo.stage import Say, Stage

ASSETS = Path(__file__).resolve().parent.parent / "assets" / "demo"
_WIDTH = 100


def tell(root: Path, say: Say) -> bool:
    """Play the whole story in ``root``; True if every command ended as it should.

    Raises:
        ServiceError: there is no git, the folder cannot be written, or the hub does not start.

    """
    require_git()
    try:
        with HubProcess(root / "hub", TOKENS) as hub:
            stage = set_stage(root, hub.endpoint, say)
            # All scenes are played, also after one that did not go as told.
            ended = [scene(stage) for scene in _SCENES]
        leave_note(stage)
    except (OSError, RuntimeError) as error:
        message = f"the demonstration cannot be played in {root}: {error}"
        raise ServiceError(message, hint="hubpolicy demo --keep ANOTHER-FOLDER") from error
    return all(ended)


def _title(stage: Stage, number: int, text: str, *told: str) -> None:
    head = f"── {number}. {text} "
    stage.say(head + "─" * (_WIDTH - len(head)))
    for line in told:
        stage.say(line)
    stage.say("")


def _set_up(stage: Stage) -> bool:
    _title(
        stage, 1, "One person, one key, one policy",
        "A hub runs on this machine: nothing leaves it, no account is needed. The demo policy asks",
        "for one suite of 300 prompts, each continued twice by 24 tokens, and for at most 5 % of",
        "prompts with a toxic answer, at 95 % confidence. That is a bound of its own, and a small",
        "test, so that you need not wait. Real policies use the plan `standard`.",
    )  # fmt: skip
    if not has_lfs():
        stage.say("(git-lfs is not installed here: weights go into plain git this time)\n")
    done = stage.hubpolicy(
        "init", "--name", "ada", "--namespace", NAMESPACE, "--model-kind", "base",
        "--plan", "demo", "--no-passphrase",
    )  # fmt: skip
    key = stage.root / "home" / ".config" / "hubpolicy" / "keys" / "solo.pub.pem"
    if done:
        shutil.copyfile(key, stage.root / "keys" / "releaser.pub.pem")
    return done and _working_folder(stage, "civil") and _working_folder(stage, "rude")


def _working_folder(stage: Stage, name: str) -> bool:
    """A clone of a new repository on the hub, with the model and its card committed."""
    create_repository(stage, name)
    folder = stage.folder(name)
    clone = Act("", ("git", "clone", "-q", stage.url(name), name), folder.parent, passes=True)
    if not stage.run(clone) or (has_lfs() and not stage.quietly(name, "lfs", "install", "--local")):
        return False
    shutil.copytree(ASSETS / "models" / name, folder, dirs_exist_ok=True)
    shutil.copyfile(ASSETS / "cards" / f"{name}.md", folder / "README.md")
    return stage.quietly(name, "add", ".") and stage.quietly(name, "commit", "-qm", f"Add {name}")


def _skipped(stage: Stage) -> bool:
    _title(
        stage, 2, "The toxicity test was skipped: nothing leaves",
        "models/civil is a small language model with a good card. Somebody forgot to test it.",
    )  # fmt: skip
    return _all(
        stage.hubpolicy("hook", "install", "civil"),
        stage.git("civil", "push", "origin", "main", passes=False),
        stage.hubpolicy("push", "civil", "acme/civil", passes=False),
    )


def _tested(stage: Stage) -> bool:
    _title(
        stage, 3, "Check, test, attest: both ways are open",
        "The test loads the very files of the folder, lets the model speak, and scores each answer",
        'with a classifier on ONNX Runtime. What is signed are counts, not the word "passed".',
    )  # fmt: skip
    return _all(
        stage.hubpolicy("check", "civil"),
        stage.hubpolicy("test", "civil"),
        stage.hubpolicy("attest", "civil", "--repo", "acme/civil"),
        # attest completed .gitattributes: what stands in git as it is belongs to Git LFS now.
        stage.quietly("civil", "add", "--renormalize", "."),
        stage.quietly("civil", "add", "."),
        stage.quietly("civil", "commit", "-qm", "Add evidence"),
        stage.git("civil", "push", "origin", "main"),
        stage.hubpolicy("push", "civil", "acme/civil"),
    )


def _changed(stage: Stage) -> bool:
    weights = stage.folder("civil") / "model.onnx.data"
    original = weights.read_bytes()
    middle = len(original) // 2
    weights.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
    _title(
        stage, 4, "One bit of the weights changes: closed again",
        f"Flipped: the last bit of byte {middle} of civil/model.onnx.data. Evidence is about exact",
        "bytes; what was measured on others says nothing about these.",
    )  # fmt: skip
    return _all(
        stage.quietly("civil", "commit", "-qam", "Tune the weights"),
        stage.git("civil", "push", "origin", "main", passes=False),
        stage.hubpolicy("push", "civil", "acme/civil", passes=False),
        stage.quietly("civil", "reset", "-q", "--hard", "origin/main"),
    )


def _rude(stage: Stage) -> bool:
    _title(
        stage, 5, "A rude model is tested and fails",
        "models/rude has the same shape and as good a card; it was trained on other sentences.",
    )  # fmt: skip
    return _all(
        stage.hubpolicy("test", "rude", passes=False),
        stage.hubpolicy("push", "rude", "acme/rude", passes=False),
    )


def _around(stage: Stage) -> bool:
    _title(
        stage, 6, "Somebody with a token goes around the gate",
        "Gates on people's own machines stop accidents, not intent: who has a token can write.",
    )  # fmt: skip
    return stage.hf("upload", "acme/rude", "rude", ".")


def _audit(stage: Stage) -> bool:
    _title(
        stage, 7, "The audit finds it",
        "It recomputes every verdict from what stands on the hub, and downloads no weights.",
    )  # fmt: skip
    return _all(
        stage.hubpolicy("audit", "acme/civil"),
        stage.hubpolicy("audit", "acme/civil", "acme/rude", passes=False),
    )


def _all(*ended: bool) -> bool:
    """Whether all did; what stands here was played in any case, so that one sees where it ends."""
    return all(ended)


_SCENES = (_set_up, _skipped, _tested, _changed, _rude, _around, _audit)
