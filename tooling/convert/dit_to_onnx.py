"""Exports a class-conditional diffusion transformer of diffusers to the folder of ONNX files that `images/dit` reads.

    pip install torch diffusers transformers accelerate onnx
    python dit_to_onnx.py facebook/DiT-XL-2-256

writes transformer/model.onnx (with its weights in model.onnx_data, 2.7 GB), vae_decoder/model.onnx, scheduler/scheduler_config.json,
the configurations, and model_index.json with the names of the classes, to ~/.cache/diffusiongym/dit-xl-2-256, where the model looks
for it; --out writes it elsewhere, for the model's option source.

A transformer is exported for one size of latents, its own unless --size says otherwise: the positions of the patches are
numbers in the graph.
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import onnx
import torch

# Beyond this the weights go to a file beside the model; protocol buffers end at 2 GB.
LARGEST = 1_500_000_000


class Transformer(torch.nn.Module):
    """Takes the state, the steps and the classes, and gives the noise and the logarithms of variances."""

    def __init__(self, transformer):
        super().__init__()
        self.transformer = transformer

    def forward(self, hidden_states, timestep, class_labels):
        return self.transformer(hidden_states, timestep=timestep, class_labels=class_labels).sample


class Decoder(torch.nn.Module):
    """Takes latents as the autoencoder has them, and gives images from -1 to 1."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, latent_sample):
        return self.vae.decode(latent_sample).sample


def write_onnx(module, inputs, dynamic, path):
    """Exports a module; the first axis of every input and of the output is the samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        file = str(Path(scratch) / "model.onnx")
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            file,
            input_names=list(inputs),
            output_names=["out_sample"],
            dynamic_axes={**{name: {0: "batch", **axes} for name, axes in dynamic.items()}, "out_sample": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(file)
    size = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
    if size > LARGEST:
        onnx.save(model, str(path), save_as_external_data=True, location="model.onnx_data", size_threshold=1024)
    else:
        onnx.save(model, str(path))


def export(pipe, folder, *, names, size=None):
    """Writes a DiTPipeline as ONNX files; `names` are those of the classes by number, as diffusers' model_index.json has them."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    transformer, vae = pipe.transformer.eval(), pipe.vae.eval()
    channels, size = transformer.config.in_channels, size or transformer.config.sample_size
    latents = torch.randn(2, channels, size, size)
    write_onnx(
        Transformer(transformer),
        {"hidden_states": latents, "timestep": torch.tensor([1, 999]), "class_labels": torch.tensor([0, 1])},
        {"hidden_states": {}, "timestep": {}, "class_labels": {}},
        folder / "transformer" / "model.onnx",
    )
    write_onnx(
        Decoder(vae),
        {"latent_sample": latents},
        {"latent_sample": {2: "height", 3: "width"}},
        folder / "vae_decoder" / "model.onnx",
    )
    transformer.register_to_config(sample_size=size)
    for name, component in (("transformer", transformer), ("vae_decoder", vae), ("scheduler", pipe.scheduler)):
        component.save_config(folder / name)
    index = {
        "_class_name": "DiTPipeline",
        "id2label": {str(number): name for number, name in names.items()},
        **{name: ["diffusers", type(component).__name__] for name, component in pipe.components.items()},
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    from diffusers import DiTPipeline

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="hub id or folder of a DiTPipeline")
    parser.add_argument("--out", type=Path, help="where to; a folder of that name is replaced")
    parser.add_argument("--size", type=int, help="height and width of the latents")
    arguments = parser.parse_args()
    out = arguments.out or cache / "diffusiongym" / Path(arguments.source).name.lower()
    with torch.no_grad():
        pipeline = DiTPipeline.from_pretrained(arguments.source)
        known = DiTPipeline.load_config(arguments.source).get("id2label", {})
        export(pipeline, out, names=known, size=arguments.size)
    print(f"{out}: give it as source")
