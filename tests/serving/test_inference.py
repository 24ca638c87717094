"""Classify, Regress and MultiInference over gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import text_format

from perfgate.loadgen.engine import GrpcDriver
from perfgate.model.messages import (
    ClassificationRequest,
    ClassificationResponse,
    MultiInferenceRequest,
    MultiInferenceResponse,
    PredictRequest,
    RegressionRequest,
    RegressionResponse,
)
from perfgate.trials import Call, Method

if TYPE_CHECKING:
    from perfgate.loadgen.interface import Reply
    from perfgate.serving.embedded import EmbeddedReplica

pytestmark = pytest.mark.live

OK, INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED = 0, 3, 5, 12
_TYPES = {
    Method.CLASSIFY: (ClassificationRequest, ClassificationResponse),
    Method.REGRESS: (RegressionRequest, RegressionResponse),
    Method.MULTI_INFERENCE: (MultiInferenceRequest, MultiInferenceResponse),
    Method.PREDICT: (PredictRequest, None),
}


@pytest.fixture
def driver(graph: EmbeddedReplica) -> Iterator[GrpcDriver]:
    with GrpcDriver(graph.address) as driver:
        yield driver


def _ask(driver: GrpcDriver, method: Method, text: str) -> Reply:
    request = text_format.Parse(text, _TYPES[method][0]())
    return driver.call(Call(request.SerializeToString(), method))


def _answer(driver: GrpcDriver, method: Method, text: str) -> Any:
    answer = _ask(driver, method, text)
    assert answer.status == OK, answer.message
    return _TYPES[method][1].FromString(answer.body)


def _feature(name: str, value: float | str) -> str:
    kind, text = ("bytes_list", f'"{value}"') if isinstance(value, str) else ("float_list", str(value))
    return f'feature {{ key: "{name}" value {{ {kind} {{ value: {text} }} }} }}'


def _example(word: str = "examples", **features: float | str) -> str:
    return f"{word} {{ features {{ {' '.join(_feature(name, value) for name, value in features.items())} }} }}"


def _request(*examples: str, signature: str = "", spec: str = "") -> str:
    one = examples or (_example(age=0.25, country="CH"),)
    listed = f"input {{ example_list {{ {' '.join(one)} }} }}"
    return f'model_spec {{ name: "small" signature_name: "{signature}" {spec} }} {listed}'


def test_classify(driver: GrpcDriver) -> None:
    response = _answer(driver, Method.CLASSIFY, _request(_example(age=0.25, country="CH"), _example(age=1.0)))
    assert [[(one.label, one.score) for one in row.classes] for row in response.result.classifications] == [
        [("CH", 0.25), ("other", 0.75)],
        [("??", 1.0), ("other", 0.0)],
    ]
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("small", 3, "serving_default")


def test_classes_without_scores(driver: GrpcDriver) -> None:
    response = _answer(driver, Method.CLASSIFY, _request(signature="classes_only"))
    assert [(one.label, one.score) for one in response.result.classifications[0].classes] == [("CH", 0), ("other", 0)]


def test_regress(driver: GrpcDriver) -> None:
    examples = _example(age=0.25), _example(age=-7.0)
    response = _answer(driver, Method.REGRESS, _request(*examples, signature="regress"))
    assert [each.value for each in response.result.regressions] == [0.25, -7.0]
    assert response.model_spec.signature_name == "regress"


def test_signatures_that_tensorflow_2_exports_will_do(signatures: EmbeddedReplica) -> None:
    with GrpcDriver(signatures.address) as driver:
        classified = _answer(driver, Method.CLASSIFY, _request(signature="classify"))
        assert [(one.label, one.score) for one in classified.result.classifications[0].classes] == [
            ("", 0.25),
            ("", -0.25),
        ]
        regressed = _answer(driver, Method.REGRESS, _request(signature="regress"))
        assert [each.value for each in regressed.result.regressions] == [0.5]  # from [batch_size, 1]


def test_an_examples_own_feature_wins_over_the_contexts(driver: GrpcDriver) -> None:
    context = _example("context", age=0.5, country="CH")
    listed = f"{_example()} {_example(country='DE')} {_example(age=0.25)} {context}"
    text = f'model_spec {{ name: "small" }} input {{ example_list_with_context {{ {listed} }} }}'
    response = _answer(driver, Method.CLASSIFY, text)
    first = [row.classes[0] for row in response.result.classifications]
    assert [(one.label, one.score) for one in first] == [("CH", 0.5), ("DE", 0.5), ("CH", 0.25)]


_CLASSIFY, _REGRESS = Method.CLASSIFY, Method.REGRESS


@pytest.mark.parametrize(
    ("method", "text", "status", "words"),
    [
        (_CLASSIFY, "", INVALID_ARGUMENT, "Missing ModelSpec"),
        (_REGRESS, "", INVALID_ARGUMENT, "Missing ModelSpec"),
        (_CLASSIFY, 'model_spec { name: "other" }', NOT_FOUND, "Servable not found for request: Latest(other)"),
        (_CLASSIFY, "model_spec {}", INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (_CLASSIFY, 'model_spec { name: "small" }', INVALID_ARGUMENT, "Input is empty."),
        (_CLASSIFY, 'model_spec { name: "small" } input { example_list {} }', INVALID_ARGUMENT, "Input is empty."),
        (
            _CLASSIFY,
            'model_spec { name: "small" } input { example_list_with_context { context {} } }',
            INVALID_ARGUMENT,
            "Input is empty.",
        ),
        (_CLASSIFY, _request(spec="version { value: 9 }"), NOT_FOUND, "Servable not found for request: Specific"),
        (_CLASSIFY, _request(spec='version_label: "x"'), INVALID_ARGUMENT, "Unrecognized servable version label: x"),
        (_CLASSIFY, _request(signature="nope"), INVALID_ARGUMENT, "No signature was found with the name: nope"),
        (_CLASSIFY, _request(signature="two_inputs"), INVALID_ARGUMENT, "Expected one input Tensor."),
        (
            _CLASSIFY,
            _request(signature="no_inputs"),
            INVALID_ARGUMENT,
            "No classification inputs found in SignatureDef",
        ),
        (
            _CLASSIFY,
            _request(signature="three_outputs"),
            INVALID_ARGUMENT,
            "Expected one or two output Tensors, found 3",
        ),
        (_CLASSIFY, _request(signature="no_outputs"), INVALID_ARGUMENT, 'at least one of "classes" or "scores"'),
        (
            _CLASSIFY,
            _request(signature="flat_scores"),
            INVALID_ARGUMENT,
            "Expected Tensor shape: [batch_size num_classes] but got [1]",
        ),
        (
            _CLASSIFY,
            _request(signature="double_scores"),
            INVALID_ARGUMENT,
            "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE",
        ),
        (
            _CLASSIFY,
            _request(_example(age=1.0), _example(age=2.0), signature="fewer_scores"),
            INVALID_ARGUMENT,
            "Expected scores output batch size of 2. Got: 1",
        ),
        (
            _CLASSIFY,
            _request(signature="one_score"),
            INVALID_ARGUMENT,
            "Tensors class and score should match in dim_size(1). Got 2 vs. 1",
        ),
        (_CLASSIFY, _request(signature="sparse_scores"), INVALID_ARGUMENT, "output scores is no plain tensor but"),
        (_CLASSIFY, _request(_example(country="CH")), INVALID_ARGUMENT, "age"),
        (_REGRESS, _request(), INVALID_ARGUMENT, "Expected one output Tensor."),
        (_REGRESS, _request(signature="classes_only"), INVALID_ARGUMENT, "No regression outputs found in SignatureDef"),
        (_REGRESS, _request(signature="two_inputs"), INVALID_ARGUMENT, "Expected one input Tensor."),
        (_REGRESS, _request(signature="no_inputs"), INVALID_ARGUMENT, "No regression inputs found in SignatureDef"),
        (
            _REGRESS,
            _request(signature="two_values"),
            INVALID_ARGUMENT,
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [1,2]",
        ),
        (
            _REGRESS,
            _request(signature="double_values"),
            INVALID_ARGUMENT,
            "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE",
        ),
        (
            _REGRESS,
            _request(_example(age=1.0), _example(age=2.0), signature="fewer_values"),
            INVALID_ARGUMENT,
            "Input batch size did not match output batch size: 2 vs. 1",
        ),
    ],
)
def test_bad_requests_get_tf_servings_status_and_words(
    driver: GrpcDriver, method: Method, text: str, status: int, words: str
) -> None:
    answer = _ask(driver, method, text)
    assert (answer.status, words in answer.message) == (status, True), answer.message


_INPUT = f"input {{ example_list {{ {_example(age=0.25, country='CH')} }} }}"


def _task(signature: str = "", method: str = "classify", name: str = "small") -> str:
    spec = f'model_spec {{ name: "{name}" signature_name: "{signature}" }}'
    return f'tasks {{ {spec} method_name: "tensorflow/serving/{method}" }}'


def test_multi_inference(driver: GrpcDriver) -> None:
    tasks = f"{_task()} {_task('regress', 'regress')} {_task('classes_only')}"
    response = _answer(driver, Method.MULTI_INFERENCE, f"{tasks} {_INPUT}")
    first, second, third = response.results
    assert [(one.label, one.score) for one in first.classification_result.classifications[0].classes] == [
        ("CH", 0.25),
        ("other", 0.75),
    ]
    assert [each.value for each in second.regression_result.regressions] == [0.25]
    assert [one.label for one in third.classification_result.classifications[0].classes] == ["CH", "other"]
    assert [(each.model_spec.signature_name, each.model_spec.version.value) for each in response.results] == [
        ("serving_default", 3),
        ("regress", 3),
        ("classes_only", 3),
    ]


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("", INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (_INPUT, INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (_task(name="other"), NOT_FOUND, "Servable not found for request: Latest(other)"),
        (f"{_task()} {_task('regress', 'regress', '')}", INVALID_ARGUMENT, "ModelSpec with an empty model name."),
        (f"{_task()} {_task('regress', 'regress', 'x')}", INVALID_ARGUMENT, "must access the same model name."),
        (
            f"{_task()} {_task('serving_default')}",
            INVALID_ARGUMENT,
            "Duplicate evaluation of signature: serving_default",
        ),
        (_task("nope"), INVALID_ARGUMENT, "Requested signature not found in model graph: nope"),
        (_task(method="predict"), UNIMPLEMENTED, "Unsupported signature method_name: tensorflow/serving/predict"),
        (_task("regress", "classify"), INVALID_ARGUMENT, 'at least one of "classes" or "scores"'),
        (f"{_task()} {_task('other_input', 'regress')}", INVALID_ARGUMENT, "Input tensor must be the same for all"),
        (_task(), INVALID_ARGUMENT, "Input is empty."),
    ],
)
def test_bad_tasks_get_tf_servings_status_and_words(driver: GrpcDriver, text: str, status: int, words: str) -> None:
    answer = _ask(driver, Method.MULTI_INFERENCE, text)
    assert (answer.status, words in answer.message) == (status, True), answer.message


def test_a_sparse_input_is_refused_in_one_line(driver: GrpcDriver) -> None:
    text = """model_spec { name: "small" signature_name: "sparse" }
        inputs { key: "x" value { dtype: 1 tensor_shape { dim { size: 1 } dim { size: 4 } } float_val: 1 } }"""
    answer = _ask(driver, Method.PREDICT, text)
    assert answer.status == INVALID_ARGUMENT
    assert answer.message == (
        "input x is no plain tensor but coo_sparse: TF-Serving neither feeds nor fetches these; "
        "export its parts as tensors of their own"
    )


@pytest.mark.parametrize("method", [_CLASSIFY, _REGRESS, Method.MULTI_INFERENCE])
@pytest.mark.parametrize("garbage", [b"\xff\xff\xff", b"\x0a\x7f", bytes(range(256)), b"\x12\x04\x0a\x02\x0a\xff"])
def test_bytes_that_are_no_message_leave_the_server_alive(driver: GrpcDriver, method: Method, garbage: bytes) -> None:
    assert driver.call(Call(garbage, method)).status != OK
    assert _ask(driver, _CLASSIFY, _request()).status == OK
