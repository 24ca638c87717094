"""Print a SavedModel's own answer to a PredictRequest, in a separate process: `own_numbers.py MODEL` < it."""

from __future__ import annotations

import json
import sys

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2


def main() -> None:
    request = predict_pb2.PredictRequest.FromString(sys.stdin.buffer.read())
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
        signature = loaded.signature_def[request.model_spec.signature_name]
        feeds = {signature.inputs[name].name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        answer = session.run({name: info.name for name, info in signature.outputs.items()}, feeds)
    json.dump({name: np.asarray(array).tolist() for name, array in answer.items()}, sys.stdout)


if __name__ == "__main__":
    main()
