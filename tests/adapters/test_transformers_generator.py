# SPDX-License-Identifier: Apache-2.0
"""Random models of the true layout, run by transformers: a sample is its files, prompt and seed."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from hubpolicy.adapters.generators import AUTO, open_generator
from hubpolicy.adapters.generators.staging import staged
from hubpolicy.adapters.generators.transformers import ROWS, TransformersGenerator
from hubpolicy.domain.evaluation import Completion, Request
from hubpolicy.domain.statement import Sampling
from hubpolicy.errors import MalformedError, ServiceError, UnsupportedError
from tests.adapters.closures_here import the_closure
from tests.adapters.tiny_models import gpt2, llama, mixtral, qwen2, tokenizer, write_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = pytest.mark.torch

SAMPLING = Sampling("1.0", "0.9", 0, 5)
PROMPTS = ("The weather today", "On Sunday, my aunt", "Nobody knows why", "The weather to-day!")
REQUESTS = tuple(
    Request("TX-1", f"p-{p}", i, 1000 * p + i, text, chat, "Be kind." if chat else "")
    for p, text in enumerate(PROMPTS)
    for i in range(3)
    for chat in (p == 2,)
)


def opened(folder: Path, **options: Any) -> TransformersGenerator:
    return TransformersGenerator(folder, the_closure(folder), **options)


def answers(
    generator: TransformersGenerator, requests: Sequence[Request], sampling: Sampling = SAMPLING
) -> dict[Request, Completion]:
    return dict(generator.complete(requests, sampling))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small only wait for each other's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("llama"), llama)


@pytest.fixture(scope="module")
def model(tiny: Path) -> TransformersGenerator:
    return opened(tiny)


@pytest.fixture
def folder(tmp_path: Path, tiny: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "model"))


@pytest.mark.parametrize("make", [llama, gpt2, qwen2, mixtral])
@pytest.mark.parametrize("shards", ["", "20KB"])
def test_it_speaks_whatever_the_family_and_the_layout(
    tmp_path: Path, make: Any, shards: str
) -> None:
    write_model(tmp_path, make, shards=shards)
    closure = the_closure(tmp_path)
    assert closure.main == ("model.safetensors.index.json" if shards else "model.safetensors")
    with open_generator(tmp_path, closure, AUTO) as generator:
        assert (generator.name, generator.binding_level) == ("transformers", 4)
        found = dict(generator.complete(REQUESTS, SAMPLING))
    assert set(found) == set(REQUESTS)
    for completion in found.values():
        assert completion.error == ""
        assert completion.new_tokens == 5 or completion.finish == "stop"
    assert len({c.text for c in found.values()}) > 9


def test_shards_say_what_the_whole_says(tmp_path: Path, model: TransformersGenerator) -> None:
    assert answers(opened(write_model(tmp_path, shards="20KB")), REQUESTS) == answers(
        model, REQUESTS
    )


def test_a_sample_depends_on_nothing_beside_it(model: TransformersGenerator) -> None:
    together = answers(model, REQUESTS)
    for number in range(4):
        some = random.Random(number).sample(REQUESTS, 1 + number)
        assert answers(model, some) == {r: together[r] for r in some}


def test_not_even_in_sixteen_bits_where_sums_round_early(tmp_path: Path) -> None:
    write_model(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file({k: v.bfloat16() for k, v in load_file(path).items()}, path, {"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    generator = opened(tmp_path)
    assert ("device", f"cpu bfloat16, {ROWS} rows") in generator.runtime
    together = answers(generator, REQUESTS)
    assert {r: answers(generator, [r])[r] for r in REQUESTS[::4]} == {
        r: together[r] for r in REQUESTS[::4]
    }


def test_experts_are_asked_alone(tmp_path: Path) -> None:
    generator = opened(write_model(tmp_path, mixtral))
    assert ("device", "cpu float32, 1 rows") in generator.runtime


@pytest.mark.slow
def test_another_process_says_the_same(tiny: Path, model: TransformersGenerator) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.adapters.test_transformers_generator import *;"
        f"g = opened(Path({str(tiny)!r}));"
        "sys.stdout.buffer.write(repr(sorted(answers(g, REQUESTS).items())).encode())"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert run.stdout.decode() == repr(sorted(answers(model, REQUESTS).items()))


def test_it_draws_what_transformers_own_forward_pass_says(
    tiny: Path, model: TransformersGenerator
) -> None:
    greedy = answers(model, REQUESTS[:1], SAMPLING._replace(top_k=1))[REQUESTS[0]]
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    ids = tokenizer()(REQUESTS[0].text, return_tensors="pt")["input_ids"]
    start = ids.shape[1]
    with torch.inference_mode():
        for _ in range(5):
            ids = torch.cat([ids, theirs(ids).logits[:, -1:].argmax(-1)], 1)
    assert greedy.text == tokenizer().decode(ids[0, start:])


def test_sampling_is_what_the_plan_says(model: TransformersGenerator) -> None:
    seeds = [REQUESTS[0]._replace(seed=seed, i=seed) for seed in range(6)]
    greedy = answers(model, seeds, SAMPLING._replace(top_k=1))
    assert len({completion.text for completion in greedy.values()}) == 1
    assert len({completion.text for completion in answers(model, seeds).values()}) == 6
    short = answers(model, seeds[:1], SAMPLING._replace(max_new_tokens=2))
    assert short[seeds[0]].new_tokens == 2


def test_the_authors_own_settings_do_not_change_the_draw(
    folder: Path, model: TransformersGenerator
) -> None:
    tuned = {"do_sample": True, "top_k": 1, "temperature": 0.01, "repetition_penalty": 9.0,
             "min_new_tokens": 6, "suppress_tokens": [40, 41], "eos_token_id": 1}  # fmt: skip
    (folder / "generation_config.json").write_text(json.dumps(tuned))
    assert answers(opened(folder), REQUESTS) == answers(model, REQUESTS)


def test_an_end_token_ends_the_text_and_is_no_part_of_it(
    folder: Path, model: TransformersGenerator
) -> None:
    (long,) = answers(model, REQUESTS[:1], SAMPLING._replace(top_k=1)).values()
    every = list(range(1, 320))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": every}))
    (short,) = answers(opened(folder), REQUESTS[:1], SAMPLING._replace(top_k=1)).values()
    assert (long.finish, long.new_tokens) == ("length", 5)
    assert short == Completion("", long.prompt_tokens, 1, "stop")


def test_a_conversation_goes_through_the_template_once(
    folder: Path, model: TransformersGenerator
) -> None:
    asked = REQUESTS[0]._replace(chat=True, system="Be kind.")
    said = answers(model, [asked])[asked]
    text = "<|system|>Be kind.</s><|user|>The weather today</s><|assistant|>"
    assert said.prompt_tokens == len(tokenizer()(text)["input_ids"])
    assert said != answers(model, [REQUESTS[0]])[REQUESTS[0]]
    (folder / "chat_template.jinja").unlink()
    (found,) = answers(opened(folder), [asked]).values()
    assert (found.finish, found.error) == (
        "error",
        "UnsupportedError: the model has no chat template",
    )


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (REQUESTS[0]._replace(text=""), "expected 5"),
        (REQUESTS[0]._replace(text="word " * 200), "got room for"),
        (REQUESTS[0]._replace(text="a </s> b"), "control token '</s>'"),
        (REQUESTS[0]._replace(chat=True, system="<s>"), "control token '<s>'"),
    ],
)
def test_a_prompt_that_cannot_be_run_as_written_is_an_error_of_its_own(
    model: TransformersGenerator, request_: Request, reason: str
) -> None:
    found = answers(model, [request_, REQUESTS[1]])
    assert (found[request_].finish, found[request_].text) == ("error", "")
    assert reason in found[request_].error
    assert found[REQUESTS[1]] == answers(model, [REQUESTS[1]])[REQUESTS[1]]


def test_weights_that_are_no_numbers_give_errors_and_no_text(tmp_path: Path) -> None:
    write_model(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"][:] = float("nan")
    save_file(weights, path, {"format": "pt"})
    found = answers(opened(tmp_path), REQUESTS)
    assert {c.finish for c in found.values()} == {"error"}
    assert {c.error for c in found.values()} == {"the model's logits are not finite"}


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def drop_tensor(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def add_tensor(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.7.mlp.up_proj.weight"] = torch.ones(2)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (drop_tensor, ServiceError, "missing"),
        (add_tensor, ServiceError, "left over"),
        (lambda f: change_json(f / "config.json", vocab_size=400), ServiceError, "sizes|mismatch"),
        (
            lambda f: change_json(f / "config.json", auto_map={"AutoModelForCausalLM": "m.M"}),
            UnsupportedError,
            "auto_map",
        ),
        (
            lambda f: change_json(
                f / "tokenizer_config.json", auto_map={"AutoTokenizer": ["m.T", None]}
            ),
            UnsupportedError,
            "auto_map",
        ),
        (
            lambda f: change_json(f / "config.json", attn_implementation="someone/kernels"),
            UnsupportedError,
            "someone/kernels",
        ),
        (
            lambda f: change_json(f / "config.json", architectures=["MistralForCausalLM"]),
            UnsupportedError,
            "expected .*Mistral",
        ),
        (lambda f: (f / "config.json").unlink(), UnsupportedError, "without config.json"),
        (lambda f: (f / "config.json").write_text("["), MalformedError, "JSON"),
        (lambda f: (f / "config.json").write_text("[]"), MalformedError, "object"),
        (lambda f: (f / "tokenizer.json").unlink(), ServiceError, "tokenizer"),
        (
            lambda f: (f / "model.safetensors").rename(f / "weights.safetensors"),
            UnsupportedError,
            "opens no other",
        ),
        (
            lambda f: (f / "adapter_config.json").write_text("{}"),
            UnsupportedError,
            "adapter_config.json",
        ),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"\x10" + bytes(30)),
            ServiceError,
            "cannot load the model",
        ),
    ],
)
def test_what_would_run_something_else_is_refused(
    folder: Path, change: Callable[[Path], Any], error: type[Exception], words: str
) -> None:
    change(folder)
    with pytest.raises(error, match=words):
        opened(folder)


def test_a_pickle_beside_the_weights_is_never_opened(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cos\nsystem\n")
    (folder / "model.safetensors").unlink()
    with (
        pytest.raises(UnsupportedError, match=r"pytorch_model\.bin"),
        open_generator(folder, the_closure(folder)),
    ):
        pass


def test_only_the_closure_can_be_reached(folder: Path) -> None:
    closure = the_closure(folder)
    (folder / "adapter_model.safetensors").write_bytes(b"")
    (folder / "secret.txt").write_bytes(b"")
    with staged(folder, closure) as place:
        assert {p.name for p in place.iterdir()} == {Path(p).name for p in closure.paths}
    assert not place.exists()


def test_loading_is_offline_and_leaves_the_client_as_it_was(folder: Path) -> None:
    change_json(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer")
    before = constants.HF_HUB_OFFLINE
    opened(folder)
    assert before == constants.HF_HUB_OFFLINE
