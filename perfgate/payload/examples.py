"""Requests from a TFRecord file of `tf.Example`s, each with `batch_size` rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from perfgate.errors import UsageError
from perfgate.model.interface import Model
from perfgate.model.messages import Example
from perfgate.payload.requests import (
    METHOD_OF,
    example_signature,
    examples_call,
    inputs_shown,
    predict_call,
    predict_signature,
)
from perfgate.payload.tfrecord import read_records
from perfgate.scenario.schema import Payload
from perfgate.trials import Call, Method


def example_calls(file: Path, model: Model, spec: Payload, model_name: str) -> Iterator[Call]:
    """Make up to `spec.distinct` requests of `spec.batch_size` examples; a remainder at the end is not sent.

    `predict` sends them serialized, in the signature's single string input. UsageError, naming file and record, if the
    file is damaged, does not hold one whole request, or the signature takes no examples.
    """
    method = METHOD_OF[spec.method]
    if method is Method.PREDICT:
        signature = predict_signature(model, spec.signature)
        if [tensor.dtype for tensor in signature.inputs] != ["string"]:
            problem = f"signature {signature.key} of {model.given} does not take serialized tf.Examples"
            raise UsageError(f"{problem}: {inputs_shown(signature)}", "choose one with a single string input")
    else:
        signature = example_signature(model, spec.signature, method)
    for first, batch in _batches(file, spec):
        where = f"{file}: records {first} to {first + len(batch) - 1}"
        if method is Method.PREDICT:
            array = np.empty(len(batch), object)
            array[:] = batch
            yield predict_call(signature, {signature.inputs[0].name: array}, model_name, where)
        else:
            examples = [Example.FromString(record) for record in batch]
            yield examples_call(method, signature.key, examples, None, model_name, where)


def _batches(file: Path, spec: Payload) -> Iterator[tuple[int, list[bytes]]]:
    """Return whole batches, each with the number of its first record."""
    records = enumerate(read_records(file), start=1)
    for index in range(spec.distinct):
        numbered = list(islice(records, spec.batch_size))
        if index == 0 and 0 < len(numbered) < spec.batch_size:
            problem = f"{file} contains {len(numbered)} examples, fewer than payload.batch_size = {spec.batch_size}"
            raise UsageError(problem, f"lower payload.batch_size to {len(numbered)}, or add more")
        if len(numbered) < spec.batch_size:
            return
        for number, record in numbered:
            _check(record, f"{file}: record {number}")
        yield numbered[0][0], [record for _, record in numbered]


def _check(record: bytes, where: str) -> None:
    """Tell examples from other messages; a `tf.SequenceExample` has its context's features in the same field."""
    try:
        is_example = not record or Example.FromString(record).HasField("features")
    except DecodeError:
        is_example = False
    if not is_example:
        raise UsageError(f"{where} is not a tf.Example", 'logged requests are source = "prediction_log"')
