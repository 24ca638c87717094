"""Run in a separate process: write records with TensorFlow, and read ours with it.

Takes a folder; writes `example[.gz]` and `log[.gz]` into it, reads `ours[.gz]`, and prints its records in hex as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

COMPRESSIONS = {"": None, ".gz": "GZIP"}


def example(number: int) -> bytes:
    """Make an example with a feature of each kind."""
    features = {
        "ids": tf.train.Feature(int64_list=tf.train.Int64List(value=[number, -1])),
        "dense": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
        "country": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"DE"])),
    }
    data: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return data


def log(number: int) -> bytes:
    """Make a log of a request."""
    found = prediction_log_pb2.PredictionLog()
    request = found.predict_log.request
    request.model_spec.name, request.model_spec.version.value = "theirs", 3
    request.inputs["ids"].CopyFrom(tf.make_tensor_proto([[number, 2]], tf.int64))
    request.inputs["country"].CopyFrom(tf.make_tensor_proto(["DE"]))
    data: bytes = found.SerializeToString()
    return data


def main(folder: Path) -> None:
    """Write TensorFlow's records, and read ours."""
    for suffix, compression in COMPRESSIONS.items():
        for kind, make in (("example", example), ("log", log)):
            with tf.io.TFRecordWriter(str(folder / f"{kind}{suffix}"), compression) as writer:
                for number in range(6):
                    writer.write(make(number))
    read = {
        suffix: [
            record.hex()
            for record in tf.data.TFRecordDataset(str(folder / f"ours{suffix}"), compression).as_numpy_iterator()
        ]
        for suffix, compression in COMPRESSIONS.items()
    }
    json.dump(read, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
