"""REST requests with TF-Serving's answers, and the place in its sources that determines each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_UTIL, _SERVER = "tensorflow_serving/util", "tensorflow_serving/model_servers"
API = "tensorflow_serving/g3doc/api_rest.md"
JSON = f"{_UTIL}/json_tensor.cc"
JSON_TEST = f"{_UTIL}/json_tensor_test.cc"
HANDLER = f"{_SERVER}/http_rest_api_handler.cc"
HANDLER_UTIL = f"{_SERVER}/http_rest_api_util.cc"
PREDICT = "tensorflow_serving/servables/tensorflow/predict_util.cc"
CLASSIFIER = "tensorflow_serving/servables/tensorflow/classifier.cc"
REGRESSOR = "tensorflow_serving/servables/tensorflow/regressor.cc"
STATUS = "tensorflow_serving/model_servers/get_model_status_impl.cc"


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `body` is sent unchanged if it is text."""

    source: str
    name: str
    body: Any
    answer: Any = None
    """The whole JSON of a successful answer."""
    words: str = ""
    """Required part of an error; empty: a successful answer."""
    status: int = 400
    """Status of an error."""
    path: str = "small:predict"
    method: str = "POST"
    model: str = "signatures"


FLAT, BYTES = "half_plus_two", {"b64": "/w=="}
KINDS = {"flag": [True], "small": [0], "whole": [0], "wide": [0.0]}
