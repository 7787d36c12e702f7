"""TensorBoard: event files in the run folder.

They are written with TensorBoard's own writer, as torch's SummaryWriter does: storage has no torch.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from typing import Any

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from ..snapshot import Bytes, Change
from .history import Measured
from .tracker import SAMPLES, Begin, numbers_of, text_of

FOLDER = "tensorboard"
RGB = 3  # what the format calls it
TEXT = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))


class TensorBoard:
    name = "tensorboard"

    def __init__(self, begin: Begin):
        self._writer: Any = EventFileWriter(str(begin.folder / FOLDER))
        if begin.step:  # what a killed run still measured beyond this step is measured again
            start = SessionLog(status=SessionLog.START)
            self._writer.add_event(Event(wall_time=time.time(), step=begin.step + 1, session_log=start))
        self._say("controls", json.dumps(dict(begin.controls), indent=1), begin.step)
        self._writer.flush()

    def measured(self, measured: Measured) -> None:
        self._scalars(measured.metrics, measured.step)

    def changed(self, change: Change) -> None:
        self._scalars(numbers_of(change), change.step)
        self._say("changed", text_of(change), change.step)

    def pictured(self, step: int, picture: Bytes) -> None:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        height, width = picture.shape[:2]
        image = Summary.Image(
            height=height, width=width, colorspace=RGB, encoded_image_string=file.getvalue()
        )
        self._add([Summary.Value(tag=SAMPLES, image=image)], step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _scalars(self, values: Mapping[str, float], step: int) -> None:
        self._add([Summary.Value(tag=n, simple_value=v) for n, v in values.items()], step)

    def _say(self, tag: str, text: str, step: int) -> None:
        """Text is shown as Markdown; indented, it stays as it is."""
        lines = "\n".join(f"    {line}" for line in text.splitlines())
        one = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype="DT_STRING", string_val=[lines.encode()], tensor_shape=one)
        self._add([Summary.Value(tag=f"{tag}/text_summary", metadata=TEXT, tensor=tensor)], step)

    def _add(self, values: list[Any], step: int) -> None:
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))


Service = TensorBoard
