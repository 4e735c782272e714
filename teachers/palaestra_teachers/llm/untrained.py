"""Makes a folder with a tiny language model that has learned nothing: `python -m palaestra_teachers.llm.untrained`.

It is for trying out the backend `local`, and for measuring what constrained decoding does on its own: replies that all
parse, and that mean nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

VOCABULARY = 512
CONTEXT = 8192
_END = "<end>"
"""Ends a reply; the first token, number 0."""
_LINES = (
    "The agent is at column 3, row 1, facing right. The door is locked and yellow; the key lies at column 1, row 2.",
    '{"subgoals": [{"form": "position", "x": 1, "y": 2}, {"form": "object", "type": "key", "color": "yellow"}]}',
    "pick up the yellow key, open the yellow door, go to the green goal",
)
_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def make_untrained_model(folder: Path, seed: int = 0, template: bool = True) -> Path:
    """Writes a Llama of two small layers with random weights, and a byte-level tokenizer, as `local` loads them.

    Args:
        folder: made when it does not exist.
        seed: of the weights.
        template: whether the tokenizer has a chat template.

    Returns:
        The folder.

    Raises:
        OSError: it cannot be written.
    """
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(_LINES, vocab_size=VOCABULARY, min_frequency=1, special_tokens=[_END], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token=_END, pad_token=_END)
    if template:
        tokenizer.chat_template = _TEMPLATE
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT,
        eos_token_id=0,
        pad_token_id=0,
        bos_token_id=None,
        # Far from the usual 0.02, with which every token would be about as likely as any other.
        initializer_range=0.5,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write a tiny language model that has learned nothing into a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of its weights (default: 0)")
    arguments = parser.parse_args()
    print(f"{make_untrained_model(arguments.folder, arguments.seed)}: a model for the backend `local`")


if __name__ == "__main__":
    main()
