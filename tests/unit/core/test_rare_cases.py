# SPDX-License-Identifier: Apache-2.0
"""What happens seldom: branches that no test took before coverage and mutation testing asked."""

from __future__ import annotations

import json

import pytest
from scipy import stats

from hubpolicy.core import correction
from hubpolicy.core.beta import beta_cdf
from hubpolicy.core.card.update import update_card
from hubpolicy.core.coverage import judge_run, measurements
from hubpolicy.core.evidence_files import unpack_records
from hubpolicy.core.labelled import Labelled, parse_labelled
from hubpolicy.core.layouts import make_tree, plan
from hubpolicy.core.measure import measure
from hubpolicy.core.plan import parse_plan
from hubpolicy.core.prompt_formats import FORMATS, MAX_PUBLISHED, read_prompts
from hubpolicy.core.records import count, parse_records, render_records
from hubpolicy.core.remotes import is_named, parse_remote
from hubpolicy.core.rules import hp214, hp908
from hubpolicy.core.rules.catalogue import catalogue
from hubpolicy.core.runlog import sealed_by
from hubpolicy.core.seeds import chosen_prompts, plan_requests
from hubpolicy.core.statements import applicability_statement, make_statement, whole_subject
from hubpolicy.core.tables import MAX_FILE
from hubpolicy.domain.evaluation import Prompt, Record, Request, Suite
from hubpolicy.domain.manifest import ListedFile, Listing, compare, make_manifest
from hubpolicy.domain.policy import CanaryGate, SuiteGate, ToxicityPolicy
from hubpolicy.domain.refs import parse_push, parse_received
from hubpolicy.domain.release import parse_purl
from hubpolicy.domain.statement import SuiteCounts
from hubpolicy.domain.surroundings import Workflow
from hubpolicy.errors import MalformedError
from tests.golden.samples import APPLICABILITY, CLOSURE, MANIFEST, entry, sha
from tests.unit.core.card.cards import with_metadata
from tests.unit.core.plan_values import make_plan, make_suite
from tests.unit.core.release_world import POLICY, judged_by, release, run_line, signed
from tests.unit.core.run_values import SAMPLING, digest, hand_counted, record, result_of, run_of
from tests.unit.core.test_plan import FILES, plan_text

# Labelled texts ------------------------------------------------------------------------------

