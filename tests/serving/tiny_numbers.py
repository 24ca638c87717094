"""Run in a separate process: build a model that makes numbers near 0 into the directory named on the command line."""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf

SIZE = 64
SMALL = 1e-10


class Tiny(tf.Module):  # type: ignore[misc]
    """Products of an input and of weights, which nothing can compute ahead, by several kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = tf.Variable(tf.eye(SIZE) * SMALL)
        self.small, self.large = tf.Variable(SMALL), tf.Variable(1 / SMALL)

    @tf.function(input_signature=[tf.TensorSpec([None, SIZE], tf.float32, "x")])  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> Any:
        """Return products that are near 0 and, multiplied by 1e10 again, need not be; `same` is the input."""
        product = x * self.small
        return {
            "product": product,
            "again": product * self.large,
            "larger": x * self.large,
            "same": tf.identity(x),
            "matmul": tf.matmul(x, self.weight),
            "matmul_again": tf.matmul(x, self.weight) * self.large,
            "total": tf.reduce_sum(x * self.small, 1),
        }


def main() -> None:
    """Build it."""
    module = Tiny()
    tf.saved_model.save(module, sys.argv[1], signatures=module.__call__)


if __name__ == "__main__":
    main()
