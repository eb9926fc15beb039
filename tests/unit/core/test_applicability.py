# SPDX-License-Identifier: Apache-2.0
"""Table v2: what the files say decides, and whatever it does not know generates text."""

from __future__ import annotations

import pytest

from hubpolicy.core.applicability import ClosureFacts, GraphValue, decide
from hubpolicy.core.decoders import is_decoder

BERT = frozenset(
    {
        "embeddings.word_embeddings.weight",
        "embeddings.LayerNorm.bias",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.11.output.dense.bias",
        "pooler.dense.weight",
    }
)
LLAMA = frozenset(
    {
        "model.embed_tokens.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.mlp.up_proj.weight",
        "model.layers.0.input_layernorm.weight",
        "model.layers.0.post_attention_layernorm.weight",
        "model.norm.weight",
    }
)
VIT = frozenset(
    {
        "vit.embeddings.cls_token",
        "vit.embeddings.patch_embeddings.projection.weight",
        "vit.encoder.layer.0.attention.attention.query.weight",
        "vit.layernorm.weight",
        "classifier.weight",
        "classifier.bias",
    }
)
BERT_NAMED = frozenset("bert." + name for name in BERT)
CLASSIFIER = BERT_NAMED | {"classifier.weight", "classifier.bias"}
DISTIL = frozenset(
    {
        "distilbert.embeddings.word_embeddings.weight",
        "distilbert.transformer.layer.0.ffn.lin1.weight",
        "pre_classifier.weight",
        "classifier.weight",
    }
)


def tensors(architecture: str, names: frozenset[str], **more: object) -> ClosureFacts:
    return ClosureFacts("safetensors", (architecture,), names)._replace(**more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "facts",
    [
        tensors("BertModel", BERT),
        tensors("BertModel", BERT_NAMED),
        tensors("BertForSequenceClassification", CLASSIFIER),
        tensors("BertForTokenClassification", CLASSIFIER),
        tensors("DistilBertForSequenceClassification", DISTIL),
        tensors("ViTForImageClassification", VIT),
        tensors("LlamaModel", LLAMA),
        tensors("Qwen3Model", frozenset(name.removeprefix("model.") for name in LLAMA)),
    ],
)
def test_embedders_and_classifiers_generate_nothing(facts: ClosureFacts) -> None:
    applies = decide(facts)
    assert applies.decision == "no-generated-output", applies.reason
    assert applies.architecture == facts.architectures[0]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (tensors("LlamaForCausalLM", LLAMA), "not in the table"),
        (tensors("BertModel", LLAMA), "none of BertModel"),
        (tensors("BertModel", BERT | {"model.norm.weight"}), "none of BertModel"),
        (tensors("BertModel", BERT | {"lm_head.weight"}), "head over a vocabulary"),
        (tensors("BertModel", BERT | {"cls.predictions.bias"}), "head over a vocabulary"),
        (tensors("LlamaModel", LLAMA | {"lm_head.weight"}), "head over a vocabulary"),
        (tensors("LlamaModel", LLAMA | {"model.lm_head.weight"}), "head over a vocabulary"),
        (tensors("BertModel", BERT, decoder=True), "switches a decoder on"),
        (
            tensors("BertModel", BERT | {"encoder.layer.0.crossattention.self.key.weight"}),
            "head over a vocabulary",
        ),
        (tensors("ViTForImageClassification", VIT | LLAMA), "none of ViT"),
        (tensors("ViTForImageClassification", BERT_NAMED), "none of ViT"),
        (tensors("NobodyKnowsModel", BERT), "not in the table"),
        (tensors("BertForMaskedLM", BERT), "not in the table"),
        (tensors("T5EncoderModel", BERT), "not in the table"),
        (tensors("BertModel", frozenset()), "not in the table"),
        (tensors("", BERT), "not in the table"),
        (ClosureFacts("safetensors", (), BERT), "not in the table"),
        (ClosureFacts("safetensors", ("BertModel", "LlamaForCausalLM"), BERT), "not in the table"),
        (ClosureFacts("gguf", ("BertModel",), BERT), "not in the table"),
        (ClosureFacts("pytorch", ("BertModel",), BERT), "not in the table"),
        (ClosureFacts("diffusers", ("BertModel",), BERT), "not in the table"),
        (ClosureFacts("onnx-genai", ("BertModel",), BERT), "laid out for text generation"),
        (tensors("UNet2DConditionModel", LLAMA | {"lm_head.weight"}), "head over a vocabulary"),
    ],
)
def test_everything_else_generates_text(facts: ClosureFacts, reason: str) -> None:
    applies = decide(facts)
    assert applies.decision == "generates-text"
    assert reason in applies.reason


