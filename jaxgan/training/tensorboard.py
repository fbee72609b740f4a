"""Event files for TensorBoard, written by tensorboardX, which needs no TensorFlow."""

import os
import secrets
import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from jaxgan.training.log_entry import Entry, Histogram

EVENT_FILES = "events.out.tfevents.*"


class TensorBoardLog:
    """The event file of a run. Each start writes a new one, and empties the one before.

    It writes in the thread that calls it, so that an error, as of a full disk, is the run's.
    """

    def __init__(self, folder: Path, seconds: float):
        """Creates the event file.

        Args:
          seconds: how long the run has trained before; times are as if it had done so just now.
        """
        # The package is an extra: `config.packages` has checked that it is there.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2

        folder.mkdir(exist_ok=True)
        before = list(folder.glob(EVENT_FILES))
        self._started = time.time() - seconds
        # A name of its own also for a second start within one second.
        self._file = EventsWriter(str(folder / "events"), f".{secrets.token_hex(4)}")
        # A TensorBoard that shows the run at this moment then forgets what it has read.
        restart = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._file.write_event(
            event_pb2.Event(wall_time=self._started, step=0, session_log=restart)
        )
        for path in before:
            # It would never leave a file that it reads and that is gone, so one stays, empty.
            if path.stat().st_size:
                os.truncate(path, 0)
            else:
                path.unlink()

    def write(self, entry: Entry) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=k, simple_value=v) for k, v in entry.scalars.items()]
        values += [
            Summary.Value(tag=name, histo=_histogram_proto(found))
            for name, found in entry.histograms.items()
        ]
        if entry.grid:
            values.append(Summary.Value(tag="samples", image=_image_proto(entry.grid)))
        time_of_step = self._started + entry.seconds
        summary = Summary(value=values)
        self._file.write_event(Event(wall_time=time_of_step, step=entry.step, summary=summary))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _histogram_proto(histogram: Histogram) -> Any:
    from tensorboardX.proto.summary_pb2 import HistogramProto

    bins = len(histogram.counts)
    edges = np.linspace(histogram.low, histogram.high, bins + 1)
    return HistogramProto(
        min=histogram.low,
        max=histogram.high,
        num=sum(histogram.counts),
        sum=histogram.sum,
        sum_squares=histogram.sum_squares,
        bucket_limit=edges[1:].tolist(),
        bucket=histogram.counts,
    )


def _image_proto(path: Path) -> Any:
    from tensorboardX.proto.summary_pb2 import Summary

    with PIL.Image.open(path) as image:
        width, height = image.size
        channels = len(image.getbands())
    png = path.read_bytes()
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=png)
