# SPDX-License-Identifier: Apache-2.0
"""What ships with the package: plans, the embedded scorer, vocabularies, the card profile."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.plans import own_plans, read_plan
from hubpolicy.adapters.references import own_references
from hubpolicy.core.card.check import Profile, RepoFacts, card_rules, check_card
from hubpolicy.core.card.vocabulary import Vocabularies, parse_vocabularies
from hubpolicy.core.plan import parse_plan
from hubpolicy.core.policy_document import Catalogue, CatalogueProfile, CatalogueScorer
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.errors import ConfigError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Plan

FOLDER = Path(__file__).resolve().parent.parent / "assets"
EMBEDDED_SCORER = "hubpolicy-screen-en"
_SCORER_FOLDERS = {EMBEDDED_SCORER: FOLDER / "scorers" / "screen-en"}


def read(*parts: str) -> bytes:
    """A shipped file.

    Raises:
        ServiceError: the installation is incomplete.

    """
    path = FOLDER.joinpath(*parts)
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read {'/'.join(parts)} of the package: {error.strerror}"
        raise ServiceError(message, hint="install hubpolicy again") from error


def schema(name: str) -> bytes:
    """A published JSON Schema, for example ``card.v1.schema.json``."""
    return (files("hubpolicy.schemas") / name).read_bytes()


def plan(name: str) -> Plan:
    """A plan by id: one that ships, which none can stand in for, or one of one's own.

    Raises:
        ConfigError: there is no such plan, or an own one is not what it should be.
        ServiceError: an own plan's prompts cannot be read or fetched.

    """
    if name in _shipped_names():
        return _shipped(name)
    own = own_plans()
    if name not in own:
        message = f"got plan {name!r}, expected one of {', '.join(plan_names())}"
        hint = f"a plan of your own is a file of this name: ~/.config/hubpolicy/plans/{name}.toml"
        raise ConfigError(message, hint=hint)
    return read_plan(own[name])


def plan_names() -> tuple[str, ...]:
    """The ids of the plans that are at hand."""
    return tuple(sorted({*_shipped_names(), *own_plans()}))


@cache
def _shipped(name: str) -> Plan:
    return parse_plan(read("plans", f"{name}.toml"), lambda path: read("plans", path))


@cache
def _shipped_names() -> frozenset[str]:
    return frozenset(path.stem for path in (FOLDER / "plans").glob("*.toml"))


@cache
def vocabularies() -> Vocabularies:
    """The Hub's vocabularies as vendored."""
    found = {path.stem: path.read_bytes() for path in sorted((FOLDER / "vocab").glob("*.json"))}
    return parse_vocabularies(found)


def baseline() -> Profile:
    """The card profile ``baseline``."""
    return Profile("baseline", schema("card.v1.schema.json"))


def scorer_folder(name: str) -> Path:
    """The folder of a scorer bundle by id.

    Raises:
        ConfigError: no bundle of that id is at hand.

    """
    folders = scorer_folders()
    if name not in folders:
        message = f"got scorer {name!r}, expected one of {', '.join(folders)}"
        raise ConfigError(message, hint="hubpolicy scorer list")
    return folders[name]


def scorer_folders() -> dict[str, Path]:
    """Bundles by id: the embedded one, which none can stand in for, then those installed."""
    from hubpolicy.adapters.scorers.installed import installed_folders

    return _SCORER_FOLDERS | {
        name: folder for name, folder in installed_folders().items() if name not in _SCORER_FOLDERS
    }


def default_gitattributes() -> bytes:
    """What the Hub puts into a new repository."""
    return read("hub", "gitattributes.txt")


def catalogue_here(own: tuple[Profile, ...] = ()) -> Catalogue:
    """What the names in a policy file can mean on this machine, with card profiles of one's own.

    Raises:
        ConfigError: an own profile is no JSON Schema that can be used, or a calibration is none.

    """
    from hubpolicy.adapters.scorers.installed import sound_pins

    pins = [pin for _, pin in sound_pins(scorer_folders())]
    return Catalogue(
        plans=tuple(plan(name) for name in plan_names()),
        scorers=tuple(CatalogueScorer(pin.id, pin.tier, pin.sha256) for pin in pins),
        profiles=tuple(_profile_rules(profile) for profile in (baseline(), *own)),
        rules=tuple((entry.id, entry.severity) for entry in catalogue()),
        fixed=frozenset(rule.id for rule in card_rules() if rule.fixed),
        references=own_references(),
    )


def _profile_rules(profile: Profile) -> CatalogueProfile:
    nothing = RepoFacts((), frozenset(), has_license_file=False, size_bytes=0)
    probe = check_card(None, nothing, profile, vocabularies())
    rules = (*probe.passed, *probe.warned, *probe.failed)
    return CatalogueProfile(profile.name, probe.schema_sha256, tuple(sorted(rules)))
