# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy report``: from a run on this disk and from signed counts, and into the card."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import ModelCard, ModelCardData

from hubpolicy.adapters import assets
from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.evidence_folder import EvidenceFolder
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.adapters.home import user_home
from hubpolicy.adapters.scorers.session import open_scorer
from hubpolicy.cli.wiring import desk, seat
from hubpolicy.core.closure import Closure
from hubpolicy.core.evidence_files import records_path
from hubpolicy.core.statements import toxicity_statement
from hubpolicy.domain.evaluation import Completion
from hubpolicy.domain.statement import ToxicityResult
from hubpolicy.errors import ServiceError
from hubpolicy.flows.attesting import add_run
from hubpolicy.flows.testing import run_test
from tests.cli.world import (
    CLOSURE,
    REPO,
    add_to_policy,
    contents,
    released,
    run,
    sign_run,
    write,
)
from tests.flows.testing_world import make_policy, make_world
from tests.unit.render.hostile import VALIDATOR, assert_harmless
from tests.unit.render.pages import Page, assert_sound

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Request
    from hubpolicy.flows.testing import Evaluation

SAID = "The ferry left at nine, <b>and</b> nobody minded\x1b[31m."


def answer(request: Request) -> Completion:
    return Completion(f"{SAID} {request.i}", 5, 9, "length")


def evaluated(model: Path, *, fail_after: int = 0) -> Evaluation | None:
    """A run of the demo's plan with the embedded scorer, in the user's own state folder."""

    def fails(request: Request) -> Completion:
        if fail_after and len(world.generator.asked) > fail_after:
            message = "gone"
            raise ServiceError(message)
        return answer(request)

    entries = tuple(e for e in FolderRelease(str(model)).manifest.entries if e.path in CLOSURE)
    closure = Closure("onnx-genai", "config.json", entries)
    scorer = open_scorer(assets.scorer_folder(assets.EMBEDDED_SCORER), workers=1)
    state = Path(user_home().state)
    world = make_world(state.parent, fails, plan=assets.plan("demo"), scorer=scorer)
    there = state.parent / "state"
    there.mkdir(parents=True, exist_ok=True)
    if not state.is_symlink():
        if state.exists():  # what `policy sign` remembers
            shutil.copytree(state, there, dirs_exist_ok=True)
            shutil.rmtree(state)
        state.symlink_to(there)
    demand = world.demand._replace(policy=make_policy(world.demand.plan, scorer.pin.sha256))
    bench = world.bench._replace(clock=SystemClock())  # what is signed of it is judged today
    if fail_after:
        with pytest.raises(ServiceError):
            run_test(closure, demand, bench)
        return None
    return run_test(closure, demand, bench)


@pytest.fixture
def demo(home: Path) -> None:
    """The policy asks for the demo's plan."""
    text = Path(user_home().path("hubpolicy.toml")).read_text()
    (line,) = [each for each in text.splitlines() if each.startswith("plan = ")]
    add_to_policy('plan = "demo"', old=line)
    assert run("policy", "sign").code == 0


_ONCE: list[tuple[Evaluation, Path]] = []


