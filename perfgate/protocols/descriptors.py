"""Descriptors of protobuf messages that are built when needed, without generated code."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FieldDescriptorProto


def field(package: str, kind: str, name: str, number: int, *, repeated: bool = False) -> FieldDescriptorProto:
    """Describe a field, of a scalar type in lower case, such as `int64`, or of a message of the package."""
    label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    made = FieldDescriptorProto(name=name, number=number, label=label)
    if kind.islower():
        made.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    else:
        made.type, made.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{package}.{kind}"
    return made
