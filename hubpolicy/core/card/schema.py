# SPDX-License-Identifier: Apache-2.0
"""A JSON Schema judges the normalised document: offline, within a budget, in our own words.

Subschemas may carry ``x-hubpolicy: {rule, severity, message, fix, missing}``; validators ignore it
and a violation takes its words from there. Not responsible for where in README.md something stands.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from hubpolicy.core import strictjson
from hubpolicy.core.card.formats import format_checker
from hubpolicy.core.card.patterns import SUBJECT_LIMIT, refusal
from hubpolicy.core.card.phrases import describe, kind_of
from hubpolicy.core.card.text import clean
from hubpolicy.domain.finding import Severity
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ANNOTATION = "x-hubpolicy"
SCHEMA_LIMIT = 512 * 1024
STEP_LIMIT = 100_000
"""Keyword applications of one evaluation; the baseline needs a few hundred."""

_SEVERITIES = {each.word: each for each in Severity}
_HINT = "a card schema is one JSON Schema 2020-12 document, see schemas/card.v1.schema.json"


class Violation(NamedTuple):
    """One thing in the document that the schema refuses. ``path`` leads to it.

    ``rule`` is empty and ``severity`` None where the schema does not say. ``missing`` is the key
    that is not there, if that is what is wrong.
    """

    rule: str
    severity: Severity | None
    message: str
    fix: str
    path: tuple[str | int, ...]
    missing: str = ""


class CardSchema(NamedTuple):
    """A schema that was found fit for use. ``rules`` are the ids that its annotations name."""

    document: dict[str, Any]
    registry: Registry[Any]
    rules: frozenset[str]
    sha256: str


class _BudgetError(Exception):
    """The evaluation takes too many steps."""


@lru_cache(maxsize=8)
def parse_schema(schema: bytes, also: tuple[bytes, ...] = ()) -> CardSchema:
    """Read and check a schema, with others that its ``$ref`` may name by their ``$id``.

    Raises:
        ConfigError: it is no JSON Schema 2020-12, too large, or uses a pattern that could run away.

    """
    document = _load(schema)
    others = [_load(each) for each in also]
    resources = [DRAFT202012.create_resource(each) for each in others]
    pairs = [(resource.id() or "", resource) for resource in resources]
    registry: Registry[Any] = Registry().with_resources(pairs)
    rules = frozenset(rule for each in (document, *others) for rule in _rules(each))
    return CardSchema(document, registry, rules, hashlib.sha256(schema).hexdigest())


def violations(schema: CardSchema, document: dict[str, object]) -> tuple[Violation, ...]:
    """All violations, each said once, in the order in which the schema found them.

    Raises:
        ConfigError: the schema refers to something that is not there, or never comes to an end.

    """
    validator_class = _bounded()
    validator = validator_class(
        schema.document, registry=schema.registry, format_checker=format_checker()
    )
    try:
        errors = list(validator.iter_errors(document))
    except Unresolvable as error:
        message = f"got $ref {clean(str(error.ref))!r}, expected one inside the card schema"
        raise ConfigError(message, hint="card schemas are evaluated offline") from error
    except (RecursionError, _BudgetError) as error:
        message = f"the card schema needs more than {STEP_LIMIT:,} steps for one card"
        raise ConfigError(message, hint="remove $ref cycles and nested alternatives") from error
    return tuple(dict.fromkeys(_violation(_deepest(error)) for error in errors))


def _load(content: bytes) -> dict[str, Any]:
    try:
        document = strictjson.parse(content, what="the card schema", limit=SCHEMA_LIMIT)
    except MalformedError as error:
        raise ConfigError(error.message, hint=_HINT) from error
    if not isinstance(document, dict) or document.get("$schema", DIALECT) != DIALECT:
        message = (
            f"got another document, expected an object of dialect {DIALECT}, in the card schema"
        )
        raise ConfigError(message, hint=_HINT)
    try:
        _refuse_patterns(document)
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        message = f"got no valid JSON Schema: {clean(error.message, 160)}, in the card schema"
        raise ConfigError(message, hint=_HINT) from error
    plain = _without_dialect(document)
    return plain if isinstance(plain, dict) else {}


def _refuse_patterns(node: object) -> None:
    if isinstance(node, list):
        for each in node:
            _refuse_patterns(each)
    if not isinstance(node, dict):
        return
    own = node.get("pattern")
    named = node.get("patternProperties")
    patterns = [own] if isinstance(own, str) else []
    for pattern in (*patterns, *(named if isinstance(named, dict) else ())):
        if reason := refusal(pattern):
            message = f"the pattern {clean(pattern)!r} of the card schema {reason}"
            raise ConfigError(message, hint="see docs/rules.md#hp105 for what patterns may use")
    for each in node.values():
        _refuse_patterns(each)


def _without_dialect(node: object) -> object:
    # jsonschema leaves our bounded class for the official one at every subschema with "$schema".
    if isinstance(node, list):
        return [_without_dialect(each) for each in node]
    if isinstance(node, dict):
        kept = (
            pair for pair in node.items() if pair[0] != "$schema" or not isinstance(pair[1], str)
        )
        return {key: _without_dialect(value) for key, value in kept}
    return node


def _rules(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _rules(each)
    if isinstance(node, dict):
        note = node.get(ANNOTATION)
        if isinstance(note, dict) and isinstance(note.get("rule"), str):
            yield note["rule"]
        for each in node.values():
            yield from _rules(each)


def _bounded() -> Any:
    """Draft 2020-12 with a step budget of its own and our ``required`` and ``pattern``."""
    steps = iter(range(STEP_LIMIT))

    def count(keyword: Callable[..., Any]) -> Callable[..., Any]:
        def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
            if next(steps, None) is None:
                raise _BudgetError
            return keyword(validator, value, instance, schema)

        return counted

    own = {"required": _required, "pattern": _pattern, "$ref": _ref}
    keywords = {**Draft202012Validator.VALIDATORS, **own}
    counted = {name: count(keyword) for name, keyword in keywords.items()}
    extend: Callable[..., Any] = validators.extend
    return extend(Draft202012Validator, counted)


def _required(
    _: object, keys: list[str], instance: object, __: object
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key in keys:
            if key not in instance:
                yield ValidationError(f"{key!r} is missing", validator_value=key)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and len(instance) > SUBJECT_LIMIT:
        yield ValidationError(f"is longer than {SUBJECT_LIMIT} characters")
        return
    yield from (
        Draft202012Validator.VALIDATORS["pattern"](validator, pattern, instance, schema) or ()
    )


def _ref(validator: Any, ref: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Errors behind a ``$ref`` take over the words that stand beside it, if they have none.

    Words fit only the value that the ``$ref`` is about; below it, only rule and severity do.
    """
    note = schema.get(ANNOTATION) if isinstance(schema, dict) else None
    for error in Draft202012Validator.VALIDATORS["$ref"](validator, ref, instance, schema) or ():
        if isinstance(note, dict) and isinstance(error.schema, dict):
            fit = not error.path and error.validator != "required"
            taken = {key: note[key] for key in note if fit or key in {"rule", "severity"}}
            error.schema = {
                **error.schema,
                ANNOTATION: {**taken, **error.schema.get(ANNOTATION, {})},
            }
        yield error


