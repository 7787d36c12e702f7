"""Frames into an mp4 file, through the ffmpeg that comes with imageio-ffmpeg.

We run that ffmpeg ourselves rather than through imageio's generator: a KeyboardInterrupt inside the generator kills
ffmpeg, and it does not tell when ffmpeg fails at the end, on a full disk.

A killed movie can be played: it is written in fragments of one frame each, and becomes an ordinary mp4 when it ends
well. A kill of ffmpeg costs the frames that ffmpeg still holds, about 20; a kill of us alone costs what waits here.

A file that already has the name stays until the new movie is whole: a piece of one is worth less.
"""

from __future__ import annotations

import functools
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

import imageio_ffmpeg
import numpy as np

from ..errors import UserError
from ..files import check_folder, clear_parts, new_part, put_in_place, write_errors
from ..snapshot import Bytes

# What becomes of the colours: every player wants the first, which smears the colour of thin lines; some cannot play
# the second; few can play the third, which keeps every byte.
COLOURS = {
    "yuv420p": ["-vcodec", "libx264", "-pix_fmt", "yuv420p"],
    "yuv444p": ["-vcodec", "libx264", "-pix_fmt", "yuv444p"],
    "lossless": ["-vcodec", "libx264rgb", "-pix_fmt", "rgb24"],
}
QUALITY = 16  # of x264: 0 is without loss, 51 the worst
WAITING = 8  # frames that may wait for ffmpeg; whoever makes more, waits too
LARGEST = 16_384  # pixels along a side: what H.264 can hold
SLOWEST, FASTEST = 0.01, 1000  # frames a second


@functools.cache
def fragments() -> str:
    """The flags for a file that survives its writer; the second best where ffmpeg is too old for the best."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-h", "muxer=mp4"]
    known = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    best = "hybrid_fragmented" if "hybrid_fragmented" in known else "empty_moov"
    return f"{best}+frag_every_frame"


class VideoWriter:
    """Give it frames (height, width, 3) of bytes, all of one size, then close it; or use it as a context.

    A thread of its own feeds ffmpeg. An error in it is raised from the next `write`, or from `close`.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: float = 30,
        colours: str = "yuv420p",
        quality: int = QUALITY,
    ):
        self.path = Path(path)
        check_folder(self.path)
        if colours not in COLOURS:
            raise UserError(f"The colours of a movie are one of {', '.join(COLOURS)}, not {colours!r}.")
        if not 1 <= min(width, height) <= max(width, height) <= LARGEST:
            raise UserError(f"A movie has between 1 and {LARGEST} pixels along a side, not {width}x{height}.")
        if not SLOWEST <= fps <= FASTEST:
            raise UserError(f"A movie shows {SLOWEST} to {FASTEST} frames a second, not {fps:g}.")
        clear_parts(self.path.parent)
        self._part: BinaryIO | None
        # Beside an old file, which may be all that will be left; else at once under the name, where a kill leaves it.
        self._into, self._part = self.path, None
        if self.path.is_file():
            self._into, self._part = new_part(self.path)
        self._size = height, width
        self._even = height + height % 2, width + width % 2  # yuv420p shares colours among 2 × 2 pixels
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the movie
        # fmt: off
        self._command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{self._even[1]}x{self._even[0]}", "-r", f"{fps:g}",
            "-i", "-", "-an", *COLOURS[colours], "-crf", "0" if colours == "lossless" else str(quality),
            # Key frames every two seconds, and a short look ahead: what ffmpeg holds is lost if it is killed.
            "-g", str(max(1, round(2 * fps))), "-rc-lookahead", "10", "-bf", "2",
            "-movflags", fragments(), "-flush_packets", "1",
            "-f", "mp4", f"file:{self._into}",  # said so, "a:b.mp4" is a file and no protocol
        ]
        # fmt: on
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            **_apart(),
        )
        self._frames: queue.Queue[Bytes | None] = queue.Queue(WAITING)
        self._failed = threading.Event()
        self._written = 0
        self._closed = False
        self._thread = threading.Thread(target=self._feed, name="movie", daemon=True)
        self._thread.start()

    def write(self, frame: Bytes) -> None:
        """Add a frame; waits while too many are waiting already."""
        if frame.shape != (*self._size, 3) or frame.dtype != np.uint8:
            raise ValueError(f"a frame of {frame.dtype} {frame.shape} does not fit into {self._size}")
        missing = [(0, even - size) for even, size in zip(self._even, self._size, strict=True)]
        padded = np.pad(frame, [*missing, (0, 0)], mode="edge")  # also a copy: the caller may draw on
        if self._closed:
            raise ValueError("the movie is closed")
        if not self._put(padded):
            self.close()  # says why

    def close(self) -> None:
        """Finish the movie. Safe to call twice."""
        self._end(whole=True)

    def _end(self, whole: bool) -> None:
        """What is not `whole` takes no other file's place."""
        if self._closed:
            return
        self._closed = True
        try:
            with write_errors(self.path):
                self._wait()
                if not self._written:
                    self._into.unlink(missing_ok=True)  # an mp4 without a frame is not one
                elif whole and self._part is not None:
                    put_in_place(self._into, self._part, self.path)
        finally:
            if self._part is not None:
                self._part.close()
                self._into.unlink(missing_ok=True)

    def _wait(self) -> None:
        """For the last frame, and for ffmpeg."""
        self._put(None)
        self._thread.join()
        code = self.process.wait()
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").strip().splitlines()
        self._complaints.close()
        if code or self._failed.is_set():
            reason = said[-1].rstrip(".") if said else "ffmpeg was stopped"
            raise UserError(f"{self.path} cannot be written: {reason}.")

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            self._end(whole=kind is None)
        except UserError:
            if kind is None or kind is UserError:
                raise

    def _put(self, frame: Bytes | None) -> bool:
        """Hand a frame over; False if ffmpeg is gone."""
        while not self._failed.is_set():
            try:
                self._frames.put(frame, timeout=0.2)
                return True
            except queue.Full:
                continue  # look again whether ffmpeg still lives
        return False

    def _feed(self) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        try:
            while (frame := self._frames.get()) is not None:
                stdin.write(np.ascontiguousarray(frame).data)
                self._written += 1
        except OSError:  # ffmpeg went away
            self._failed.set()
        finally:
            try:
                stdin.close()
            except OSError:
                self._failed.set()


def _apart() -> dict[str, Any]:
    """ffmpeg in a process group of its own: Ctrl-C in the terminal is for us, and we finish the movie."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"process_group": 0}