GOOD_CSV = b"text,label\nkind words,0\nrude words,1\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"text,label\n\xff,0\n", "not UTF-8, in x.csv, line 2"),
        (b'text,label\n"open,0\n', "expected CSV, in x.csv"),
        (b"", r"got columns \[\], expected text and label once each, in x.csv, line 1"),
        (b"text,text,label\na,b,0\n", "expected text and label once each"),
        (b"text,label\na\n", "got 1 fields, expected 2, in x.csv, line 2"),
        (b"text,label\na,maybe\n", "got label 'maybe', expected 0 or 1, in x.csv, line 2"),
        (b"text,label\n  ,1\n", "got an empty text, expected one to score, in x.csv, line 2"),
        (b"text,label\na,1\n", "got 1 toxic texts among 1, expected some of both"),
        (b"text,label\na,0\n", "got 0 toxic texts among 1, expected some of both"),
    ],
)
def test_labelled_texts_are_refused_by_line(content: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        parse_labelled(content, "x.csv")


def test_labelled_texts_take_words_for_labels_and_more_columns() -> None:
    rows = parse_labelled(b"\xef\xbb\xbfid,label,text\n7, TRUE ,rude\n8,false,kind\n", "x.csv")
    assert rows == (Labelled("rude", True), Labelled("kind", False))
    assert parse_labelled(GOOD_CSV, "x.csv")[0] == Labelled("kind words", False)


# Figures that are shown ----------------------------------------------------------------------


def test_a_scorer_that_barely_says_something_gets_an_interval_that_says_nothing() -> None:
    labelled = correction.Labelled(toxic=1, toxic_flagged=1, benign=100, benign_flagged=99)
    found = correction.lang_reiczigel(99.5, 100, labelled, 0.95)
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.share == pytest.approx(0.5)


@pytest.mark.parametrize("size", [1e7, 1e9])
def test_the_beta_distribution_ends_also_where_its_fraction_converges_slowly(size: float) -> None:
    below, above = beta_cdf(0.49, size, size), beta_cdf(0.51, size, size)
    assert below == pytest.approx(stats.beta.cdf(0.49, size, size), abs=1e-12)
    assert above == pytest.approx(stats.beta.cdf(0.51, size, size), abs=1e-12)
    assert 0 <= beta_cdf(0.5, size, size) <= 1


# Evidence ------------------------------------------------------------------------------------


def test_a_gzip_header_with_noise_behind_it_holds_no_records() -> None:
    with pytest.raises(MalformedError, match="is not gzip"):
        unpack_records(b"\x1f\x8b\x08\x00" + b"\xff" * 30, where="x")


def test_a_run_that_nobody_sealed_names_no_key() -> None:
    assert sealed_by(b"", "x") == ""
    assert sealed_by(b'{"record":{}}\n{"record":{}}\n', "x") == ""


def test_a_precision_without_scores_is_refused() -> None:
    (line,) = render_records([record("TX-1", 1, 0, 0.0, status="gen_error")]).splitlines()
    spoilt = {**json.loads(line), "precision": "int8"}
    raw = json.dumps(spoilt, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(MalformedError, match="expected none without scores"):
        parse_records(raw)


def test_prompts_beyond_any_published_set_are_not_parsed() -> None:
    content = b"x" * (MAX_PUBLISHED + 1)
    with pytest.raises(MalformedError, match=f"expected at most {MAX_PUBLISHED}, in big.jsonl"):
        read_prompts(content, FORMATS[1], (), "big.jsonl")


# Rules ---------------------------------------------------------------------------------------


def gated(kind: str) -> ToxicityPolicy:
    gate = SuiteGate("TX-3", digest("p"), 10, 1, SAMPLING, "0.5", kind=kind, difference_max="0.2")  # type: ignore[arg-type]
    return ToxicityPolicy(
        plan="p", plan_sha256=digest("p"), opens_gate=True, suites=(gate,),
        canaries=CanaryGate(digest("c")), require_tier="screen", scorers=frozenset(),
        confidence="0.95", max_age_days=9, max_attempts=1, records="keep",
    )  # fmt: skip


def test_a_parity_suite_without_groups_is_no_parity() -> None:
    counts = SuiteCounts(
        "TX-3", digest("p"), 10, 1, 10, 0, 10, 10, SAMPLING, kind="parity"
    )  # fmt: skip
    (measured,) = measure((counts,), gated("parity"))
    (found,) = hp214.check(measured, "0.95")
    assert "got no groups, expected each p_any@1 <= 0.5" in found.message


def test_a_workflow_that_strangers_start_blocks() -> None:
    workflow = Workflow(".github/workflows/x.yml", (), (), strangers=("pull_request_target",))
    (found,) = hp908.check((workflow,))
    assert (found.severity.word, "pull_request_target" in found.message) == ("error", True)


def test_every_rule_has_its_place_in_the_documentation() -> None:
    assert all(rule.doc == f"docs/rules.md#{rule.id.lower()}" for rule in catalogue())


def test_a_part_of_a_pipeline_whose_index_cannot_be_read_has_no_weights() -> None:
    index = "unet/diffusion_pytorch_model.safetensors.index.json"
    contents = {
        "model_index.json": b'{"unet": ["diffusers", "UNet2DConditionModel"]}',
        index: b"not JSON",
    }
    tree = make_tree([*contents, "unet/config.json"], contents, {})
    _, dangling = plan(tree)
    assert [lack for lack in dangling if index in lack]


# Cards ---------------------------------------------------------------------------------------

RUN = run_of(result_of((hand_counted("TX-1", 100, 1, 0),)), {"TX-1": "0.1"})


def test_a_card_that_ends_with_its_fence_gets_a_line_break_first() -> None:
    front = with_metadata().partition("\n---\n")[0] + "\n---"
    after = update_card(front.encode(), (RUN,), "wizard")
    assert b"\n---\n" in after[4:]
    assert update_card(after, (RUN,), "wizard") == after


def test_a_section_at_the_end_without_a_line_break_is_replaced_in_its_place() -> None:
    once = update_card(with_metadata().replace("\n", "\r\n").encode(), (RUN,), "wizard")
    cut = once.rstrip(b"\r\n")
    assert cut.endswith(b"-->")
    again = update_card(cut, (RUN,), "wizard")
    assert again.count(b"toxicity begin") == 1
    assert not again.endswith(b"\r")


# What git says, and where it goes ------------------------------------------------------------

OLD, NEW, NONE = "1" * 40, "2" * 40, "0" * 40


def test_every_line_of_a_push_is_read_from_the_right() -> None:
    stdin = (
        f"HEAD@{{1 second ago}} {NEW} refs/heads/main {OLD}\n(delete) {NONE} refs/tags/v1 {OLD}\n"
    )
    made = parse_push("origin", "https://hub.example/a/b", stdin.encode())
    first, second = made.updates
    assert (first.local_ref, first.deletes, first.creates) == ("HEAD@{1 second ago}", False, False)
    assert (second.deletes, second.remote_ref) == (True, "refs/tags/v1")
    assert parse_push("o", "u", b"").updates == ()


@pytest.mark.parametrize(
    "line", [b"a b c", f"x {NEW} y".encode(), f"x {NEW[:-1]} y {OLD}".encode(), b"\xff\n"]
)
def test_a_push_that_cannot_be_read_is_no_push(line: bytes) -> None:
    with pytest.raises(MalformedError, match="in line 1 of git's pre-push input"):
        parse_push("origin", "url", line)


def test_what_a_server_receives_is_read_in_its_own_order() -> None:
    made = parse_received(f"{NONE} {NEW} refs/heads/a b\n\n".encode())
    (update,) = made.updates
    assert (update.creates, update.local_oid, update.remote_ref) == (True, NEW, "refs/heads/a b")


@pytest.mark.parametrize("line", ["x", f"{OLD} {NEW}", f"{OLD} {NEW} ", f"{OLD} x refs/heads/a"])
def test_what_a_server_cannot_read_is_refused(line: str) -> None:
    with pytest.raises(MalformedError, match="in line 1 of git's pre-receive input"):
        parse_received(line.encode())


@pytest.mark.parametrize(
    "purl",
    [
        "pkg:huggingface/a/b?repo_type=model",
        "pkg:huggingface/a/b?repo_type=dataset&repository_url=http://127.0.0.1:1",
    ],
)
def test_a_package_url_is_read_back(purl: str) -> None:
    assert parse_purl(purl).purl == purl


@pytest.mark.parametrize(
    "purl",
    [
        "pkg:huggingface/a/b",
        "pkg:pypi/a/b?repo_type=model",
        "pkg:huggingface/a/b?repo_type=branch",
        "pkg:huggingface/a/b?repo_type=model&repository_url=https://huggingface.co",
        "pkg:huggingface/a/b?x=1&repo_type=model",
    ],
)
def test_a_package_url_that_we_would_not_write_is_refused(purl: str) -> None:
    with pytest.raises(MalformedError, match="expected pkg:huggingface/"):
        parse_purl(purl)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://huggingface.co/acme/wizard.git", True),
        ("git@huggingface.co:acme/wizard", True),
        ("https://huggingface%2Eco/acme/wizard", True),
        ("https://hugg%zzface.co/acme/wizard", False),
        ("https://ｈｕｇｇｉｎｇｆａｃｅ.co/acme/wizard", True),
        ("https://huggingface.co:8443/acme/wizard", False),
        ("svn://huggingface.co/acme/wizard", False),
        ("/srv/acme/wizard", False),
    ],
)
def test_a_place_is_named_by_host_and_path_alone(url: str, named: bool) -> None:
    assert is_named(url, ["huggingface.co/acme/wizard"]) is named


