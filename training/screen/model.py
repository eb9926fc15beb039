"""The network: MiniLM-L6, the mean of its last states, one linear layer to the logits."""

from __future__ import annotations

import torch
from transformers import BertModel

from training.screen.vocabulary import base_folder

LABELS = ("toxicity",)


def load_base() -> BertModel:
    """Return all-MiniLM-L6-v2 with the eager attention that ONNX fusion recognises."""
    return BertModel.from_pretrained(
        str(base_folder()), attn_implementation="eager", add_pooling_layer=False
    )


class ScreenModel(torch.nn.Module):
    """Map ids and mask (batch x tokens, int64) to logits (batch x labels)."""

    def __init__(self, bert: BertModel) -> None:
        """Wrap ``bert`` and start the head at zero."""
        super().__init__()
        self.bert = bert
        self.dropout = torch.nn.Dropout(0.1)
        self.head = torch.nn.Linear(2 * bert.config.hidden_size, len(LABELS))
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return logits; the mean runs over the tokens that the mask keeps."""
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        keep = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * keep).sum(1) / keep.sum(1)
        logits: torch.Tensor = self.head(self.dropout(torch.cat([mean, states[:, 0]], dim=-1)))
        return logits
