"""Send a request to a TF-Serving server, run the same SavedModel in this process, and compare the outputs.

Uses TF-Serving's own stubs and no part of perfgate, and so shows what any client of that protocol sees.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

RELATIVE_TOLERANCE = 1e-5
TIMEOUT_S = 30.0
SIGNATURE = "serving_default"
WORDS = np.array(["US", "GB", "DE", "FR", "IN", "BR", "JP", "NG", "elsewhere"], dtype=object)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what TensorFlow's libraries write to stderr; Python errors are raised, so none of them are lost."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # not enough alone: lines written before the logger starts ignore it
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


with quiet():
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

Arrays = dict[str, Any]


def random_array(spec: Any, batch: int, rng: np.random.Generator) -> Any:  # noqa: ANN401 - protobuf, numpy
    """Return a random array for one input of the signature; unknown dimensions get the batch size."""
    shape = [batch if dim.size < 0 else dim.size for dim in spec.tensor_shape.dim]
    dtype = tf.dtypes.as_dtype(spec.dtype)
    if dtype == tf.string:
        return rng.choice(WORDS, size=shape)
    if dtype.is_integer or dtype.is_bool:
        return rng.integers(2 if dtype.is_bool else 100, size=shape).astype(dtype.as_numpy_dtype)
    return rng.normal(size=shape).astype(dtype.as_numpy_dtype)


def in_process(model: Path, batch: int, seed: int) -> tuple[Arrays, Arrays]:
    """Load the model as TF-Serving does and run it once; return the generated inputs and the outputs.

    Uses one thread, as `perfgate serve` does: on some processors several threads add in a different order, which
    changes the rounding.
    """
    rng = np.random.default_rng(seed)
    one_thread = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    with tf.compat.v1.Session(graph=tf.Graph(), config=one_thread) as session:
        tf.compat.v1.logging.set_verbosity("ERROR")
        signature = tf.compat.v1.saved_model.load(session, ["serve"], str(model)).signature_def[SIGNATURE]
        inputs = {name: random_array(spec, batch, rng) for name, spec in sorted(signature.inputs.items())}
        fetches = {name: spec.name for name, spec in signature.outputs.items()}
        return inputs, session.run(fetches, {signature.inputs[name].name: inputs[name] for name in inputs})


def over_grpc(address: str, name: str, inputs: Arrays) -> Arrays:
    """Send one Predict request and return its outputs; RpcError if the server rejects it."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = name, SIGNATURE
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    with grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)]) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(request, timeout=TIMEOUT_S, wait_for_ready=True)
    return {key: tf.make_ndarray(value) for key, value in response.outputs.items()}


def largest_difference(ours: Any, theirs: Any) -> tuple[float, bool]:  # noqa: ANN401 - numpy
    """Return the largest absolute difference, and whether it is within tolerance relative to the largest value."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return np.inf, False
    if not np.issubdtype(ours.dtype, np.number):
        same = bool((ours == theirs).all())
        return (0.0 if same else np.inf), same
    difference = float(np.abs(ours - theirs).max(initial=0.0))
    return difference, difference <= RELATIVE_TOLERANCE * float(np.abs(ours).max(initial=0.0))


@click.command()
@click.argument("address", metavar="HOST:PORT")
@click.option("--model", type=click.Path(path_type=Path, exists=True), required=True, help="The SavedModel served.")
@click.option("--payload", "batch", default=8, show_default=True, metavar="BATCH", help="Examples in the request.")
@click.option("--name", default="default", show_default=True, help="Name the server gives the model.")
@click.option("--seed", default=1, show_default=True)
def main(address: str, model: Path, batch: int, name: str, seed: int) -> None:
    """Send one seeded random request to HOST:PORT and compare with a call in this process; exit 1 if they differ."""
    with quiet():
        inputs, expected = in_process(model, batch, seed)
    try:
        answered = over_grpc(address, name, inputs)
    except grpc.RpcError as error:
        raise click.ClickException(f"{address}: {error.code().name}: {error.details()}") from error
    agree = answered.keys() == expected.keys()
    for key in sorted(answered.keys() & expected.keys()):
        difference, within = largest_difference(expected[key], answered[key])
        click.echo(f"{key} {expected[key].shape}: max abs difference {difference:.3g}")
        agree &= within
    click.echo("equal" if agree else "DIFFERENT")
    raise SystemExit(0 if agree else 1)


if __name__ == "__main__":
    main()
