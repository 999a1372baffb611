"""Converts the head of LAION's aesthetic predictor from a PyTorch file to the safetensors file that `images/aesthetic` reads.

    pip install torch safetensors
    python aesthetic_head.py sa_0_4_vit_l_14_linear.pth

The PyTorch file is in the repository LAION-AI/aesthetic-predictor on GitHub, under that name (for CLIP ViT-L/14). The result is
written to ~/.cache/diffusiongym/aesthetic_head.safetensors, where the reward looks for it; --out writes it elsewhere, for the
reward's option headSource. The predictor of christophschuhmann/improved-aesthetic-predictor
(sac+logos+ava1-l14-linearMSE.pth) is converted in the same way: it has several linear layers and nothing between them, which are
one linear map.

The file has two tensors, `weight` [1, d] and `bias` [1], d being the length of CLIP's image embedding (768 for ViT-L/14):
score = weight . e / |e| + bias.
"""

import argparse
import os
import re
from pathlib import Path

import torch
from safetensors.torch import save_file


def convert(state):
    """The one linear map that the linear layers of a state dict are, one after the other."""
    names = [name[: -len("weight")] for name in state if name.endswith("weight")]
    others = set(state) - {name + end for name in names for end in ("weight", "bias")}
    if not names or others:
        raise SystemExit(f"These are no linear layers alone: {', '.join(sorted(state))}.")
    weight, bias = None, None
    for name in sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)]):
        layer, offset = state[name + "weight"].double(), state[name + "bias"].double()
        weight, bias = (layer, offset) if weight is None else (layer @ weight, layer @ bias + offset)
    if weight.shape[0] != 1:
        raise SystemExit(f"The last layer gives {weight.shape[0]} numbers; a score is one.")
    return {"weight": weight.float().contiguous(), "bias": bias.float().contiguous()}


if __name__ == "__main__":
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the PyTorch file")
    parser.add_argument("--out", type=Path, default=cache / "diffusiongym" / "aesthetic_head.safetensors")
    arguments = parser.parse_args()
    # weights_only: of a pickle nothing but tensors is read.
    head = convert(torch.load(arguments.source, map_location="cpu", weights_only=True))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(head, arguments.out)
    print(f"{arguments.out}: a score of embeddings of {head['weight'].shape[1]} numbers")
