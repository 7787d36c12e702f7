"""What tests of trackers share: a fresh start, and how metrics.jsonl and the stand-in for TensorBoard are read."""

import json
import sys
from pathlib import Path

from scalefree_studio.storage.metrics_lines import LINES
from scalefree_studio.storage.trackers import NAMES

SETTINGS = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT")


def forget():
    for name in NAMES:
        sys.modules.pop(f"scalefree_studio.storage.tracker_{name}", None)


def lines(folder):
    return [json.loads(line) for line in (Path(folder) / LINES).read_text().splitlines()]


def read_fake_tensorboard(writers, folder):
    """Tag → (step, value), in the order in which they were written."""
    read = {}
    for writer in writers:
        assert writer.folder == str(folder / "tensorboard") and writer.closed
        for event in writer.events:
            if hasattr(event, "session_log"):  # purges what was further than this
                read = {tag: [v for v in values if v[0] < event.step] for tag, values in read.items()}
                continue
            for value in event.summary.value:
                said = getattr(value, "simple_value", None)
                if hasattr(value, "image"):
                    said = value.image.encoded_image_string
                elif hasattr(value, "tensor"):
                    assert value.metadata.plugin_data.plugin_name == "text"
                    said = value.tensor.string_val[0]
                read.setdefault(value.tag, []).append((event.step, said))
    return read
