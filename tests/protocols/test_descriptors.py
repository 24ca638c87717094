from __future__ import annotations

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from perfgate.protocols.descriptors import field


def test_a_scalar_is_named_by_its_type() -> None:
    made = field("box", "int64", "size", 3)
    assert (made.name, made.number, made.type, made.label) == ("size", 3, made.TYPE_INT64, made.LABEL_OPTIONAL)


def test_a_message_is_one_of_the_package() -> None:
    made = field("box", "Item", "items", 4, repeated=True)
    assert (made.type, made.type_name, made.label) == (
        FieldDescriptorProto.TYPE_MESSAGE, ".box.Item", FieldDescriptorProto.LABEL_REPEATED,
    )  # fmt: skip