def _deepest(error: ValidationError) -> ValidationError:
    """The error itself where the schema has words for it, else the likeliest alternative's."""
    if error.context and not _note(error, "message"):
        return best_match(iter([error])) or error
    return error


def _note(error: ValidationError, key: str) -> str:
    """What the failing subschema's annotation says under a key, or ``""``."""
    schema = error.schema if isinstance(error.schema, dict) else {}
    note = schema.get(ANNOTATION, {})
    if error.validator == "required":
        below = schema.get("properties", {}).get(error.validator_value)
        own = below.get(ANNOTATION, {}) if isinstance(below, dict) else {}
        note = {**note, **own, **own["missing"]} if "missing" in own else note
    found = note.get(key) if isinstance(note, dict) else None
    return found if isinstance(found, str) else ""


def _violation(error: ValidationError) -> Violation:
    path = tuple(error.absolute_path)
    missing = str(error.validator_value) if error.validator == "required" else ""
    words = describe(str(error.validator), error.validator_value, error.instance, path)
    message = _note(error, "message") or (words.message if words else clean(error.message, 200))
    fix = _note(error, "fix") or (words.fix if words else "see the profile's schema")
    return Violation(
        rule=_note(error, "rule"),
        severity=_SEVERITIES.get(_note(error, "severity")),
        message=_filled(message, error),
        fix=_filled(fix, error),
        path=path,
        missing=missing,
    )


def _filled(text: str, error: ValidationError) -> str:
    """``{got}`` and ``{want}`` replaced: the text is the schema's, the values are foreign."""
    if "{" not in text:
        return text
    for mark, value in (("{got}", error.instance), ("{want}", error.validator_value)):
        text = text.replace(mark, _shown(value))
    return text


def _shown(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else kind_of(value)
