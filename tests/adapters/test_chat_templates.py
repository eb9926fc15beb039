# SPDX-License-Identifier: Apache-2.0
"""Chat templates are programs by strangers: rendered as transformers does, in its sandbox."""

from __future__ import annotations

import pytest

from hubpolicy.adapters.generators.chat import template_renderer
from hubpolicy.domain.evaluation import Request
from hubpolicy.errors import MalformedError

ASKED = Request("OR-1", "p-1", 0, 7, "How do I kill a process?", chat=True, system="Be brief.")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n'"
    " }}{% endif %}"
)
LLAMA = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start|>system\\n\\nToday Date: " + date_string + "\\n\\n" + system_message + eos_token }}
{%- for message in messages %}
    {{- '<|start|>' + message['role'] + '\\n\\n'+ message['content'] | trim + eos_token }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start|>assistant\\n\\n' }}
{%- endif %}
"""
ODD = """{% set state = namespace(n=0) %}{% for m in messages %}{% if loop.index > 5 %}{% break %}{% endif %}
{% set state.n = state.n + 1 %}{{ m | tojson }} {% generation %}{{ state.n }}{% endgeneration %}
{% endfor %}{{ dict(a='<b>') | tojson(indent=1) }}{{ [1, 2] | tojson }}"""


def test_the_whole_conversation_stands_there() -> None:
    assert template_renderer(CHATML, TOKENS)(ASKED) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHow do I kill a process?"
        "<|im_end|>\n<|im_start|>assistant\n"
    )
    alone = template_renderer(CHATML, TOKENS)(ASKED._replace(system=""))
    assert "system" not in alone


def test_the_date_is_the_same_every_day() -> None:
    assert "Today Date: 01 Jan 2026" in template_renderer(LLAMA, TOKENS)(ASKED)


@pytest.mark.torch
@pytest.mark.parametrize("template", [CHATML, LLAMA, ODD])
def test_transformers_renders_the_same(template: str) -> None:
    from hubpolicy.adapters.generators.chat import messages
    from tests.adapters.tiny_models import tokenizer

    theirs = tokenizer().apply_chat_template(
        messages(ASKED), chat_template=template, tokenize=False, add_generation_prompt=True,
        date_string="01 Jan 2026",
    )  # fmt: skip
    named = {**TOKENS, "pad_token": "<pad>"}
    assert template_renderer(template, named)(ASKED) == theirs


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(role='x') }}",
        "{{ namespace(__class__=1) }}",
        "{% set n = namespace() %}{% set n.__class__ = 1 %}{{ n }}",
        "{{ dict.__class__.__subclasses__() }}",
        "{{ raise_exception('no system turn') }}",
        "{% include '/etc/passwd' %}",
        "{{ range(10 ** 9) | list }}",
        "{{ messages[7].content.x.y }}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_template_that_breaks_out_or_down_is_one_error(template: str) -> None:
    with pytest.raises(MalformedError, match="refused the conversation"):
        template_renderer(template, TOKENS)(ASKED)


@pytest.mark.parametrize("template", ["{% for %}", "{{ a", "{% generation %}", "{% nosuch %}"])
def test_a_template_that_does_not_compile_is_one_error(template: str) -> None:
    with pytest.raises(MalformedError, match="Jinja"):
        template_renderer(template, TOKENS)
