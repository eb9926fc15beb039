# SPDX-License-Identifier: Apache-2.0
"""The part of the closed table (DESIGN.md §7) for images and sound: whose tensors are whose.

A name in ``config.json`` is the author's word, and loaders of text follow others: transformers
follows ``model_type``. So a network counts as one of these only if both say so and every tensor is
one that it has. Tensor names are those of diffusers 0.35 and transformers 5; SpeechT5's are without
those of its speech recognition, which writes. Musicgen and Bark are not here: they have heads that
are named like a language model's.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_REST = r"\.[A-Za-z0-9_.]+"
_UNET = (
    r"(?:conv_in|time_proj|time_embedding|class_embedding|add_embedding|add_time_proj"
    r"|encoder_hid_proj|down_blocks|mid_block|up_blocks|conv_norm_out|conv_out)" + _REST
)
_VAE = (
    r"(?:(?:encoder|decoder)\.(?:conv_in|down_blocks|mid_block|up_blocks|conv_norm_out|conv_out)"
    r"|quant_conv|post_quant_conv)" + _REST
)
_TRANSFORMER = (
    r"(?:x_embedder|context_embedder|time_text_embed|pos_embed|transformer_blocks"
    r"|single_transformer_blocks|norm_out|proj_out)" + _REST
)
_VITS = (
    r"(?:(?:text_encoder\.(?:embed_tokens|encoder|project)|flow\.flows"
    r"|posterior_encoder\.(?:conv_pre|conv_proj|wavenet)"
    r"|decoder\.(?:cond|conv_post|conv_pre|resblocks|upsampler)"
    r"|duration_predictor\.[a-z_0-9]+)" + _REST + r"|embed_speaker\.weight)"
)
_SPEECHT5 = (
    r"(?:speecht5\.(?:encoder\.(?:prenet\.(?:embed_tokens|encode_positions)|wrapped_encoder)"
    r"|decoder\.(?:prenet\.(?:encode_positions|final_layer|layers|speaker_embeds_layer)"
    r"|wrapped_decoder))"
    r"|speech_decoder_postnet\.(?:feat_out|prob_out|layers))" + _REST
)
_HIFIGAN = rf"(?:conv_pre|upsampler|resblocks|conv_post){_REST}|mean|scale"
_CLIP_TEXT = (
    rf"(?:text_model\.)?(?:embeddings|encoder\.layers|final_layer_norm){_REST}"
    r"|text_projection\.weight"
)
_CLIP_IMAGE = (
    rf"(?:vision_model\.){{0,2}}(?:embeddings|pre_layrnorm|encoder\.layers|post_layernorm){_REST}"
    r"|visual_projection\.weight|(?:concept|special_care)_embeds(?:_weights)?"
)
_HEAD = "lm_head"


class _Network(NamedTuple):
    """``model_types`` are transformers' words for it; diffusers' configurations have none."""

    tensors: re.Pattern[str]
    model_types: tuple[str, ...] = ("",)


_NETWORKS = {
    "AutoencoderKL": _Network(re.compile(_VAE)),
    "FluxTransformer2DModel": _Network(re.compile(_TRANSFORMER)),
    "SD3Transformer2DModel": _Network(re.compile(_TRANSFORMER)),
    "SpeechT5ForTextToSpeech": _Network(re.compile(_SPEECHT5), ("speecht5",)),
    "SpeechT5HifiGan": _Network(re.compile(_HIFIGAN), ("hifigan", "speecht5_hifigan")),
    "UNet2DConditionModel": _Network(re.compile(_UNET)),
    "UNet2DModel": _Network(re.compile(_UNET)),
    "VitsModel": _Network(re.compile(_VITS), ("vits",)),
}
_PIPELINES = frozenset(
    {"DiffusionPipeline", "StableDiffusionPipeline", "StableDiffusionXLPipeline"}
)
_PARTS = re.compile(
    rf"unet/(?:{_UNET})|vae/(?:{_VAE})|text_encoder(?:_2)?/(?:{_CLIP_TEXT})"
    rf"|(?:image_encoder|safety_checker)/(?:{_CLIP_IMAGE})"
)


def is_media(name: str) -> bool:
    """Whether the table has a network or pipeline for images or sound of that name."""
    return name in _NETWORKS or name in _PIPELINES


def refuse_media(
    name: str, *, pipeline: bool, model_type: str, tensor_names: frozenset[str]
) -> str:
    """Why files that are named so may write text all the same, or "".

    ``pipeline``: laid out as diffusers' folders, each tensor's name with its folder before it.
    """
    tensors = sorted(tensor_names)
    head = next((tensor for tensor in tensors if _HEAD in tensor), "")
    if head:
        return f"tensor {head} is a head over a vocabulary"
    if pipeline != (name in _PIPELINES):
        return f"{name} is {'no' if pipeline else 'a'} pipeline"
    network = _Network(_PARTS) if pipeline else _NETWORKS[name]
    if model_type not in network.model_types:
        expected = network.model_types[-1] or "none"
        return f"got model_type {model_type[:60] or 'none'}, expected {expected} for {name}"
    stray = next((tensor for tensor in tensors if not network.tensors.fullmatch(tensor)), "")
    return f"tensor {stray} is none of {name}" if stray else ""
