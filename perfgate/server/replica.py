"""A forked server process: load, serve, answer control messages, end."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from perfgate.server import grpc_server, warmup_assets
from perfgate.server.batching import callers
from perfgate.server.predict import ServedModel
from perfgate.server.recorded import Recorded, error_line
from perfgate.server.servable import Servable
from perfgate.server.status import StatusError
from perfgate.server.tensorflow_parts import errors
from perfgate.serving.channel import Channel, ChannelClosedError, Message
from perfgate.serving.reasons import load_remedy

LOADING_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, errors.OpError, StatusError)


def run(channel: Channel, spec: Message, forked_at_s: float) -> None:
    """Serve as `spec` says until the channel closes or asks to stop."""
    try:
        served = load(spec)
    except LOADING_ERRORS as error:
        channel.send(does_not_load(spec, error))
        return
    try:
        server, substituted = grpc_server.start(served, spec["host"], spec["port"], callers(spec["settings"]))
        rest_port = _start_rest(served, spec)
        load_time_s = time.monotonic() - forked_at_s
        recorded = Recorded(served, spec.get("requests_dir"))
    except OSError as error:
        channel.send({"error": error_line(error), "remedy": "is it in use? choose another port or host"})
        return
    except StatusError as error:
        channel.send({"error": f"the payload does not fit: {error_line(error)}", "remedy": "see `perfgate inspect`"})
        return
    try:
        times = {"load_time_s": load_time_s, "replayed": served.replayed}
        channel.send({"port": server.port, "rest_port": rest_port, "substituted": substituted, **times})
        while True:
            request = channel.receive()
            if request["op"] == "waited":
                channel.send({"waited_ms": server.take_waited_ns() / 1e6})
            else:
                channel.send(recorded.answer(request))
    except ChannelClosedError:
        sys.stderr.write("perfgate went away, stopping\n")
    server.stop()


def load(spec: Message) -> ServedModel:
    """Load the model on the CPUs and with the threads that `spec` names, and replay its warm-up requests.

    One of LOADING_ERRORS if it is broken.
    """
    settings = spec["settings"]
    if settings["cpus"]:
        os.sched_setaffinity(0, settings["cpus"])
    threads = settings["intra_op_threads"], settings["inter_op_threads"]
    servable = Servable(Path(spec["model_path"]), spec["tags"], *threads, settings["batching"])
    served = ServedModel(spec["model_name"], spec["version"], servable, dict(spec["labels"]))
    return replace(served, replayed=warmup_assets.replay(served, Path(spec["model_path"])))


def does_not_load(spec: Message, error: BaseException) -> Message:
    """Report the error to perfgate."""
    problem = f"{spec['model_path']} does not load: {error_line(error)}"
    if isinstance(error, StatusError):
        return {"error": problem, "remedy": "TF-Serving does not load it either; record its warm-up requests again"}
    return {"error": problem, "remedy": load_remedy(str(error))}


def _start_rest(served: ServedModel, spec: Message) -> int | None:
    if spec["rest_port"] is None:
        return None
    from perfgate.server.rest import server as rest_server  # noqa: PLC0415 - aiohttp, only if needed

    return rest_server.start(served, spec["host"], spec["rest_port"], callers(spec["settings"]))