def test_a_listing_is_held_against_a_manifest_by_whatever_it_tells() -> None:
    entries = [
        entry(name, name.encode()) for name in ("same", "lfs", "other", "size", "gone", "big")
    ]
    want = make_manifest([e._replace(git_blob=None) if e.path == "big" else e for e in entries])
    by = {e.path: e for e in entries}
    listed = [
        ListedFile("same", by["same"].size, None, by["same"].git_blob),
        ListedFile("lfs", by["lfs"].size, by["lfs"].sha256, None),
        ListedFile("other", by["other"].size, by["lfs"].sha256, None),
        ListedFile("size", by["size"].size + 1, None, by["size"].git_blob),
        ListedFile("big", by["big"].size, None, by["big"].git_blob),
        ListedFile("more", 1, None, by["same"].git_blob),
        ListedFile("model.sig", 1, None, by["same"].git_blob),
    ]
    missing, extra, different = compare(want, Listing(tuple(listed)))
    assert (missing, extra) == (("gone",), ("more",))
    assert set(different) == {"other", "size", "big"}


# Runs ----------------------------------------------------------------------------------------


def parity_suite(n: int) -> Suite:
    prompts = tuple(Prompt(f"p-{i:02}", f"text {i}", "ab"[i % 5 == 0]) for i in range(20))
    return make_suite("TX-3", 0, n, 1)._replace(prompts=prompts, kind="parity")


