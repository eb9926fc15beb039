# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy rule``: what, why, remedy, before and after."""

from __future__ import annotations

import re

import click


@click.command(
    epilog="""\b
Examples:
  hubpolicy rule            all rules
  hubpolicy rule HP203
"""
)
@click.argument("name", required=False)
def rule(name: str | None) -> None:
    """Explain a rule, or list them all."""
    from hubpolicy.core.rules.catalogue import catalogue

    entries = catalogue()
    if name is None:
        for entry in entries:
            click.echo(f"{entry.id}  {entry.severity.word:8}{entry.title}")
        return
    wanted = name.upper()
    found = next((entry for entry in entries if entry.id == wanted), None)
    if found is None:
        message = f"got rule {name!r}; `hubpolicy rule` lists the ids"
        raise click.UsageError(message)
    click.echo(f"{found.id} ({found.severity.word}): {found.title}\n")
    click.echo(section(wanted))


def section(rule_id: str) -> str:
    """The rule's section of docs/rules.md, as shipped."""
    from hubpolicy.adapters import assets

    text = assets.read("rules", f"{rule_id[:3]}xx.md").decode()
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    for part in parts[1:]:
        title, _, body = part.partition("\n")
        if title.startswith(rule_id):
            return body.strip()
    return f"docs/rules.md has no section about {rule_id} yet"
