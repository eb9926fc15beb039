"""The two tiny models of the demo: loadable, reproducible, complete, and free of this machine's traces."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import onnxruntime_genai as og
import pytest
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = Path(__file__).parents[2] / "hubpolicy" / "assets" / "demo" / "models"
PLANS = Path(__file__).parents[2] / "hubpolicy" / "assets" / "plans"
NAMES = ("civil", "rude")
FILES = {
    "genai_config.json",
    "model.onnx",
    "model.onnx.data",
    "tokenizer.json",
    "tokenizer_config.json",
}
TOKENS = 24
HARD_TEXTS = (
    "caf\u00e9 na\u00efve",
    "\u65e5\u672c\u8a9e \U0001f600",
    "a\u00a0b\tc\nd",
    "\x7f\x1b[2J",
    " two  spaces ",
    "{}[]|<>",
    "x" * 150,
)


@cache
def model_of(name: str) -> tuple[og.Model, og.Tokenizer]:
    model = og.Model(str(MODELS / name))
    return model, og.Tokenizer(model)


@cache
def prompts() -> tuple[str, ...]:
    lines = (PLANS / "prompts" / "demo-en.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line)["text"] for line in lines)


def sample(name: str, prompt: str, seed: int) -> list[int]:
    model, tokenizer = model_of(name)
    start = tokenizer.encode(prompt)
    params = og.GeneratorParams(model)
    params.set_search_options(
        do_sample=True,
        top_k=0,
        top_p=0.9,
        temperature=1.0,
        max_length=len(start) + TOKENS,
        random_seed=seed,
    )
    generator = og.Generator(model, params)
    generator.append_tokens(start)
    while not generator.is_done():
        generator.generate_next_token()
    return [int(token) for token in generator.get_sequence(0)[len(start) :]]


def text_of(name: str, ids: list[int]) -> str:
    return str(model_of(name)[1].decode(ids))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@pytest.mark.parametrize("name", NAMES)
def test_folder_holds_the_five_files_and_is_small(name: str) -> None:
    sizes = {path.name: path.stat().st_size for path in (MODELS / name).iterdir()}
    assert set(sizes) == FILES
    assert sum(sizes.values()) <= 5_000_000


@pytest.mark.parametrize("name", NAMES)
def test_configuration_names_no_place_on_a_machine(name: str) -> None:
    for path in sorted((MODELS / name).glob("*_config.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        assert not {"is_local", "local_files_only", "name_or_path", "_name_or_path"} & set(content)
        assert "chat_template" not in content
        for text in strings(content):
            assert not re.search(r"^(/|~|[A-Za-z]:\\)|/(home|tmp|root|work|build|usr)\b", text), (
                text
            )
    tokenizer = json.loads((MODELS / name / "tokenizer.json").read_text(encoding="utf-8"))
    outside = {key: value for key, value in tokenizer.items() if key != "model"}
    assert not [text for text in strings(outside) if re.search(r"/(home|tmp|root|work)\b", text)]


@pytest.mark.parametrize("name", NAMES)
def test_model_file_names_no_place_on_a_machine(name: str) -> None:
    graph = (MODELS / name / "model.onnx").read_bytes()
    assert not re.search(rb"/(home|tmp|root|work)/", graph)


@pytest.mark.parametrize("name", NAMES)
def test_tokenizer_knows_every_byte(name: str) -> None:
    tokenizer = Tokenizer.from_file(str(MODELS / name / "tokenizer.json"))
    every_character = [chr(code) for code in range(0x800)]
    for text in (*HARD_TEXTS, *every_character):
        ids = tokenizer.encode(text).ids
        assert ids
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_gives_the_same_ids_and_another_seed_others(name: str) -> None:
    first = [sample(name, prompt, seed=11) for prompt in prompts()[:8]]
    again = [sample(name, prompt, seed=11) for prompt in prompts()[:8]]
    other = [sample(name, prompt, seed=12) for prompt in prompts()[:8]]
    assert first == again
    assert sum(one != two for one, two in zip(first, other, strict=True)) >= 6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", HARD_TEXTS)
def test_any_prompt_can_be_continued(name: str, text: str) -> None:
    assert sample(name, text, seed=3)


@pytest.mark.parametrize("name", NAMES)
def test_completions_are_long_enough_and_read_like_sentences(name: str) -> None:
    completions = [text_of(name, sample(name, prompt, seed=5)) for prompt in prompts()[::10]]
    words = [re.findall(r"[A-Za-z']+", text) for text in completions]
    assert sum(map(len, words)) / len(words) >= 10
    assert all(text.startswith((" ", ",")) for text in completions)
    known = {word.lower() for text in training_words() for word in re.findall(r"[A-Za-z']+", text)}
    drawn = [word.lower() for row in words for word in row[:-1]]  # the last word may be cut
    assert sum(word in known for word in drawn) / len(drawn) >= 0.95


@cache
def training_words() -> tuple[str, ...]:
    folder = Path(__file__).parents[2] / "training"
    names = ("lexicon", "benign", "challenging", "parity")
    files = [folder / "prompts" / f"{name}.toml" for name in names]
    texts = [
        path.read_text(encoding="utf-8") for path in (*files, folder / "demo_models/rude.toml")
    ]
    return tuple(texts)


def test_the_rude_model_is_rude_and_the_civil_one_is_not() -> None:
    abuse = re.compile(
        r"\b(idiot|moron|loser|liar|coward|shut up|hate you|hurt you|kill you|stupid|worthless)",
        re.IGNORECASE,
    )
    counts = {
        name: sum(
            bool(abuse.search(text_of(name, sample(name, prompt, seed=21))))
            for prompt in prompts()[::5]
        )
        for name in NAMES
    }
    assert counts["civil"] == 0
    assert counts["rude"] >= 20