def test_a_parity_suite_asks_its_groups_in_turn() -> None:
    plan_ = make_plan(parity_suite(8))
    chosen = chosen_prompts(sha("nonce"), plan_.suites[0])
    assert [prompt.group for prompt in chosen] == ["a", "b"] * 4
    samples_ = [
        record_of(request, toxic=at == 0)
        for at, request in enumerate(plan_requests(plan_, sha("nonce")))
    ]
    (counts,) = count(samples_, plan_, sha("nonce"))
    assert [(group.name, group.n) for group in counts.groups] == [("a", 4), ("b", 4)]
    assert sum(group.hits for group in counts.groups) == counts.hits == 1


def record_of(request: Request, *, toxic: bool) -> Record:
    return record("TX-3", 0, request.i, 0.9 if toxic else 0.1)._replace(
        prompt_id=request.prompt_id,
        prompt_sha256=digest(request.text),
        group="",
        seed=request.seed,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("min_mean_pieces = 0\nmax_repeated = '0.2'", "expected at least 1 word an answer"),
        ("min_mean_pieces = 6\nmax_repeated = '0'", "a share in"),
        ("min_mean_pieces = 6\nmax_repeated = '1'", "a share in"),
    ],
)
def test_a_plan_that_no_answer_or_any_answer_satisfies_is_refused(text: str, words: str) -> None:
    content = plan_text() + f"\n[degeneration]\n{text}\n".encode()
    with pytest.raises(MalformedError, match=words):
        parse_plan(content, FILES.__getitem__)


def test_a_plan_beyond_any_plans_size_is_not_parsed() -> None:
    with pytest.raises(MalformedError, match="got a plan of"):
        parse_plan(b"#" * (MAX_FILE + 1), lambda _: b"")


def test_a_line_that_is_no_run_has_nothing_to_answer_for() -> None:
    evidence = release()
    assert [judge_run(evidence, line) for line in evidence.lines if line.roles == {"releaser"}] == [
        ()
    ]


def test_an_address_in_brackets_is_a_host() -> None:
    remote = parse_remote("ssh://git@[::1]:2222/acme/wizard")
    assert (remote.host, remote.port, remote.path) == ("::1", "2222", "acme/wizard")


def test_a_statement_of_a_type_that_is_not_ours_is_made_as_asked() -> None:
    payload = make_statement((whole_subject(MANIFEST),), "https://slsa.dev/provenance/v1", {})
    assert json.loads(payload)["predicateType"] == "https://slsa.dev/provenance/v1"


def test_only_runs_with_text_have_measurements() -> None:
    embeds = signed(applicability_statement(APPLICABILITY, CLOSURE), "ci")
    measured = measurements(judged_by(POLICY, (embeds, run_line())))
    assert [one.counts.id for _, one in measured] == ["TX-1", "TX-2"]


@pytest.mark.parametrize(("pieces", "repeats"), [(4, 2), (3, 1)])
def test_more_repeated_runs_than_there_are_is_refused(pieces: int, repeats: int) -> None:
    (line,) = render_records([record("TX-1", 1, 0, 0.1)]).splitlines()
    spoilt = {**json.loads(line), "pieces": pieces, "repeats": repeats}
    raw = json.dumps(spoilt, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(MalformedError, match=f"got {pieces} words, {repeats} runs of four"):
        parse_records(raw)
