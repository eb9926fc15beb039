# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy rule``: what, why, remedy, before and after."""

from __future__ import annotations

import re

import click

from hubpolicy.errors import ServiceError


@click.command(
    epilog="""\b
Examples:
  hubpolicy rule            all rules
  hubpolicy rule HP203
"""
)
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Print docs/rules.md.")
def rule(name: str | None, *, everything: bool) -> None:
    """Explain a rule, or list them all."""
    from hubpolicy.core.rules.catalogue import catalogue

    entries = catalogue()
    if everything:
        click.echo(document(), nl=False)
        return
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


def document() -> str:
    """docs/rules.md: every section, in the order of the ids."""
    from hubpolicy.core.rules.catalogue import catalogue

    parts = ["# Rules\n\nIds are stable and never reused. `hubpolicy rule HP203` prints one.\n"]
    for entry in catalogue():
        parts.append(f'<a id="{entry.id.lower()}"></a>\n\n## {entry.id}: {entry.title}\n')
        parts.append(f"Default severity: {entry.severity.word}.\n\n{section(entry.id)}\n")
    return "\n".join(parts)


def section(rule_id: str) -> str:
    """The rule's section of docs/rules.md, as shipped."""
    from hubpolicy.adapters import assets

    names = sorted(path.name for path in (assets.FOLDER / "rules").glob("*.md"))
    text = "\n".join(assets.read("rules", name).decode() for name in names)
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    for part in parts[1:]:
        title, _, body = part.partition("\n")
        if title.startswith(rule_id):
            return body.strip()
    message = f"no section about {rule_id} is shipped"
    raise ServiceError(message, hint="install hubpolicy again")
