"""What tests of commands share."""

import contextlib
import json
import os
import time
from pathlib import Path

from scalefree_studio.errors import UserError
from scalefree_studio.storage.run_folder import RunFolder

HERE = str(Path(__file__).parent.parent)
ALONE = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": HERE}


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def wait_until(condition, process):
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    raise AssertionError("it never happened")


def recorded(run):
    """How many frames of a run there are; none while its history is just being made."""
    with contextlib.suppress(UserError), RunFolder(run).history() as history:
        return len(history)
    return 0
