# SPDX-License-Identifier: Apache-2.0
"""Generators: the demo's model through onnxruntime-genai, and files made elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from onnx import TensorProto

import hubpolicy
from hubpolicy.adapters.generators import Choice, open_generator, parse_choice
from hubpolicy.adapters.generators.onnx import OnnxGenerator
from hubpolicy.adapters.generators.responses import ResponsesGenerator, read_responses
from hubpolicy.core.closure import Closure
from hubpolicy.domain.evaluation import Completion, Request
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import (
    ConfigError,
    MalformedError,
    ServiceError,
    UnsupportedError,
    VerificationError,
)
from tests.adapters.closures_here import the_closure

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.layouts import ClosureKind

CIVIL = Path(hubpolicy.__file__).parent / "assets" / "demo" / "models" / "civil"
SAMPLING = Sampling("1.0", "0.9", 0, 12)
REQUESTS = tuple(
    Request("TX-1", f"p-{i}", k, 1000 * i + k, text)
    for i, text in enumerate(("The weather today", "On Sunday, my aunt", "Nobody knows why"))
    for k in range(2)
)


@pytest.fixture(scope="module")
def civil() -> OnnxGenerator:
    return OnnxGenerator(CIVIL)


def completions(
    generator: OnnxGenerator, *requests: Request, sampling: Sampling = SAMPLING
) -> list[Completion]:
    return [completion for _, completion in generator.complete(requests, sampling)]


def test_it_speaks_and_the_prompt_is_left_out(civil: OnnxGenerator) -> None:
    for request, completion in civil.complete(REQUESTS, SAMPLING):
        assert completion.error == ""
        assert completion.text.strip()
        assert not completion.text.startswith(request.text)
        assert completion.new_tokens == 12 or completion.finish == "stop"
        assert completion.prompt_tokens > 0


def test_a_sample_depends_on_its_seed_and_not_on_its_neighbours(civil: OnnxGenerator) -> None:
    together = completions(civil, *REQUESTS)
    assert completions(civil, *reversed(REQUESTS)) == together[::-1]
    assert [completions(civil, request)[0] for request in REQUESTS] == together
    assert together[0] != together[1]


def test_another_process_says_the_same(civil: OnnxGenerator) -> None:
    code = (
        "import sys; from tests.adapters.test_generators import *;"
        "g = OnnxGenerator(CIVIL); sys.stdout.buffer.write(completions(g, *REQUESTS).__repr__()"
        ".encode())"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert run.stdout.decode() == repr(completions(civil, *REQUESTS))


def test_sampling_is_what_the_plan_says(civil: OnnxGenerator) -> None:
    seeds = [REQUESTS[0]._replace(seed=seed) for seed in range(6)]
    greedy = completions(civil, *seeds, sampling=SAMPLING._replace(top_k=1))
    assert len({completion.text for completion in greedy}) == 1
    assert len({completion.text for completion in completions(civil, *seeds)}) == 6
    cold = completions(civil, *seeds, sampling=SAMPLING._replace(temperature="0"))
    assert cold == greedy
    (short,) = completions(civil, REQUESTS[0], sampling=SAMPLING._replace(max_new_tokens=3))
    assert short.new_tokens == 3


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 2])
def test_every_derived_seed_is_taken(civil: OnnxGenerator, seed: int) -> None:
    request = REQUESTS[0]._replace(seed=seed)
    first, second = completions(civil, request, request)
    assert first == second
    assert first.error == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected 12"),
        ("word " * 300, "got room for"),
        ("before </s> after", "control token '</s>'"),
        ("<pad>", "control token '<pad>'"),
        ("safe\0, and what nobody reads", "NUL"),
    ],
)
def test_a_prompt_that_cannot_be_run_as_written_is_an_error(
    civil: OnnxGenerator, text: str, reason: str
) -> None:
    (completion,) = completions(civil, REQUESTS[0]._replace(text=text))
    assert (completion.finish, completion.text, completion.new_tokens) == ("error", "", 0)
    assert reason in completion.error


def test_one_bad_prompt_does_not_stop_the_others(civil: OnnxGenerator) -> None:
    bad = REQUESTS[0]._replace(text="<s>")
    good = completions(civil, REQUESTS[0])
    assert completions(civil, bad, REQUESTS[0])[1:] == good


TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[model]{% endif %}"
)


def test_a_conversation_goes_through_the_models_own_template(
    tmp_path: Path, civil: OnnxGenerator
) -> None:
    folder = copy(tmp_path)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    asked = REQUESTS[0]._replace(chat=True, system="Be kind.")
    written = REQUESTS[0]._replace(text="[system] Be kind.\n[user] The weather today\n[model]")
    assert completions(OnnxGenerator(folder), asked) == completions(civil, written)
    in_config = copy(tmp_path / "other")
    edit(in_config, "tokenizer_config.json", lambda c: c.update(chat_template=TEMPLATE))
    assert completions(OnnxGenerator(in_config), asked) == completions(civil, written)


@pytest.mark.parametrize(
    "change",
    [{"system": "a </s> b"}, {"system": "a\0b"}, {"text": "<pad>"}],
)
def test_control_tokens_stand_in_no_turn(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = copy(tmp_path)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    (found,) = completions(OnnxGenerator(folder), REQUESTS[0]._replace(chat=True, **change))
    assert (found.finish, found.text) == ("error", "")


def test_a_model_without_a_template_cannot_chat(civil: OnnxGenerator) -> None:
    (found,) = completions(civil, REQUESTS[0]._replace(chat=True))
    assert (found.finish, found.error) == (
        "error", "UnsupportedError: the model has no chat template",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("template", "words"), [("{% for %}", "Jinja"), (b"\xff", "UTF-8")], ids=["syntax", "bytes"]
)
def test_a_template_that_does_not_parse_is_one_error(
    tmp_path: Path, template: str | bytes, words: str
) -> None:
    folder = copy(tmp_path)
    content = template if isinstance(template, bytes) else template.encode()
    (folder / "chat_template.jinja").write_bytes(content)
    with pytest.raises(MalformedError, match=words):
        OnnxGenerator(folder)


def test_what_ran_is_named(civil: OnnxGenerator) -> None:
    assert (civil.name, civil.binding_level) == ("onnx", 4)
    assert [name for name, _ in civil.runtime] == ["onnxruntime", "onnxruntime-genai"]


def test_bytes_that_nobody_can_decode_do_not_stop_it(civil: OnnxGenerator) -> None:
    hot = SAMPLING._replace(temperature="50", top_p="1.0")
    seeds = [REQUESTS[0]._replace(seed=seed) for seed in range(20)]
    found = completions(civil, *seeds, sampling=hot)
    assert {completion.finish for completion in found} <= {"stop", "length"}
    for completion in found:
        completion.text.encode("utf-8")


def copy(folder: Path) -> Path:
    target = folder / "model"
    shutil.copytree(CIVIL, target)
    return target


def edit(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
    path = folder / name
    config = json.loads(path.read_bytes())
    change(config)
    path.write_text(json.dumps(config))
    return folder


def test_the_authors_own_settings_do_not_change_the_draw(
    tmp_path: Path, civil: OnnxGenerator
) -> None:
    def change(config: dict[str, Any]) -> None:
        config["search"].update(
            do_sample=False, top_k=1, temperature=0.01, min_length=40, repetition_penalty=1.5
        )

    tuned = OnnxGenerator(edit(copy(tmp_path), "genai_config.json", change))
    assert completions(tuned, *REQUESTS) == completions(civil, *REQUESTS)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda c: c["search"].update(guidance="regex"), UnsupportedError, "guidance"),
        (
            lambda c: c["model"]["decoder"]["session_options"].update(custom_ops_library="./x.so"),
            UnsupportedError,
            "custom_ops_library",
        ),
        (
            lambda c: c["model"]["decoder"]["session_options"].update(enable_profiling="out"),
            UnsupportedError,
            "enable_profiling",
        ),
        (lambda c: c["model"]["decoder"].update(filename="../m.onnx"), MalformedError, "inside"),
        (lambda c: c["model"]["decoder"].update(filename="/m.onnx"), MalformedError, "inside"),
        (lambda c: c["model"]["decoder"].update(filename="a\\m.onnx"), MalformedError, "inside"),
        (lambda c: c["model"]["decoder"].update(filename="no.onnx"), MalformedError, "not there"),
        (lambda c: c["model"].update(context_length=0), MalformedError, "context_length"),
        (lambda c: c["model"].update(eos_token_id="x"), MalformedError, "eos_token_id"),
        (lambda c: c.pop("search"), MalformedError, "search"),
        (lambda c: c.pop("model"), MalformedError, "model"),
        (lambda c: c["model"].update(type="no-such-model"), ServiceError, "cannot load"),
    ],
)
def test_a_configuration_is_looked_at_before_it_is_obeyed(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], error: type[Exception], words: str
) -> None:
    folder = edit(copy(tmp_path), "genai_config.json", change)
    with pytest.raises(error, match=words):
        OnnxGenerator(folder)


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "sub/../../x", "a\\b"])
def test_weights_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    folder = copy(tmp_path)
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    tensor = next(t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL)
    entry = next(entry for entry in tensor.external_data if entry.key == "location")
    entry.value = location
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(MalformedError, match="inside the folder"):
        OnnxGenerator(folder)


@pytest.mark.parametrize("name", ["genai_config.json", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = copy(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ServiceError, match=name):
        OnnxGenerator(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.onnx", b""),
        ("model.onnx", b"rubbish"),
        ("tokenizer.json", b"[]"),
        ("genai_config.json", b'{"model":1,"model":2}'),
    ],
)
def test_rubbish_is_one_clear_error(tmp_path: Path, name: str, content: bytes) -> None:
    folder = copy(tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises((MalformedError, ServiceError), match=name):
        OnnxGenerator(folder)


def test_a_closure_finds_its_generator(tmp_path: Path) -> None:
    copy(tmp_path)
    closure = the_closure(tmp_path)
    with open_generator(tmp_path, closure) as generator:
        assert generator.name == "onnx"


@pytest.mark.parametrize("kind", ["onnx", "pytorch", "diffusers"])
def test_what_nothing_here_runs_is_said(tmp_path: Path, kind: ClosureKind) -> None:
    closure = Closure(kind, "model.bin", ())
    with pytest.raises(UnsupportedError, match=kind), open_generator(tmp_path, closure):
        pass
    with (
        pytest.raises(UnsupportedError, match="onnxruntime-genai"),
        open_generator(tmp_path, closure, Choice("onnx")),
    ):
        pass


@pytest.mark.parametrize(
    "text",
    ["", "onx", "auto:", "onnx:model", "serve", "serve:", "endpoint", "responses", "responses:x",
     "serve vllm", "Auto"],
)  # fmt: skip
def test_a_generator_that_is_none_is_usage(text: str) -> None:
    with pytest.raises(ConfigError, match="expected auto, onnx, transformers, serve:NAME"):
        parse_choice(text)


def test_a_generator_is_a_kind_and_what_it_takes() -> None:
    assert parse_choice("transformers") == Choice("transformers")
    assert parse_choice("serve:llama.cpp") == Choice("serve", "llama.cpp")
    assert parse_choice("endpoint:http://[::1]:8/v1") == Choice("endpoint", "http://[::1]:8/v1")


HEAD = '{"schema":"hubpolicy/responses/1","closure":"%s","generator":"vLLM 1"}\n' % ("a" * 64)
ROWS = "".join(
    json.dumps({"suite": r.suite, "prompt_id": r.prompt_id, "i": r.i, "text": f"said {r.seed}"})
    + "\n"
    for r in REQUESTS[1:]
)


def responses(folder: Path, text: str, closure: str = "a" * 64) -> ResponsesGenerator:
    path = folder / "answers.jsonl"
    path.write_text(text)
    return ResponsesGenerator(read_responses(path), closure)


def test_a_file_answers_what_it_has(tmp_path: Path) -> None:
    generator = responses(tmp_path, HEAD + ROWS)
    answers = dict(generator.complete(REQUESTS, SAMPLING))
    assert REQUESTS[0] not in answers
    assert [answers[r].text for r in REQUESTS[1:]] == [f"said {r.seed}" for r in REQUESTS[1:]]
    assert (generator.name, generator.binding_level) == ("responses", 1)
    assert generator.runtime[0] == ("claimed-generator", "vLLM 1")


def test_a_file_that_names_no_closure_is_level_0(tmp_path: Path) -> None:
    generator = responses(tmp_path, '{"schema":"hubpolicy/responses/1"}\n' + ROWS)
    assert generator.binding_level == 0
    assert [name for name, _ in generator.runtime] == ["responses-sha256"]


def test_another_file_is_another_run(tmp_path: Path) -> None:
    first = responses(tmp_path, HEAD + ROWS)
    assert responses(tmp_path, HEAD + ROWS.replace("said", "told")).runtime != first.runtime


def test_a_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="expected bbbbbbbbbbbb"):
        responses(tmp_path, HEAD + ROWS, closure="b" * 64)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"no\.jsonl"):
        read_responses(tmp_path / "no.jsonl")