@pytest.fixture
def measured(demo: None, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """A finished run on this disk, not signed: drawn once, and copied into each home."""
    if not _ONCE:
        done = evaluated(model)
        assert done is not None
        kept = tmp_path_factory.mktemp("measured") / "state"
        shutil.copytree(user_home().state, kept)
        _ONCE.append((done, kept))
    done, kept = _ONCE[0]
    state = Path(user_home().state)
    if not state.is_symlink():
        shutil.copytree(kept, state, dirs_exist_ok=True)
    return done._replace(texts_path=str(state / Path(done.texts_path).relative_to(
        Path(done.texts_path).parents[2])))  # fmt: skip


def forget() -> None:
    """Take the run off this disk."""
    state = Path(user_home().state)
    state.unlink() if state.is_symlink() else shutil.rmtree(state)


def sign(model: Path, done: Evaluation, *, publish: bool) -> None:
    """Put the run's line, and perhaps its records, beside the model."""
    assert isinstance(done.result, ToxicityResult)
    packed = gzip.compress(done.records, compresslevel=9, mtime=0)
    records = (records_path(done.result.records.sha256), packed) if publish else None
    payload = toxicity_statement(done.result, done.closure.files)
    files = FolderRelease(str(model)).evidence_files()
    add_run(files, EvidenceFolder(model), desk(seat(), ""), payload, records)


def page_of(*arguments: str | Path, code: int = 0) -> Page:
    ran = run("report", *arguments, "--format", "html")
    assert ran.code == code, ran
    assert_harmless(ran.out)
    page = Page(ran.out)
    assert_sound(page)
    return page


def run_id(done: Evaluation) -> str:
    return Path(done.texts_path).parent.name


def test_a_run_on_this_disk_is_a_page(measured: Evaluation, tmp_path: Path) -> None:
    place = tmp_path / "run.html"
    ran = run("report", run_id(measured)[:8], "-o", place)
    assert (ran.code, ran.err) == (0, "")
    assert f"written: {place}" in ran.out
    page = Page(place.read_text(encoding="utf-8"))
    assert_sound(page)
    assert isinstance(measured.result, ToxicityResult)
    for text in (measured.closure.digest, measured.result.records.merkle_root, "passed",
                 measured.result.ledger_head, "hubpolicy-screen-en", "nobody: a run on this disk"):  # fmt: skip
        assert text in page.text
    assert page.find("svg", **{"class": "histogram"})
    assert "ferry" not in page.text
    shown = page_of(Path(measured.texts_path).parent, "--show-samples")
    assert "The ferry left at nine, <b>and</b> nobody minded\\x1b[31m." in shown.text


def test_a_signed_run_is_the_same_page_with_a_name(measured: Evaluation, model: Path) -> None:
    sign(model, measured, publish=False)
    own = run("report", run_id(measured), "--format", "json").document["runs"][0]
    signed = run("report", model, "--format", "json").document["runs"][0]
    assert (own.pop("signer"), signed.pop("signer")) == ("", "ada")
    assert own == signed
    assert signed["records"]["at_hand"] is True
    # Without the run's folder nothing is left but the counts.
    forget()
    alone = run("report", model, "--format", "json").document["runs"][0]
    assert alone["records"]["at_hand"] is False
    assert alone["suites"][0]["histogram"] == []
    for name in ("hits", "upper_bound", "passed"):
        assert alone["suites"][0][name] == signed["suites"][0][name]


def test_published_records_are_enough_but_hold_no_text(measured: Evaluation, model: Path) -> None:
    sign(model, measured, publish=True)
    forget()
    page = page_of(model, "--show-samples")
    assert page.find("svg", **{"class": "histogram"})
    assert "ferry" not in page.text
    assert "The text is not on this page" in page.text


@pytest.mark.parametrize(
    ("card", "code", "words"),
    [
        ('{"languages": ["en"]}', 0, ""),
        ('{"languages": ["en", "fr"]}', 3, "got language 'fr'"),
        (None, 3, "does not know which languages the card declares"),
        ('{"languages": "en"}', 3, "got no languages of a card"),
        ("{", 3, "card.json"),
    ],
)
def test_a_run_by_its_id_is_judged_with_its_card(
    measured: Evaluation, card: str | None, code: int, words: str
) -> None:
    """What the card declares and nobody tested is not passed, here as in `hubpolicy test`."""
    place = Path(measured.texts_path).parent / "card.json"
    assert place.read_text() == '{"languages":[]}', "this test's own card declares none"
    place.write_text(card) if card is not None else place.unlink()
    ran = run("report", run_id(measured))
    assert ran.code == code, ran
    assert words in ran.out + ran.err


def test_a_run_under_way_is_inconclusive(demo: None, model: Path) -> None:
    assert evaluated(model, fail_after=130) is None
    (header,) = (Path(user_home().state) / "runs").glob("*/run.json")
    ran = run("report", header.parent.name, "--format", "json")
    document = ran.document
    VALIDATOR.validate(document)
    assert (ran.code, document["verdict"]) == (3, "inconclusive")
    assert [f["rule"] for f in document["findings"]] == ["HP201"]
    assert document["runs"][0]["samples"] == {"done": 128, "expected": 600}
    assert "128 of 600" in page_of(header.parent.name, code=3).text


@pytest.mark.parametrize("hits", [0, 300])
def test_counts_alone_are_judged_under_the_policy(home: Path, model: Path, hits: int) -> None:
    sign_run(model, hits=hits)
    ran = run("report", model, "--format", "json")
    VALIDATOR.validate(ran.document)
    assert ran.code == (1 if hits else 0)
    assert ("HP203" in ran.rules) == bool(hits)
    suites = ran.document["runs"][0]["suites"]
    assert {suite["passed"] for suite in suites} == {not hits}
    assert [s["upper_bound"] for s in suites] == [
        m["upper_bound"] for m in ran.document["measurements"]
    ]
    assert ("failed" if hits else "passed") in page_of(model, code=ran.code).text


def test_every_format_says_the_same_verdict(home: Path, model: Path) -> None:
    sign_run(model, hits=300)
    for form in ("text", "html", "markdown", "json", "junit", "sarif", "github"):
        ran = run("report", model, "--format", form)
        assert ran.code == 1
        assert_harmless(ran.out)
        assert "failed" in ran.out
    assert "| provenance |" in run("report", model, "--format", "markdown").out


def test_without_evidence_nothing_is_green(home: Path, model: Path) -> None:
    ran = run("report", model, "--format", "json")
    assert (ran.code, ran.rules, "runs" in ran.document) == (3, {"HP201"}, False)
    page = page_of(model, code=3)
    assert "inconclusive" in page.text
    assert "hubpolicy test" in page.text


def test_changed_weights_have_no_run(home: Path, model: Path) -> None:
    sign_run(model)
    write(model, {"model.safetensors": b"\x10\0\0\0\0\0\0\0" + b'{"a": {}}       ' + b"other" * 99})
    assert "HP201" in run("report", model, "--format", "json").rules


@pytest.mark.parametrize("name", ["", "nothing", "zz", "../x", "a" * 5000, "0123abcd"])
def test_what_is_no_run_is_said_in_one_sentence(home: Path, name: str) -> None:
    ran = run("report", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: got ")
    assert "hint: " in ran.err


def test_the_file_s_name_says_its_format(home: Path, model: Path, tmp_path: Path) -> None:
    sign_run(model)
    names = ("r.html", "r.md", "r.json", "r.sarif", "r.xml", "R.HTML")
    options = [part for name in names for part in ("-o", tmp_path / name)]
    assert run("report", model, "-q", *options).code == 0
    assert (tmp_path / "r.html").read_bytes() == (tmp_path / "R.HTML").read_bytes()
    assert (tmp_path / "r.md").read_text().startswith("## hubpolicy report")
    VALIDATOR.validate(json.loads((tmp_path / "r.json").read_bytes()))
    for bad in ("r.pdf", ".html", "yaml=x", "html="):
        ran = run("report", model, "-o", bad)
        assert ran.code == 2
        assert "FORMAT=FILE" in ran.err


def data_of(model: Path) -> ModelCardData:
    data = ModelCard((model / "README.md").read_text(encoding="utf-8")).data
    assert isinstance(data, ModelCardData)
    return data


def test_the_card_gets_the_attested_numbers_and_is_signed_anew(home: Path, model: Path) -> None:
    released(model)
    os.chmod(model / "README.md", 0o640)
    ran = run("report", model, "--update-card", model)
    assert ran.code == 0
    assert f"next: hubpolicy attest {model}" in ran.out
    bounds = [
        float(m["upper_bound"]) for m in run("report", model, "--format", "json").document["measurements"]
    ]  # fmt: skip
    assert [row.metric_value for row in data_of(model).eval_results or ()] == bounds
    assert (model / "README.md").stat().st_mode & 0o777 == 0o640
    before = contents(model)
    again = run("report", model, "--update-card", model)
    assert (again.code, contents(model)) == (0, before)
    assert "says so already" in again.out
    assert run("check", model).code == 0
    # The card is not what was signed; one command makes it so.
    assert run("verify", model, "--repo", REPO).code == 1
    assert run("attest", model, "--repo", REPO).code == 0
    assert run("verify", model, "--repo", REPO).code == 0


def test_a_run_that_nobody_signed_gives_no_number(measured: Evaluation, model: Path) -> None:
    before = contents(model)
    ran = run("report", run_id(measured), "--update-card", model)
    assert (ran.code, contents(model)) == (1, before)
    assert "are not signed about the files in" in ran.err
    assert "hubpolicy test" in ran.err
    sign(model, measured, publish=False)
    assert run("report", run_id(measured), "--update-card", model).code == 0
    rows = data_of(model).eval_results or []
    assert [row.metric_value for row in rows] == [float(measured.measurements[0].upper_bound)]


def test_another_model_s_card_is_left_alone(home: Path, model: Path, tmp_path: Path) -> None:
    sign_run(model)
    other = write(tmp_path / "other", contents(model) | {"tokenizer.json": b'{"other": 1}'})
    before = contents(other)
    ran = run("report", model, "--update-card", other)
    assert (ran.code, contents(other)) == (1, before)


def test_a_card_that_cannot_be_edited_is_left_alone(home: Path, model: Path) -> None:
    for readme, code in ((b"# Title\n", 3), (b"---\n{license: mit}\n---\n", 3), (None, 2)):
        if readme is None:
            (model / "README.md").unlink()
        else:
            write(model, {"README.md": readme})
        sign_run(model)
        before = contents(model)
        ran = run("report", model, "--update-card", model)
        assert (ran.code, contents(model)) == (code, before)
        assert ran.err.startswith("error: ")
        assert "hint: " in ran.err


def test_a_broken_plan_of_one_s_own_hides_no_run(measured: Evaluation) -> None:
    write(Path(user_home().path("plans")), {"aaa.toml": b"not a plan", "demo2.toml": b"\xff"})
    assert run("report", run_id(measured)).code == 0


def test_a_run_whose_plan_is_gone_is_not_guessed_at(measured: Evaluation) -> None:
    assert isinstance(measured.result, ToxicityResult)
    header = Path(measured.texts_path).parent / "run.json"
    header.write_bytes(header.read_bytes().replace(measured.result.plan_sha256.encode(), b"0" * 64))
    ran = run("report", run_id(measured))
    assert (ran.code, ran.out) == (3, "")
    assert "the plan of this run (000000000000) is not installed here" in ran.err
