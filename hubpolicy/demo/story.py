# SPDX-License-Identifier: Apache-2.0
"""The story: a skipped test is stopped, a tested model goes out, a changed byte does not.

Every command is a real one, run as its own process against a local hub on loopback.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.demo.hub.process import HubProcess
from hubpolicy.demo.stage import TOKEN, TOKENS, Act, has_lfs, set_stage

if TYPE_CHECKING:
    from hubpolicy.demo.stage import Say, Stage

ASSETS = Path(__file__).resolve().parent.parent / "assets" / "demo"


def tell(root: Path, say: Say) -> bool:
    """Play the whole story in ``root``; True if every command ended as it should."""
    with HubProcess(root / "hub", TOKENS) as hub:
        stage = set_stage(root, hub.endpoint, say)
        scenes = (_set_up, _skipped, _tested, _changed, _rude, _around, _audit)
        results = [scene(stage) for scene in scenes]
    _leave_note(stage)
    return all(results)


def _title(stage: Stage, number: int, text: str) -> None:
    stage.say(f"── {number}. {text} " + "─" * max(4, 92 - len(text)))


def _set_up(stage: Stage) -> bool:
    _title(stage, 1, "One person, one key, one policy")
    stage.say(
        "A hub runs on this machine. Nothing leaves it, no account is needed.\n"
        "The demo policy asks for one suite: 300 prompts, 2 continuations of 24 tokens each, and\n"
        "an upper bound of 3 % on prompts with a toxic answer. Real policies use `standard`.\n"
    )
    if not has_lfs():
        stage.say("git-lfs is not installed here: weights go into plain git this time.\n")
    done = stage.hubpolicy(
        "init", "--name", "ada", "--namespace", "acme", "--model-kind", "base",
        "--plan", "demo", "--no-passphrase", passes=True,
    )  # fmt: skip
    key = stage.root / "home" / ".config" / "hubpolicy" / "keys" / "solo.pub.pem"
    if done:
        shutil.copyfile(key, stage.root / "keys" / "releaser.pub.pem")
    return done and _working_folder(stage, "civil") and _working_folder(stage, "rude")


def _working_folder(stage: Stage, name: str) -> bool:
    """A clone of a new repository on the hub, with the model and its card committed."""
    from huggingface_hub import HfApi

    HfApi(endpoint=stage.endpoint, token=TOKEN).create_repo(f"acme/{name}", private=True)
    folder = stage.folder(name)
    clone = Act("", ("git", "clone", "-q", stage.url(name), name), folder.parent, passes=True)
    cloned = stage.run(clone)
    if has_lfs():
        cloned = cloned and stage.git(name, "lfs", "install", "--local")
    shutil.copytree(ASSETS / "models" / name, folder, dirs_exist_ok=True)
    shutil.copyfile(ASSETS / "cards" / f"{name}.md", folder / "README.md")
    return (
        cloned
        and stage.git(name, "add", ".")
        and stage.git(name, "commit", "-q", "-m", f"Add {name}")
    )


def _skipped(stage: Stage) -> bool:
    _title(stage, 2, "The toxicity test was skipped: nothing leaves")
    return all(
        (
            stage.hubpolicy("hook", "install", "civil", passes=True),
            stage.git("civil", "push", "origin", "main", passes=False, quiet=False),
            stage.hubpolicy("push", "civil", "acme/civil", passes=False),
        )
    )


def _tested(stage: Stage) -> bool:
    _title(stage, 3, "Check, test, attest: both ways are open")
    return all(
        (
            stage.hubpolicy("check", "civil", passes=True),
            stage.hubpolicy("test", "civil", passes=True),
            stage.hubpolicy("attest", "civil", "--repo", "acme/civil", passes=True),
            stage.git("civil", "add", "."),
            stage.git("civil", "commit", "-q", "-m", "Add evidence"),
            stage.git("civil", "push", "origin", "main", quiet=False),
            stage.hubpolicy("push", "civil", "acme/civil", passes=True),
        )
    )


def _changed(stage: Stage) -> bool:
    _title(stage, 4, "One byte of the weights changes: closed again")
    weights = stage.folder("civil") / "model.onnx.data"
    original = weights.read_bytes()
    middle = len(original) // 2
    weights.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
    stage.say(f"(flipped one bit at byte {middle} of model.onnx.data)\n")
    blocked = all(
        (
            stage.git("civil", "commit", "-q", "-a", "-m", "Tune the weights"),
            stage.git("civil", "push", "origin", "main", passes=False, quiet=False),
            stage.hubpolicy("push", "civil", "acme/civil", passes=False),
        )
    )
    return blocked and stage.git("civil", "reset", "-q", "--hard", "origin/main")


def _rude(stage: Stage) -> bool:
    _title(stage, 5, "A rude model is tested and fails")
    return all(
        (
            stage.hubpolicy("test", "rude", passes=False),
            stage.hubpolicy("push", "rude", "acme/rude", passes=False),
        )
    )


def _around(stage: Stage) -> bool:
    _title(stage, 6, "Somebody with a token goes around the gate")
    stage.say("$ hf upload acme/rude rude   (the official client, no hook, no hubpolicy)")
    from huggingface_hub import HfApi

    api = HfApi(endpoint=stage.endpoint, token=TOKEN)
    api.upload_folder(
        repo_id="acme/rude", folder_path=stage.folder("rude"), commit_message="Upload",
        ignore_patterns=[".git/**", ".hubpolicy/**", "model.sig"],
    )  # fmt: skip
    stage.say("  uploaded: client-side gates stop accidents, not intent\n")
    return True


def _audit(stage: Stage) -> bool:
    _title(stage, 7, "The audit shows what is on the hub")
    return all(
        (
            stage.hubpolicy("audit", "acme/civil", passes=True),
            stage.hubpolicy("audit", "acme/civil", "acme/rude", passes=False),
        )
    )


def _leave_note(stage: Stage) -> None:
    text = f"""# What the demonstration left behind

- `home/`: configuration and keys. Go on with `HOME={stage.root}/home`.
- `models/civil`, `models/rude`: working folders with their evidence (`.hubpolicy/`, `model.sig`).
- `hub/`: the hub's repositories. Start it again with `python -m hubpolicy.demo.hub --root
  {stage.root}/hub --tokens {stage.root}/hub/tokens.json`; it prints its address for `HF_ENDPOINT`.
- `keys/releaser.pub.pem`: the public key.

Try next, in `models/`:

    HOME={stage.root}/home hubpolicy verify civil --records
    HOME={stage.root}/home hubpolicy rule HP203
    model_signing verify key --public_key ../keys/releaser.pub.pem --signature civil/model.sig civil
    find civil -type f ! -path 'civil/.git/*' ! -path 'civil/.hubpolicy/*' ! -path civil/model.sig
"""
    (stage.root / "README.md").write_text(text, encoding="utf-8")
