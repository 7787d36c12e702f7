"""Say anew what finds the pictures again that a model learnt from; its weights stay as they are, to the bit.

python scripts/relabel_model.py assets/models/photographs.safetensors cifar10 [--called NAME]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalefree_studio.storage.tensors import read_tensors, write_tensors


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("spec", help="a name of a data set, or a path")
    parser.add_argument("--called", help="what its pictures are called, if not as their data set")
    arguments = parser.parse_args()
    for path in arguments.models:
        arrays, about = read_tensors(path)
        write_tensors(path, arrays, relabelled(about, arguments.spec, arguments.called or arguments.spec))


def relabelled(about: Mapping[str, Any], spec: str, name: str) -> dict[str, Any]:
    """The same of the networks of a cascade's stages, and of the codec that it carries."""
    found = {**about, "dataset": {**about["dataset"], "spec": spec, "name": name}}
    found.pop("validation", None)
    for stage in found.get("stages", ()):
        stage["about"] = relabelled(stage["about"], spec, name)
    codec = found.get("codec")
    if codec and "dataset" in codec["about"]:
        codec["about"] = relabelled(codec["about"], spec, name)
    return found


if __name__ == "__main__":
    main()
