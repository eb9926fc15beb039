# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy scorer``: list, show, verify, lock; the other subcommands stand beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubpolicy.cli.exits import Exit
from hubpolicy.cli.scorer_evaluate import evaluate
from hubpolicy.cli.scorer_export import export
from hubpolicy.cli.scorer_output import describe, finish, folder_of, format_option, say, tree
from hubpolicy.cli.scorer_pull import pull
from hubpolicy.errors import HubpolicyError

if TYPE_CHECKING:
    from hubpolicy.adapters.scorers.session import BundleScorer
    from hubpolicy.domain.finding import Finding
    from hubpolicy.domain.statement import Canaries


@click.group(
    epilog="""\b
Examples:
  hubpolicy scorer list
  hubpolicy scorer export detoxify-unbiased --checkpoint toxic_debiased-c7548aa0.ckpt --tokenizer roberta-base/
  hubpolicy scorer lock detoxify-unbiased --write
"""  # noqa: E501 - a command is one line
)
def scorer() -> None:
    """Make, look at, check and pin toxicity classifiers."""


scorer.add_command(export)
scorer.add_command(pull)
scorer.add_command(evaluate)


@scorer.command(
    "list",
    epilog="""\b
Examples:
  hubpolicy scorer list
  hubpolicy scorer list --format json
""",
)
@format_option
def list_(format_: str) -> None:
    """List the scorers at hand: the embedded one, and those installed in your configuration."""
    from hubpolicy.adapters import assets

    rows = [_row(name, folder) for name, folder in assets.scorer_folders().items()]
    lines = [
        f"{row['name']:<28} {row['tier']:<9} {row['precision']:<5} "
        f"{','.join(row['languages']):<21} {row['sha256'][:16] or row['problem']}"
        for row in rows
    ]
    broken = any(row["problem"] for row in rows)
    finish(format_, {"scorers": rows}, lines, Exit.NOT_EVALUATED if broken else Exit.PASSED)


@scorer.command(
    epilog="""\b
Examples:
  hubpolicy scorer show hubpolicy-screen-en
  hubpolicy scorer show ./detoxify-unbiased --format json
"""
)
@click.argument("name_or_dir")
@format_option
def show(name_or_dir: str, format_: str) -> None:
    """Print what a bundle says about itself: labels, thresholds, parity, where it comes from."""
    table = describe(folder_of(name_or_dir))
    finish(format_, {"scorer": table}, [f"{table['id']}", *tree(table)])


@scorer.command(
    epilog="""\b
Examples:
  hubpolicy scorer verify ./detoxify-unbiased
  hubpolicy scorer verify detoxify-unbiased --sha256 3f0a…
\b
Exit codes: 0 it works, 1 another digest, or control texts wrong, 2 usage, 3 cannot be loaded.
"""
)
@click.argument("name_or_dir")
@click.option("--sha256", default="", help="The bundle's digest (64 hex digits) must be this.")
@format_option
def verify(name_or_dir: str, sha256: str, format_: str) -> None:
    """Load a bundle and let it score the control texts that every run is checked with."""
    from hubpolicy.adapters.scorers.session import open_scorer

    folder = folder_of(name_or_dir)
    say(format_)(f"loading {folder}")
    controls, findings = _controls(open_scorer(folder, expected=sha256.lower()))
    table = describe(folder)
    counts = f"{controls.toxic_flagged} of {controls.toxic} toxic and "
    counts += f"{controls.benign_flagged} of {controls.benign} benign control texts flagged"
    found = [{"rule": one.rule, "message": one.message} for one in findings]
    lines = [f"{table['id']}  {table['sha256']}", f"  {counts}"]
    lines += [f"✗ {one['rule']} {one['message']}" for one in found] or ["✓ it works"]
    code = Exit.BLOCKED if findings else Exit.PASSED
    finish(
        format_, {"scorer": table, "controls": controls._asdict(), "findings": found}, lines, code
    )


@scorer.command(
    epilog="""\b
Examples:
  hubpolicy scorer lock detoxify-unbiased                  print the line for [lock]
  hubpolicy scorer lock detoxify-unbiased --write          write it into your policy
  hubpolicy scorer lock ./bundle --write --policy hubpolicy.toml
"""
)
@click.argument("name_or_dir")
@click.option("--write", is_flag=True, help="Write it into the policy file.")
@click.option("--policy", "policy_file", type=click.Path(dir_okay=False), default="",
              help="Which policy file; default: the governing one.")  # fmt: skip
@format_option
def lock(name_or_dir: str, policy_file: str, format_: str, *, write: bool) -> None:
    """Pin a bundle by the digest of all its files in the policy's table [lock]."""
    from hubpolicy.adapters.scorers.bundle import bundle_pin
    from hubpolicy.core.policy_lock import PREFIX, lock_line

    pin = bundle_pin(folder_of(name_or_dir))
    document: dict[str, Any] = {"lock": {pin.id: f"{PREFIX}{pin.sha256}"}}
    lines = ["[lock]", lock_line(pin.id, pin.sha256)]
    if write:
        path = _write(policy_file, pin.id, pin.sha256)
        document["policy"] = str(path)
        lines += [f"written into {path}", "next: hubpolicy policy sign"]
    finish(format_, document, lines)


def _write(policy_file: str, name: str, sha256: str) -> Path:
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.home import POLICY_FILE, read_config, user_home
    from hubpolicy.core.policy_lock import write_lock
    from hubpolicy.errors import ConfigError

    path = Path(policy_file or user_home().path(POLICY_FILE))
    try:
        text = read_config(str(path.absolute())).decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"got bytes that are not UTF-8, in {path}"
        raise ConfigError(message) from error
    write_atomic(path, write_lock(text, name, sha256, where=str(path)).encode("utf-8"))
    return path


def _row(name: str, folder: Path) -> dict[str, Any]:
    from hubpolicy.adapters import assets

    row: dict[str, Any] = {
        "name": name, "tier": "?", "precision": "?", "languages": [], "sha256": "", "problem": "",
        "folder": str(folder), "embedded": name == assets.EMBEDDED_SCORER,
    }  # fmt: skip
    try:
        table = describe(folder)
    except HubpolicyError as error:
        return row | {"problem": f"BROKEN: {error.message}"}
    if table["id"] != name:
        return row | {"problem": f"BROKEN: it calls itself {table['id']!r}"}
    return row | {key: table[key] for key in ("tier", "precision", "languages", "sha256")}


def _controls(bundle: BundleScorer) -> tuple[Canaries, tuple[Finding, ...]]:
    from hubpolicy.adapters import assets
    from hubpolicy.core.rules import hp206
    from hubpolicy.domain.policy import CanaryGate
    from hubpolicy.domain.statement import Canaries

    plan = assets.plan("standard")
    scores = tuple(bundle.score(canary.text for canary in plan.canaries))
    flagged = [
        # A text without a score is flagged, as an answer without one counts as a hit.
        (canary.toxic, score.toxic if score.labels else not canary.toxic)
        for canary, score in zip(plan.canaries, scores, strict=True)
    ]
    counts = Canaries(
        sha256=plan.canaries_sha256,
        toxic=sum(toxic for toxic, _ in flagged),
        toxic_flagged=sum(hit for toxic, hit in flagged if toxic),
        benign=sum(not toxic for toxic, _ in flagged),
        benign_flagged=sum(hit for toxic, hit in flagged if not toxic),
    )
    return counts, hp206.check(counts, CanaryGate(plan.canaries_sha256))
