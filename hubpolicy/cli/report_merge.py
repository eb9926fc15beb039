# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy report merge``: the saved audits of several machines as one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from hubpolicy.cli.audit_asking import STATUSES
from hubpolicy.cli.options import Output, report_options

if TYPE_CHECKING:
    from hubpolicy.cli.exits import Exit
    from hubpolicy.render.merging import Source
    from hubpolicy.render.report import Report

LIMIT = 256 * 1024 * 1024
"""Bytes of one file. Ten thousand refs take about eight million."""

_AHEAD = timedelta(days=1)
"""How far the clock of the machine that audited may be ahead of this one's."""

_HINT = "make it with: hubpolicy audit TARGET -o FILE.json"
_MOST_NAMED = 4


@click.command(
    epilog="""\b
Examples:
  hubpolicy audit acme -o acme.json              on one machine
  hubpolicy audit acme-labs -o labs.json         on another
  hubpolicy report merge acme.json labs.json
  hubpolicy report merge *.json -o all.html -o all.json
\b
Of a ref that is in several files the newest audit counts, and what older ones said is told. What
the newest has no row of stays as it was. The verdict is that of the refs which count, with every
file's --fail-on; a file without refs is inconclusive. A file proves nothing by itself: a merged
report is as true as its files.
Exit codes: as of the audit of all of it; 2 if a file is no JSON report of an audit.
"""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...",
                type=click.Path(exists=True, dir_okay=False))  # fmt: skip
@click.option("--fail-on", type=click.Choice(STATUSES), multiple=True,
              help="Also exit 1 on this verdict; repeatable.")  # fmt: skip
@click.option("--exit-zero", is_flag=True,
              help="Exit 0 whatever was found; the report says what it would have been.",
)  # fmt: skip
@report_options
def merge(
    *, files: tuple[str, ...], fail_on: tuple[str, ...], exit_zero: bool, output: Output
) -> None:
    """Join saved JSON reports of audits (FILE...) into one report, in any format."""
    from hubpolicy.cli.audit_report import code_of, verdict_of
    from hubpolicy.cli.exits import worst
    from hubpolicy.cli.output import finish
    from hubpolicy.render import merging

    sources = _sources(files)
    whole = merging.merge(sources)
    asked = tuple(sorted({*whole.fail_on, *fail_on}))
    beside = {code for source in sources for code in _codes(source.report)}
    refs = {code_of((), whole.refs, asked)} if whole.refs else set()
    code = worst(refs | beside)
    closing = _counted(whole)
    if exit_zero and code:
        closing += f"\nwould block: exit code {int(code)} without --exit-zero"
    named = " ".join(files) if len(files) <= _MOST_NAMED else f"({len(files)} files)"
    finish(
        whole._replace(
            title=f"hubpolicy report merge {named}",
            verdict=verdict_of(code),
            exit_code=0 if exit_zero else int(code),
            closing=closing,
            fail_on=asked,
            other_codes=tuple(sorted(map(int, beside))),
        ),
        output,
    )


def _sources(files: tuple[str, ...]) -> tuple[Source, ...]:
    """Each file once, whatever its names.

    Raises:
        ConfigError: one is no valid JSON report of an audit.

    """
    from hashlib import sha256

    from hubpolicy.adapters.home import read_config
    from hubpolicy.errors import ConfigError, ServiceError
    from hubpolicy.render.merging import Source

    found: dict[str, Source] = {}
    for path in files:
        try:
            raw = read_config(path, LIMIT)
        except (ConfigError, ServiceError) as error:
            raise ConfigError(error.message, hint=_HINT) from error
        digest = sha256(raw).hexdigest()
        if digest not in found:
            found[digest] = Source(path, _read(raw, path))
    return tuple(found.values())


def _read(raw: bytes, path: str) -> Report:
    from hubpolicy.core.strictjson import parse
    from hubpolicy.errors import ConfigError, MalformedError
    from hubpolicy.render.json_read import read_audit

    try:
        document = parse(raw, what=path, limit=LIMIT)
        _require_audit(document, path)
        _require_valid(document, path)
        report = read_audit(document, where=path)
    except MalformedError as error:
        raise ConfigError(error.message, hint=_HINT) from error
    _require_past(report, path)
    return report


def _require_audit(document: Any, path: str) -> None:
    """Before the schema is asked, whose words would be about the least of it."""
    from hubpolicy.errors import ConfigError
    from hubpolicy.render.json_v1 import SCHEMA_VERSION

    wanted = {"schema_version": SCHEMA_VERSION, "command": "audit"}
    given = document if isinstance(document, dict) else {}
    for key, value in wanted.items():
        if given.get(key) != value:
            got = json.dumps(given[key])[:80] if key in given else "no such key"
            message = f"got {got} for {key}, expected {json.dumps(value)}, in {path}"
            raise ConfigError(message, hint=_HINT)


def _require_valid(document: dict[str, Any], path: str) -> None:
    import jsonschema

    from hubpolicy.adapters.assets import schema
    from hubpolicy.errors import ConfigError

    # JSON Schema takes 1.0 for an integer; what counts and places are made of here must be one.
    kinds = jsonschema.Draft202012Validator
    extend: Any = jsonschema.validators.extend
    strict = extend(
        kinds, type_checker=kinds.TYPE_CHECKER.redefine("integer", lambda _, x: type(x) is int)
    )
    validator = strict(json.loads(schema("report.v1.schema.json")))
    violation = next(validator.iter_errors(document), None)
    if violation is not None:
        place = ".".join(str(part) for part in violation.absolute_path) or "the top level"
        message = f"{violation.message[:300]}, at {place}, in {path}"
        raise ConfigError(message, hint=_HINT)


def _require_past(report: Report, path: str) -> None:
    """The newest audit counts: one from the future would count for ever."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.errors import ConfigError
    from hubpolicy.render.repositories import moment

    now = moment(SystemClock().now())
    told = {row.made or "" for row in report.refs} | {row.made or "" for row in report.exposures}
    for text in sorted({report.made, *told}):
        made = moment(text)
        if text and (made is None or now is None or made > now + _AHEAD):
            message = f"got {text[:80]!r} for made, expected a time in the past, in {path}"
            raise ConfigError(message, hint="look at the clock of the machine that audited")


def _codes(report: Report) -> set[Exit]:
    """Codes of one file for which none of its refs stands.

    A file's own verdict is never taken for better than its refs: their code is recomputed.
    """
    from hubpolicy.cli.audit_report import code_of, verdict_of
    from hubpolicy.cli.exits import Exit, worst

    beside = {Exit(code) for code in report.other_codes}
    if not report.refs:
        beside.add(Exit.NOT_EVALUATED)
    known = worst({code_of((), report.refs, report.fail_on), *beside})
    if report.exit_code == Exit.PASSED:  # also of --exit-zero, which only the verdict tells
        explained = report.verdict in {"passed", verdict_of(known)}
    else:
        explained = report.exit_code == known
    if not explained:
        own = Exit.NOT_EVALUATED if report.verdict == "inconclusive" else Exit.BLOCKED
        beside.add(Exit.ACCESS if report.exit_code == Exit.ACCESS else own)
    return beside


def _counted(whole: Report) -> str:
    """``3 repositories: 4 ATTESTED, 1 UNATTESTED``."""
    from hubpolicy.cli.audit_report import tally_of
    from hubpolicy.render.counted import count

    judged = len({row.repo for row in whole.refs})
    return f"{count(judged, 'repository')}: {tally_of(r.status for r in whole.refs) or 'no ref'}"
