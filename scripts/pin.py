"""Resolve every dependency afresh and write constraints.txt (`make pins`).

The pins must serve every build of torch. So its local tag (`+cpu`, `+cu130`) is dropped, and the CUDA packages,
which each build names exactly by itself, are left out.

    python scripts/pin.py [torch==2.13.0 ...]      requirements to hold while resolving
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUDA = ("nvidia-", "cuda-", "triton")
HEADER = """\
# The versions that the studio is tested with. Written by `make pins`; do not edit by hand.
# torch carries no local tag and the CUDA packages are unlisted, so that CPU and CUDA builds both resolve.
"""


def resolve(hold: list[str]) -> dict[str, str]:
    """Name → version of all that the project and its extras need, found without installing anything."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = itertools.chain(*project["optional-dependencies"].values())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command = [*pip, "--report", "-", *project["dependencies"], *extras, *hold]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found = [item["metadata"] for item in report["install"]]
    return {item["name"]: item["version"].partition("+")[0] for item in found}


def main() -> None:
    pins = resolve(sys.argv[1:])
    names = [name for name in sorted(pins, key=str.lower) if not name.lower().startswith(CUDA)]
    (ROOT / "constraints.txt").write_text(HEADER + "".join(f"{name}=={pins[name]}\n" for name in names))
    print(f"constraints.txt: {len(names)} pins")


if __name__ == "__main__":
    main()
