"""The PyTorch side of the benchmarks: reads one JSON request a line, answers one JSON line.

Started by peer.mjs with a Python that has torch from PyPI (and diffusers, for the U-Net). It times itself, so that what the
pipe takes counts on neither side.
"""

import json
import math
import resource
import struct
import sys
import time

import torch
from torch import nn


def waves(*shape):
    """Numbers without a pattern, the same on both sides: sin(1.7 i)."""
    return torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * 1.7).float().reshape(shape)


class FilmBlock(nn.Module):
    def __init__(self, inputs, width, condition):
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        self.norm = nn.LayerNorm(width)
        self.film = nn.ModuleDict({"to_scale_shift": nn.Linear(condition, 2 * width)})

    def forward(self, x, condition):
        scale, shift = self.film["to_scale_shift"](condition).chunk(2, dim=-1)
        return nn.functional.silu(self.norm(self.linear(x)) * (1 + scale) + shift)


class MlpFilm(nn.Module):
    def __init__(self, width=256, features=32, condition=48):
        super().__init__()
        self.time_embed = nn.ModuleDict(
            {"mlp": nn.Sequential(nn.Linear(features, condition), nn.SiLU(), nn.Linear(condition, condition))}
        )
        self.blocks = nn.ModuleList([FilmBlock(2, width, condition), FilmBlock(width, width, condition)])
        self.head = nn.Linear(width, 2)
        self.register_buffer(
            "frequencies", torch.exp(-math.log(1000) / (features // 2) * torch.arange(features // 2)), persistent=False
        )

    def forward(self, x, t):
        angles = t[:, None] * 1000 * self.frequencies
        condition = self.time_embed["mlp"](torch.cat([angles.sin(), angles.cos()], dim=1))
        for block in self.blocks:
            x = block(x, condition)
        return self.head(x)


class CnnValue(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.g1 = nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16)
        self.c2, self.g2 = nn.Conv2d(16, 32, 3, padding=1, stride=2), nn.GroupNorm(8, 32)
        self.t = nn.Linear(8, 32)
        self.c3, self.l = nn.Conv2d(32, 32, 3, padding=1, stride=2), nn.Linear(32, 1)

    def forward(self, x, t):
        hidden = nn.functional.silu(self.g1(self.c1(x)))
        hidden = nn.functional.silu(self.g2(self.c2(hidden)))
        angles = t[:, None] * torch.tensor([1.0, 2.0, 3.0, 4.0])
        time_part = self.t(torch.cat([angles.sin(), angles.cos()], dim=1))
        hidden = nn.functional.silu(self.c3(hidden) + time_part[:, :, None, None])
        return self.l(hidden.mean(dim=(2, 3))).squeeze(1)


def unet2d(config):
    from diffusers import UNet2DModel

    class Sample(UNet2DModel):
        def forward(self, x, t):
            return super().forward(x, t).sample

    return Sample(**config)


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    return {
        name: torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=start).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
        for start, end in [entry["data_offsets"]]
    }


class Peer:
    def start(self, threads):
        torch.set_num_threads(threads)
        return {"version": torch.__version__}

    def load(self, network, weights, batch, shape, config=None):
        """A network with the weights of a safetensors file, and a batch of inputs; gives its first outputs."""
        makers = {"mlp_film": MlpFilm, "cnn_value": CnnValue, "unet": lambda: unet2d(config)}
        self.model = makers[network]()
        self.model.load_state_dict(read_safetensors(weights))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        return self.feed(batch, shape)

    def feed(self, batch, shape):
        self.x, self.t = waves(batch, *shape), (torch.arange(batch) + 0.5) / batch
        with torch.no_grad():
            output = self.model(self.x, self.t)
        # Never reached: small gradients would end in denormal numbers, which are slow on both sides.
        self.target = waves(*output.shape)
        return {"output": output.flatten()[:64].tolist()}

    def forward(self):
        with torch.no_grad():
            self.model(self.x, self.t)

    def step(self):
        self.optimizer.zero_grad()
        ((self.model(self.x, self.t) - self.target) ** 2).mean().backward()
        self.optimizer.step()

    def operation(self, operation, batch, channels, out, size):
        """One operator and its gradients, to be run as `single`."""
        x = waves(batch, channels, size, size).requires_grad_()
        if operation == "conv":
            layer = nn.Conv2d(channels, out, 3, padding=1)
        elif operation == "norm":
            layer = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU())
        elif operation == "upsample":
            layer = nn.Upsample(scale_factor=2)
        else:
            layer = lambda x: nn.functional.scaled_dot_product_attention(*[x.flatten(2).mT[:, None]] * 3)  # noqa: E731
        parameters = list(layer.parameters()) if isinstance(layer, nn.Module) else []
        with torch.no_grad():
            cotangent = waves(*layer(x).shape)

        def both():
            torch.autograd.grad(layer(x), [x, *parameters], cotangent)

        self.single = both
        return {}

    def product(self, size):
        """A matrix product, to be run as `single`: what the machine can do at best."""
        a, b = torch.ones(size, size), torch.ones(size, size)
        self.single = lambda: a @ b
        return {}

    def pipeline(self, folder):
        """A pipeline of diffusers from a folder."""
        from diffusers import DDPMPipeline

        self.sampler = DDPMPipeline.from_pretrained(folder)
        self.sampler.set_progress_bar_config(disable=True)
        return {}

    def draw(self, n, steps):
        """Samples of that pipeline, to be run as `single`."""
        self.single = lambda: self.sampler(batch_size=n, num_inference_steps=steps, output_type="np")
        return {}

    def time(self, what, calls):
        """Milliseconds of one call."""
        work = getattr(self, what)
        started = time.perf_counter()
        for _ in range(calls):
            work()
        return {"ms": (time.perf_counter() - started) * 1000 / calls}

    def memory(self):
        """Largest resident set so far, in megabytes."""
        return {"peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


peer = Peer()
for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = getattr(peer, request.pop("do"))(**request)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side has to know
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
