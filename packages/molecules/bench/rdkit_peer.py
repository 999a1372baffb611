"""The Python side of bench/rewards.mjs: reads one JSON request a line, answers one JSON line, and times itself.

Started with a Python that has rdkit from PyPI. Molecules are built and judged as the Python reference does it: atom by atom
with explicit hydrogens, sanitised without adjusting hydrogens, QED of the result.
"""

import json
import sys
import time

import rdkit
from rdkit import Chem, RDLogger
from rdkit.Chem import QED

RDLogger.DisableLog("rdApp.*")
ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE, "aromatic": Chem.BondType.AROMATIC}


def build(graph):
    mol = Chem.RWMol()
    for element, charge in zip(graph["elements"], graph["charges"]):
        atom = Chem.Atom(element)
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
        mol.AddAtom(atom)
    for a, b, order in graph["bonds"]:
        mol.AddBond(a, b, ORDERS[order])
        if order == "aromatic":
            mol.GetAtomWithIdx(a).SetIsAromatic(True)
            mol.GetAtomWithIdx(b).SetIsAromatic(True)
            mol.GetBondBetweenAtoms(a, b).SetIsAromatic(True)
    return mol.GetMol()


def valid(mol):
    if Chem.SanitizeMol(mol, Chem.SANITIZE_ALL ^ Chem.SANITIZE_ADJUSTHS, catchErrors=True) != Chem.SANITIZE_NONE:
        return False
    return len(Chem.GetMolFrags(mol)) == 1


def measure(graphs, qed):
    total = 0.0
    for graph in graphs:
        mol = build(graph)
        if valid(mol):
            total += QED.qed(mol) if qed else 1
    return total


graphs = []
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "start":
        graphs = request["graphs"]
        print(json.dumps({"version": rdkit.__version__}), flush=True)
    else:
        started = time.perf_counter()
        total = measure(graphs, request["do"] == "qed")
        print(json.dumps({"ms": 1000 * (time.perf_counter() - started), "total": total}), flush=True)