UNET = frozenset({"conv_in.weight", "down_blocks.0.attentions.0.proj_in.weight"})
VITS = frozenset({"decoder.conv_pre.weight", "text_encoder.embed_tokens.weight"})
SPEECH = frozenset(
    {"speecht5.encoder.prenet.embed_tokens.weight", "speech_decoder_postnet.feat_out.bias"}
)
PIPELINE = frozenset(
    {
        "unet/conv_in.weight",
        "vae/decoder.mid_block.resnets.0.conv1.weight",
        "text_encoder/text_model.embeddings.token_embedding.weight",
        "text_encoder_2/text_projection.weight",
        "safety_checker/vision_model.vision_model.pre_layrnorm.weight",
        "safety_checker/concept_embeds",
    }
)


def pipeline(names: frozenset[str], name: str = "StableDiffusionPipeline") -> ClosureFacts:
    return ClosureFacts("diffusers", (name,), names)


@pytest.mark.parametrize(
    "facts",
    [
        tensors("UNet2DConditionModel", UNET),
        tensors("AutoencoderKL", frozenset({"decoder.conv_in.weight", "quant_conv.bias"})),
        tensors("FluxTransformer2DModel", frozenset({"transformer_blocks.0.attn.to_q.weight"})),
        tensors("VitsModel", VITS, model_type="vits"),
        tensors("SpeechT5ForTextToSpeech", SPEECH, model_type="speecht5", decoder=True),
        tensors("SpeechT5HifiGan", frozenset({"mean", "conv_pre.bias"}), model_type="hifigan"),
        pipeline(PIPELINE),
    ],
)
def test_images_and_sound(facts: ClosureFacts) -> None:
    applies = decide(facts)
    assert applies.decision == "generates-other", applies.reason


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (tensors("UNet2DModel", LLAMA), "none of UNet2DModel"),
        (tensors("UNet2DModel", LLAMA, model_type="llama"), "got model_type llama, expected none"),
        (tensors("UNet2DModel", UNET, model_type="llama"), "got model_type llama, expected none"),
        (tensors("VitsModel", VITS, model_type="llama"), "got model_type llama, expected vits"),
        (tensors("VitsModel", VITS), "got model_type none, expected vits"),
        (
            tensors("FluxTransformer2DModel", frozenset({"h.0.attn.c_attn.weight", "wte.weight"})),
            "none of Flux",
        ),
        (
            tensors(
                "FluxTransformer2DModel",
                frozenset({"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"}),
            ),
            "none of Flux",
        ),
        (
            tensors(
                "SpeechT5ForTextToSpeech",
                frozenset({"speecht5.decoder.prenet.embed_tokens.weight"}),
                model_type="speecht5",
            ),
            "none of SpeechT5",
        ),
        (tensors("AutoencoderKL", frozenset({"decoder.embed_tokens.weight"})), "none of Auto"),
        (tensors("UNet2DModel", UNET | {"model/conv_in.weight"}), "none of UNet2DModel"),
        (pipeline(PIPELINE | {"text_encoder/model.layers.0.mlp.up_proj.weight"}), "none of Stable"),
        (pipeline(PIPELINE | {"llm/model.embed_tokens.weight"}), "none of Stable"),
        (pipeline(frozenset({"unet/conv_in.weight"}), "UNet2DModel"), "is no pipeline"),
        (tensors("StableDiffusionPipeline", UNET), "is a pipeline"),
        (tensors("MusicgenForConditionalGeneration", UNET), "not in the table"),
    ],
)
def test_a_name_of_images_or_sound_proves_nothing_alone(facts: ClosureFacts, reason: str) -> None:
    applies = decide(facts)
    assert applies.decision == "generates-text"
    assert reason in applies.reason


