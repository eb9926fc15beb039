# SPDX-License-Identifier: Apache-2.0
"""Every rule id, its title and its default severity. Ids are stable and never reused.

The title and severity of a rule stand in the rule's own file; rules that are the verifier's or a
flow's errors and have no file of their own are listed here.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from hubpolicy.domain.finding import Severity

_OWN = (
    "hp120", "hp121", "hp122",
    "hp201", "hp202", "hp203", "hp204", "hp205", "hp206", "hp207", "hp208", "hp209", "hp210",
    "hp211", "hp212", "hp213", "hp214", "hp215", "hp216", "hp217", "hp218",
    "hp219", "hp220", "hp221", "hp222", "hp223", "hp224",
    "hp301", "hp307", "hp308", "hp309", "hp310", "hp320", "hp321", "hp322", "hp330",
    "hp401", "hp402", "hp403", "hp404", "hp405", "hp406", "hp407", "hp408", "hp409", "hp410",
    "hp411", "hp412", "hp413", "hp414", "hp415", "hp416",
    "hp501", "hp505", "hp510", "hp511", "hp512", "hp601", "hp602", "hp610", "hp611", "hp703",
    "hp710",
    "hp901", "hp902", "hp903", "hp904", "hp905", "hp906", "hp907", "hp908", "hp909", "hp910",
    "hp911", "hp912", "hp913",
)  # fmt: skip

_ERRORS = (
    ("HP302", "every line of evidence is signed by a key of the trust root"),
    ("HP303", "every signer holds the role that the statement takes"),
    ("HP304", "every statement is of a known kind"),
    ("HP305", "no line of evidence stands there twice"),
    ("HP306", "nothing is dated in the future"),
    ("HP311", "every timestamp is of its signature, by an authority that the root pins"),
    ("HP502", "what stands on the hub is what was judged"),
    ("HP503", "nobody changed the repository while it was being published"),
    ("HP504", "no unjudged weights in the history that becomes public"),
    ("HP701", "no signature is by a revoked key"),
    ("HP702", "no statement is revoked"),
)


class RuleEntry(NamedTuple):
    """One rule of the catalogue. ``doc`` is its place in the documentation."""

    id: str
    title: str
    severity: Severity

    @property
    def doc(self) -> str:
        """Derived from the id."""
        return f"docs/rules.md#{self.id.lower()}"


def catalogue() -> tuple[RuleEntry, ...]:
    """All rules, sorted by id. Imports the card rules: not for the hook's path."""
    from hubpolicy.core.card.check import card_rules

    own = [import_module(f"hubpolicy.core.rules.{name}") for name in _OWN]
    entries = [RuleEntry(rule.id, rule.title, rule.severity) for rule in card_rules()]
    entries += [RuleEntry(module.ID, module.TITLE, module.SEVERITY) for module in own]
    entries += [RuleEntry(name, title, Severity.ERROR) for name, title in _ERRORS]
    return tuple(sorted(entries))
