"""The causes that perfgate knows: one row each, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CauseKind:
    """One row of the table."""

    code: str
    """Stable word for programs."""
    meaning: str
    """What it is, in one sentence, for the docs."""
    shown_by: str
    """What is measured or found that shows it, for the docs."""
    remedy: str


# fmt: off
CAUSES: tuple[CauseKind, ...] = (
    CauseKind(
        "python function", "The graph calls back into Python.",
        "PyFunc, EagerPyFunc or PyFuncStateless in what the signature runs; the model does not load.",
        "write it with TensorFlow's operations: no server of TensorFlow can run a Python function",
    ),
    CauseKind(
        "server settings", "Both versions were served with different settings.",
        "Threads, batching or CPUs that differ between the arms.",
        "serve both with the same settings, or expect this change: it is of the runtime, not of the model",
    ),
    CauseKind(
        "training mode", "Operations that only training needs run at each request.",
        "Random operations (dropout), or batch normalisation with is_training, among those that were added.",
        "export the model for inference: call it with training=False",
    ),
    CauseKind(
        "loop", "A loop runs operations for one example after the other.",
        "Operations of a loop among those that were added, executed several times a request.",
        "replace map_fn or while_loop by operations on the whole batch (or vectorized_map)",
    ),
    CauseKind(
        "string ops", "Text is processed at each request.",
        "Operations on strings, lookups or parsing among those that were added.",
        "prepare the text outside of the model, or look words up with fewer operations",
    ),
    CauseKind(
        "dtype widened", "Operations compute with a wider type than before.",
        "The same operations with float64 (or int64) where it was float32 (or int32), and casts.",
        "cast the inputs, and keep weights and constants in float32; numpy makes float64 by default",
    ),
    CauseKind(
        "fusion lost", "TensorFlow no longer fuses operations.",
        "A fused operation that disappeared, with its parts in its place.",
        "let BiasAdd and the activation follow the product directly: no identity, print, or second reader between them",
    ),
    CauseKind(
        "embedding repeated", "The same rows of a table are looked up more than once.",
        "A lookup that was added, of a table and ids that another one reads too.",
        "look up once and use the result twice",
    ),
    CauseKind(
        "folding lost", "What does not depend on the request is computed at each request.",
        "Operations that were added and that no input of the request reaches.",
        "compute it once and store it in a variable or constant",
    ),
    CauseKind(
        "shape grown", "Operations work on larger tensors than before.",
        "The same operations with larger weights or outputs.",
        "make the layer as wide as the objective allows; `perfgate run` judges the trade",
    ),
    CauseKind(
        "more calls", "The same operations run more often in a request.",
        "Executions a request of an operation that both versions have.",
        "run it once and share the result",
    ),
    CauseKind(
        "op added", "Operations were added.",
        "Operations that only the candidate executes, and their time.",
        "decide whether they are worth their time; otherwise remove them",
    ),
    CauseKind(
        "op changed", "Operations have other attributes, types or shapes.",
        "The same operations with other attributes, types or shapes, and their time.",
        "go back to those of the baseline where the change was not intended",
    ),
    CauseKind(
        "op removed", "Operations were removed.",
        "Operations that only the baseline executes: the candidate saves their time.",
        "nothing: the candidate takes less time here",
    ),
    CauseKind(
        "first request slow", "The first request takes much longer than before.",
        "The time of the first request in each server, and functions that XLA compiles.",
        "add warm-up requests to the model (assets.extra/tf_serving_warmup_requests) for each shape that is compiled",
    ),
    CauseKind(
        "memory grown", "The servers need more memory.",
        "Private memory of the servers, and the constants and variables that grew.",
        "check whether the larger tables are used; store them in a smaller type, or share them",
    ),
    CauseKind(
        "huge constants", "Large constants are part of the graph.",
        "The size of constants in the graph, which loading copies several times.",
        "store weights in variables: constants make loading slow and take several times their size",
    ),
    CauseKind(
        "not batched", "The signature takes one example at a time.",
        "The first dimension of its inputs is fixed, and was free before.",
        "export the signature with a free first dimension (None), so that requests can be batched",
    ),
    CauseKind(
        "padding waste", "Batches are padded more than before.",
        "Rows executed beyond those that were requested.",
        "choose allowed_batch_sizes closer to the sizes that occur",
    ),
    CauseKind(
        "memory growth", "Memory grows with each request.",
        "The slope of the servers' memory over their requests.",
        "look for a table or cache in the graph that is written at each request",
    ),
    CauseKind(
        "waiting", "The candidate waits and does not compute.",
        "Wall time that is not CPU time of the server.",
        "look for operations that wait: files, locks, queues, or remote calls",
    ),
    CauseKind(
        "too many threads", "Threads compete for the CPUs.",
        "CPU time beyond the wall time, with more threads than CPUs.",
        "use at most as many intra- and inter-op threads as there are CPUs",
    ),
    CauseKind(
        "denormals", "Arithmetic is slow for very small numbers.",
        "The same arithmetic operations, several times slower, with other weights.",
        "flush weights that are almost 0 to 0 before exporting",
    ),
    CauseKind(
        "same graph", "Operations that both versions have take longer.",
        "Operations that both versions have, beyond what memory layout explains.",
        "compare the weights (sparsity, denormals) and the sizes of tables; measure again with another seed",
    ),
)
# fmt: on
"""In order of precedence: a group of operations that differ has the first cause that fits."""
BY_CODE = {cause.code: cause for cause in CAUSES}
