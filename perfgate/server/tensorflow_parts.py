"""The parts of TensorFlow that serve a model, imported from their defining modules (see `namespace`)."""

from __future__ import annotations

from tensorflow.core.protobuf.config_pb2 import CallableOptions, ConfigProto, RunMetadata, RunOptions
from tensorflow.python.client.session import Session
from tensorflow.python.framework import dtypes, errors
from tensorflow.python.framework.ops import Graph
from tensorflow.python.framework.tensor_util import MakeNdarray, make_tensor_proto
from tensorflow.python.lib.io.tf_record import tf_record_iterator
from tensorflow.python.ops.array_ops import placeholder
from tensorflow.python.ops.batch_ops import batch_function as nondifferentiable_batch_function
from tensorflow.python.ops.script_ops import numpy_function
from tensorflow.python.saved_model import signature_constants
from tensorflow.python.saved_model.loader_impl import load

make_ndarray = MakeNdarray

__all__ = [
    "CallableOptions",
    "ConfigProto",
    "Graph",
    "RunMetadata",
    "RunOptions",
    "Session",
    "dtypes",
    "errors",
    "load",
    "make_ndarray",
    "make_tensor_proto",
    "nondifferentiable_batch_function",
    "numpy_function",
    "placeholder",
    "signature_constants",
    "tf_record_iterator",
]
