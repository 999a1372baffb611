"""Converts a checkpoint of FlowMol v0.2 (PyTorch Lightning) to the safetensors file that diffusiongym reads.

    python tooling/convert/flowmol_checkpoint.py qm9_gaussian/checkpoints/model.ckpt flowmol_qm9.safetensors \
        --histogram train_data_n_atoms_histogram.pt

Needs Python with torch and safetensors from PyPI; FlowMol itself is not needed. The parameters keep their names, without the
prefix `vector_field.`. What the checkpoint says of the network, its schedules and its atoms goes into the metadata, and so does
the histogram of atom counts if it is given (a pair of tensors, counts and frequencies, in FlowMol's folder data/qm9 or
data/geom); without it a normal law stands in.

A checkpoint is a pickle, and a pickle can run code. It is read without running any unless --trust is given, which checkpoints
that carry objects of their own need; then only use files whose origin you know.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file

prefix = "vector_field."

names = {
    "n_hidden_scalars": "nodeScalars",
    "n_hidden_edge_feats": "edgeScalars",
    "n_vec_channels": "vectors",
    "n_cp_feats": "crossProducts",
    "n_molecule_updates": "updates",
    "convs_per_update": "convolutionsPerUpdate",
    "n_message_gvps": "messagePerceptrons",
    "n_update_gvps": "nodePerceptrons",
    "rbf_dim": "radialFunctions",
    "rbf_dmax": "radialRange",
    "message_norm": "messageNorm",
}
features = {"x": "positions", "a": "atomTypes", "c": "charges", "e": "bonds"}


def read(path, trust):
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust)
    except Exception as error:
        if trust:
            raise
        raise SystemExit(f"{path} could not be read without running its code: {error}\nAdd --trust if you know its origin.")


def describe(hyper):
    """The network in diffusiongym's words; parts that the checkpoint does not say are left out."""
    described = {}
    field = hyper.get("vector_field_config")
    if field and hyper.get("atom_type_map"):
        if field.get("n_recycles", 1) != 1 or not field.get("separate_mol_updaters", False):
            raise SystemExit("Only networks with separate updaters and without recycling can be converted.")
        if not field.get("update_edge_w_distance", False) or hyper.get("exclude_charges", False):
            raise SystemExit("Only networks that update edges with distances, and have charges, can be converted.")
        described["configuration"] = {
            "atoms": list(hyper["atom_type_map"]),
            "chargeChannels": int(hyper.get("n_atom_charges", 6)),
            "bondChannels": int(hyper.get("n_bond_types", 5)),
            **{ours: field[theirs] for theirs, ours in names.items() if theirs in field},
        }
    schedule = hyper.get("interpolant_scheduler_config", {})
    kinds = schedule.get("schedule_type", "cosine")
    kinds = set(kinds.values()) if isinstance(kinds, dict) else {kinds}
    if schedule.get("cosine_params"):
        if kinds != {"cosine"}:
            raise SystemExit(f"Only cosine schedules can be converted; this model has {', '.join(sorted(kinds))}.")
        described["schedule"] = {ours: float(schedule["cosine_params"][theirs]) for theirs, ours in features.items()}
    if hyper.get("parameterization", "endpoint") != "endpoint":
        raise SystemExit(f"Only endpoint models can be converted; this one is of the kind {hyper['parameterization']}.")
    return described


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--histogram", type=pathlib.Path, help="counts and frequencies of atoms, as FlowMol stores them")
    parser.add_argument("--trust", action="store_true", help="run code that the checkpoint may hold")
    arguments = parser.parse_args()

    checkpoint = read(arguments.checkpoint, arguments.trust)
    tensors = {
        name.removeprefix(prefix): value.float().contiguous()
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(prefix) and value.numel() > 0  # dropout carries an empty parameter
    }
    if not tensors:
        raise SystemExit(f"{arguments.checkpoint} holds no tensor whose name starts with {prefix}; it is no FlowMol checkpoint.")
    described = describe(checkpoint.get("hyper_parameters", {}))
    if arguments.histogram:
        counts, frequencies = read(arguments.histogram, arguments.trust)
        described["atomCounts"] = {"counts": counts.tolist(), "weights": frequencies.tolist()}
    temporary = arguments.output.with_suffix(".partial")
    save_file(tensors, temporary, metadata={"flowmol": json.dumps(described)})
    temporary.replace(arguments.output)
    total = sum(value.numel() for value in tensors.values())
    print(f"wrote {len(tensors)} tensors, {total} parameters, to {arguments.output}; it says {', '.join(described) or 'nothing'} of itself")


if __name__ == "__main__":
    main()
