#!/usr/bin/env python3
"""Records what Hugging Face's transformers computes on tiny seeded Llama models: tests/data/llama/<case>/.

Each case holds config.json, model.safetensors (the start), expected.safetensors (tokens, targets, logits of the
start, the losses of 20 AdamW steps) and trained.safetensors (the weights after them). Needs torch, transformers and
safetensors; the recorded files are committed, so the tests do not.

    python3 tools/record_llama.py tests/data/llama
"""
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

SIZES = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, max_position_embeddings=32,
             bos_token_id=None, eos_token_id=None, attention_bias=False, mlp_bias=False, hidden_act="silu")
CASES = {
    "grouped_untied": dict(num_attention_heads=4, num_key_value_heads=2, head_dim=8, tie_word_embeddings=False,
                           rms_norm_eps=1e-5, rope_theta=10000.0),
    "tied": dict(num_attention_heads=3, num_key_value_heads=3, head_dim=8, tie_word_embeddings=True,
                 rms_norm_eps=1e-6, rope_theta=500.0),
}
BATCH, LENGTH, STEPS = 3, 19, 20


def record(name, options, folder):
    torch.manual_seed(20)
    rope_theta = options.pop("rope_theta")
    rope = dict(rope_parameters=dict(rope_type="default", rope_theta=rope_theta))
    if int(transformers.__version__.split(".")[0]) < 5:
        rope = dict(rope_theta=rope_theta)
    config = LlamaConfig(**SIZES, **options, **rope, initializer_range=0.2)
    model = LlamaForCausalLM(config).float()
    with torch.no_grad():  # norms away from 1, so that a forgotten weight shows
        for key, value in model.named_parameters():
            if value.dim() == 1:
                value.uniform_(0.5, 1.5)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    text = torch.randint(0, SIZES["vocab_size"], (STEPS, BATCH, LENGTH + 1))
    tokens, targets = text[:, :, :-1].contiguous(), text[:, :, 1:].contiguous()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    losses = []
    for step in range(STEPS):
        logits = model(tokens[step]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets[step].flatten())
        if step == 0:
            first_logits = logits.detach().clone()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    save_file(dict(tokens=tokens, targets=targets, logits=first_logits, losses=torch.tensor(losses)),
              folder / "expected.safetensors")
    trained = {key: value.detach().contiguous() for key, value in model.named_parameters()}
    save_file(trained, folder / "trained.safetensors", metadata={"format": "pt"})
    print(json.dumps({"case": name, "first_loss": losses[0], "last_loss": losses[-1]}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, case_options in CASES.items():
        record(case, dict(case_options), pathlib.Path(sys.argv[1]) / case)
