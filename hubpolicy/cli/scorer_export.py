# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy scorer export``: a Detoxify model as a bundle that runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from hubpolicy.cli.scorer_output import describe, finish, format_option, say, tree

if TYPE_CHECKING:
    from hubpolicy.adapters.scorers.export.bundling import Exported, Order

NAMES = ("detoxify-original", "detoxify-unbiased", "detoxify-multilingual")


@click.command(
    epilog="""\b
Examples:
  hubpolicy scorer export detoxify-original --checkpoint toxic_original-c1212f89.ckpt --tokenizer bert-base-uncased/
  hubpolicy scorer export detoxify-unbiased --from unbiased-toxic-roberta/ --sha256 5e7c…
  hubpolicy scorer export detoxify-multilingual --checkpoint multi.ckpt --tokenizer xlm-roberta-base/ -o ./bundle
\b
Needs the extra: pip install 'hubpolicy[detoxify]'. The bundle does not.
Without -o it is installed for you; `hubpolicy scorer lock NAME --write` pins it.
Exit codes: 0 written, 1 digest, fusion or parity do not hold, 2 usage, 3 cannot be read or exported.
"""  # noqa: E501 - a command is one line
)
@click.argument("name", type=click.Choice(NAMES))
@click.option(
    "--checkpoint",
    type=click.Path(exists=True, dir_okay=False),
    help="Detoxify's .ckpt file.",
)
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    help="A folder with config.json and model.safetensors, as unitary/* has them.",
)
@click.option(
    "--tokenizer",
    type=click.Path(exists=True, file_okay=False),
    help="The base model's tokenizer files; default: the --from folder.",
)
@click.option("--sha256", default="", help="Whole digest of the weights that you trust.")
@click.option(
    "--precision",
    type=click.Choice(["int8", "fp32"]),
    default="int8",
    show_default=True,
    help="int8 brings fp32 along, for scores near a threshold.",
)
@click.option(
    "--int8-limit",
    default="0.25",
    show_default=True,
    help="Largest difference of a score that int8 may have.",
)
@click.option("-o", "--output", type=click.Path(), default="", help="Folder for the bundle.")
@click.option("--replace", is_flag=True, help="Replace the installed one.")
@format_option
def export(
    *, name: str, checkpoint: str | None, folder: str | None, tokenizer: str | None, sha256: str,
    precision: str, int8_limit: str, output: str, replace: bool, format_: str,
) -> None:  # fmt: skip
    """Export a Detoxify model to ONNX, and see that it says what Detoxify says."""
    if bool(checkpoint) == bool(folder):
        raise click.UsageError(_where_from(name))
    if checkpoint and not tokenizer:
        message = "--checkpoint needs --tokenizer: the folder of the base model's tokenizer"
        raise click.UsageError(message)
    _refuse_limit(int8_limit)
    from hubpolicy.adapters.scorers.export.extra import require_extra

    require_extra()
    from hubpolicy.adapters.scorers.export.bundling import Order

    order = Order(
        name=name,
        source=Path(checkpoint or folder or ""),
        tokenizer=Path(tokenizer) if tokenizer else None,
        sha256=sha256.lower(),
        precision=cast("Literal['int8', 'fp32']", precision),
        int8_limit=int8_limit,
    )
    made = _write(order, output, format_, replace=replace)
    table = describe(made.folder)
    lines = [f"{name}  {made.pin.sha256}", *tree({"evaluation": made.evaluation})]
    lines += [f"written to {made.folder}", f"next: {_next(name, output)}"]
    finish(format_, {"scorer": table}, lines)


def _write(order: Order, output: str, format_: str, *, replace: bool) -> Exported:
    """To the folder asked for, else to the user's configuration."""
    import tempfile

    from hubpolicy.adapters.scorers.export.bundling import export_scorer
    from hubpolicy.adapters.scorers.installed import install, place_for
    from hubpolicy.errors import ConfigError, ServiceError

    if output:
        return export_scorer(order, Path(output), say=say(format_))
    place = place_for(order.name)
    if place.exists() and not replace:
        message = f"scorer {order.name!r} is installed already, in {place}"
        raise ConfigError(message, hint="--replace, or -o DIR for another folder")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export.", dir=place.parent) as scratch:
            made = export_scorer(order, Path(scratch) / "bundle", say=say(format_))
            return made._replace(folder=install(made.folder, order.name, replace=replace))
    except OSError as error:
        message = f"cannot write to {place.parent}: {error.strerror or error}"
        raise ServiceError(message, hint="-o DIR for another folder") from error


def _where_from(name: str) -> str:
    from hubpolicy.adapters.scorers.export.known import known_model

    known = known_model(name)
    return (
        "got both or neither of --checkpoint and --from, expected one: "
        f"the file {known.checkpoint}, or a folder with the files of {known.repo}"
    )


def _refuse_limit(text: str) -> None:
    from hubpolicy.core.statistics import parse_ratio
    from hubpolicy.errors import ConfigError, MalformedError

    try:
        numerator, denominator = parse_ratio(text)
    except MalformedError as error:
        raise ConfigError(error.message, hint="--int8-limit 0.25") from error
    if not 0 < numerator < denominator:
        message = f"got --int8-limit {text}, expected a number between 0 and 1"
        raise ConfigError(message)


def _next(name: str, output: str) -> str:
    import shlex

    return f"hubpolicy scorer verify {shlex.quote(output) if output else name}"