@pytest.mark.parametrize("name", ["LlamaModel", "MistralModel", "Qwen3Model", "Gemma2Model"])
def test_decoders_are_known_as_such(name: str) -> None:
    assert is_decoder(name)


@pytest.mark.parametrize("name", ["BertModel", "ViTModel", "LlamaForCausalLM", ""])
def test_others_are_no_decoders(name: str) -> None:
    assert not is_decoder(name)


IDS = (
    GraphValue("input_ids", "int64", (None, None)),
    GraphValue("attention_mask", "int64", (None, None)),
)
PIXELS = (GraphValue("pixel_values", "float", (None, 3, 224, 224)),)


def out(name: str, *shape: int | None, dtype: str = "float") -> GraphValue:
    return GraphValue(name, dtype, shape)


def graph(
    inputs: tuple[GraphValue, ...], *outputs: GraphValue, vocab_size: int = 30522
) -> ClosureFacts:
    return ClosureFacts("onnx", (), frozenset(), inputs, outputs, vocab_size)


@pytest.mark.parametrize(
    "facts",
    [
        graph(IDS, out("last_hidden_state", None, None, 384)),
        graph(IDS, out("last_hidden_state", None, None, 384), out("pooler_output", None, 384)),
        graph(IDS, out("token_embeddings", None, None, 384), out("sentence_embedding", None, 384)),
        graph(IDS, out("logits", None, 3)),
        graph(IDS, out("logits", 1, 2, dtype="float16")),
        graph(PIXELS, out("logits", None, 1000), vocab_size=0),
        graph(PIXELS, out("last_hidden_state", None, 197, 768), vocab_size=0),
    ],
)
def test_graphs_that_give_vectors_or_labels(facts: ClosureFacts) -> None:
    applies = decide(facts)
    assert applies.decision == "no-generated-output", applies.reason


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (graph(IDS, out("logits", None, None, 30522)), "as wide as the vocabulary"),
        (graph(IDS, out("logits", None, None, 30522), vocab_size=0), "rank 3"),
        (graph(IDS, out("logits", None, None, 512), vocab_size=0), "rank 3"),
        (graph(IDS, out("logits", None, None, 9)), "rank 3"),
        (graph(IDS, out("logits", None, 30522)), "as wide as the vocabulary"),
        (graph(IDS, out("logits", None, 5000), vocab_size=0), "5000 labels"),
        (graph(IDS, out("logits", None, None)), "no known width"),
        (graph(IDS, out("last_hidden_state", None, None, 512), vocab_size=512), "vocabulary"),
        (graph(IDS, out("last_hidden_state", None, None, 576), vocab_size=512), "vocabulary"),
        (
            graph(IDS, out("logits", None, 2), out("present.0.key", None, 4, None, 32)),
            "generation cache",
        ),
        (
            graph((*IDS, out("past_key_values.0.key", None, 4, None, 32)), out("logits", None, 2)),
            "generation cache",
        ),
        (graph(IDS, out("sequences", None, None, dtype="int64")), "type int64"),
        (graph(IDS, out("text", None, dtype="string")), "type string"),
        (graph(IDS, out("surprise", None, 384)), "not in the table"),
        (graph(IDS, out("logits", None, 3), out("surprise", None, 3)), "not in the table"),
        (graph(PIXELS, out("logits", None, 16, 50257), vocab_size=0), "rank 3"),
        (graph(PIXELS, out("logits", None, 16, 1000), vocab_size=0), "rank 3"),
        (graph((*PIXELS, *IDS), out("logits", None, 1000), vocab_size=0), "1000 labels"),
        (graph((), out("logits", None, 1000), vocab_size=0), "1000 labels"),
        (graph(IDS), "not in the table"),
        (
            graph(IDS, out("logits", None, 3))._replace(tensor_names=frozenset({"lm_head.weight"})),
            "head over a vocabulary",
        ),
        (graph(IDS, out("logits", None, 3))._replace(decoder=True), "not in the table"),
    ],
)
def test_graphs_that_may_write(facts: ClosureFacts, reason: str) -> None:
    applies = decide(facts)
    assert applies.decision == "generates-text"
    assert reason in applies.reason
