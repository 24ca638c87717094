"""A forked process that holds the model and serves nobody: it calls the model itself, on request."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from perfgate.protocols.grpc import OK
from perfgate.server import inference
from perfgate.server.batching import callers
from perfgate.server.predict import ServedModel
from perfgate.server.recorded import Recorded, error_line
from perfgate.server.replica import LOADING_ERRORS, does_not_load, load
from perfgate.server.servable import SignatureRunner
from perfgate.server.stages import StageTimes
from perfgate.server.status import StatusError, invalid
from perfgate.serving.channel import Channel, ChannelClosedError, Message
from perfgate.serving.in_process import HEAD
from perfgate.trials import Method

_METHODS = tuple(Method)


def run(channel: Channel, spec: Message, forked_at_s: float) -> None:
    """Execute perfgate's messages until the channel closes."""
    try:
        model = load(spec)
    except LOADING_ERRORS as error:
        channel.send(does_not_load(spec, error))
        return
    load_time_s = time.monotonic() - forked_at_s
    try:
        recorded = Recorded(model, spec.get("requests_dir"))
    except StatusError as error:
        channel.send({"error": f"the payload does not fit: {error_line(error)}", "remedy": "see `perfgate inspect`"})
        return
    caller = _Caller(model)
    answers: dict[str, Callable[[Message], Message]] = {
        **dict.fromkeys(("execute", "trace", "graph"), recorded.answer),
        "callers": lambda _: {"callers": callers(spec["settings"])},
        "prepare": caller.prepare,
        "loop": caller.loop,
        "call": caller.call,
    }
    try:
        channel.send({"port": 0, "rest_port": None, "load_time_s": load_time_s, "replayed": model.replayed})
        while True:
            message = channel.receive()
            channel.send(answers[message["op"]](message))
    except ChannelClosedError:
        sys.stderr.write("perfgate went away, stopping\n")


class _Caller:
    """Makes calls; those of a series are decoded before it begins."""

    def __init__(self, model: ServedModel) -> None:
        self._model = model
        self._calls: list[tuple[SignatureRunner, Sequence[np.ndarray]]] = []

    def prepare(self, message: Message) -> Message:
        """Decode calls for the next series."""
        self._calls = []
        try:
            self._calls = [
                inference.FEEDS[method][1](self._model, request) for method, request in _requests(message["calls"])
            ]
        except StatusError as error:
            return {"error": error_line(error)}
        return {}

    def loop(self, message: Message) -> Message:
        """Run a loop over the calls; it leaves its records in a file."""
        module, _, name = message["loop"].partition(":")
        loop = getattr(import_module(module), name)  # by name: this package must not import loadgen
        loop(self._run, Path(message["scratch"]), message["arguments"])
        return {}

    def _run(self, number: int) -> tuple[int, str]:
        endpoint, arrays = self._calls[number % len(self._calls)]
        try:
            _, times = self._model.execute(endpoint, arrays)
        except StatusError as error:
            return error.code.value[0], ""
        return OK, times.server_timing()

    def call(self, message: Message) -> Message:
        """Answer one request as a server would."""
        try:
            ((method, request),) = _requests(message["calls"])
            response, _ = _ANSWERS[method](self._model, request)
        except StatusError as error:
            return {"status": error.code.value[0], "message": error_line(error)}
        Path(message["answer"]).write_bytes(response.SerializeToString())
        return {"status": OK, "message": ""}


_ANSWERS: dict[Method, Callable[[ServedModel, Any], tuple[Any, StageTimes]]] = {
    Method.PREDICT: ServedModel.predict,
    Method.CLASSIFY: inference.classify,
    Method.REGRESS: inference.regress,
    Method.MULTI_INFERENCE: inference.multi_inference,
}


def _requests(file: str) -> list[tuple[Method, Any]]:
    """Read the calls that perfgate wrote; StatusError for one that is not a message of its method."""
    data, position, requests = Path(file).read_bytes(), 0, []
    while position < len(data):
        number, length = HEAD.unpack_from(data, position)
        method, position = _METHODS[number], position + HEAD.size
        try:
            requests.append((method, inference.FEEDS[method][0].FromString(data[position : position + length])))
        except DecodeError as error:
            raise invalid(f"no message of {method}") from error
        position += length
    return requests
