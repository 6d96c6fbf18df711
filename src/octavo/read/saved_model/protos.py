"""The few TensorFlow messages that inference needs, as protobuf classes of our own.

The classes live in a private descriptor pool under a package of our own, so they never meet those of a
TensorFlow imported in the same process. Only fields that are read are declared: protobuf skips the rest. Parts
that are large and often not needed (function bodies, the object graph, op definitions) are declared as
`bytes`, which has the same wire form as a message, and are parsed when somebody asks.

Source: the field numbers of tensorflow/core/protobuf and tensorflow/core/framework.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from octavo.errors import Unreadable

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

PACKAGE = "octavo.tensorflow"

SPEC = """
SavedModel { repeated MetaGraphDef meta_graphs = 2; }
MetaGraphDef {
  MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2; SaverDef saver_def = 3;
  map<string,SignatureDef> signature_def = 5; bytes object_graph_def = 7;
}
MetaInfoDef { bytes stripped_op_list = 2; repeated string tags = 4; string tensorflow_version = 5; }
SaverDef { string restore_op_name = 3; }

GraphDef { repeated NodeDef node = 1; FunctionDefLibrary library = 2; }
NodeDef { string name = 1; string op = 2; repeated string input = 3; map<string,AttrValue> attr = 5; }
FunctionDefLibrary { repeated bytes function = 1; }
FunctionHead { OpDef signature = 1; }
FunctionDef {
  OpDef signature = 1; repeated NodeDef node_def = 3; map<string,string> ret = 4;
  map<string,AttrValue> attr = 5; map<uint32,ArgAttrs> arg_attr = 7;
}
ArgAttrs { map<string,AttrValue> attr = 1; }
OpList { repeated OpDef op = 1; }
OpDef { string name = 1; repeated ArgDef input_arg = 2; repeated ArgDef output_arg = 3; repeated AttrDef attr = 4; }
ArgDef { string name = 1; int32 type = 3; string type_attr = 4; string number_attr = 5; string type_list_attr = 6; }
AttrDef { string name = 1; string type = 2; AttrValue default_value = 3; }
AttrValue {
  one ListValue list = 1; one bytes s = 2; one int64 i = 3; one float f = 4; one bool b = 5; one int32 type = 6;
  one TensorShapeProto shape = 7; one TensorProto tensor = 8; one string placeholder = 9; one NameAttrList func = 10;
}
ListValue {
  repeated bytes s = 2; repeated int64 i = 3; repeated float f = 4; repeated bool b = 5; repeated int32 type = 6;
  repeated TensorShapeProto shape = 7; repeated TensorProto tensor = 8; repeated NameAttrList func = 9;
}
NameAttrList { string name = 1; }
TensorShapeProto { repeated Dim dim = 2; bool unknown_rank = 3; }
Dim { int64 size = 1; }
TensorProto {
  int32 dtype = 1; TensorShapeProto tensor_shape = 2; bytes tensor_content = 4; repeated float float_val = 5;
  repeated double double_val = 6; repeated int32 int_val = 7; repeated bytes string_val = 8;
  repeated float scomplex_val = 9; repeated int64 int64_val = 10; repeated bool bool_val = 11;
  repeated double dcomplex_val = 12; repeated int32 half_val = 13; repeated uint32 uint32_val = 16;
  repeated uint64 uint64_val = 17; bytes float8_val = 18;
}
SignatureDef { map<string,TensorInfo> inputs = 1; map<string,TensorInfo> outputs = 2; }
TensorInfo {
  one string name = 1; int32 dtype = 2; TensorShapeProto tensor_shape = 3; one bytes coo_sparse = 4;
  one bytes composite_tensor = 5;
}

SavedObjectGraph { repeated SavedObject nodes = 1; map<string,SavedConcreteFunction> concrete_functions = 2; }
SavedObject { repeated ObjectReference children = 1; }
SavedConcreteFunction { repeated int32 bound_inputs = 2; }
ObjectReference { int32 node_id = 1; string local_name = 2; }
TrackableObjectGraph { repeated TrackableObject nodes = 1; }
TrackableObject { repeated ObjectReference children = 1; repeated SerializedTensor attributes = 2; }
SerializedTensor { string name = 1; string checkpoint_key = 3; }

BundleHeader { int32 num_shards = 1; int32 endianness = 2; }
BundleEntry {
  int32 dtype = 1; TensorShapeProto shape = 2; int32 shard_id = 3; int64 offset = 4; int64 size = 5;
  fixed32 crc32c = 6; repeated TensorSlice slices = 7;
}
TensorSlice { repeated Extent extent = 1; }
Extent { int64 start = 1; one int64 length = 2; }
"""
"""As in a .proto file, flat; `one` marks the members of a message's only oneof."""

_MESSAGE = re.compile(r"(\w+) \{([^}]*)\}")
_FIELD = re.compile(r"(?:(repeated|one) )?(?:map<(\w+),(\w+)>|(\w+)) (\w+) = (\d+);")


@cache
def message(name: str) -> Any:
    """The class of the message `name`, one of those in `SPEC`."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


def parse(name: str, data: bytes, *, where: str) -> Any:
    """The message `name` that `data` holds. Damaged bytes raise `Unreadable`, which says `where`."""
    from google.protobuf.message import DecodeError

    try:
        return message(name).FromString(data)
    except DecodeError as error:
        raise Unreadable(
            f"these {len(data):,} bytes are not a TensorFlow {name}",
            where=where,
            hint="the file is truncated or damaged; copy or save the model again",
        ) from error


@cache
def _pool() -> Any:
    from google.protobuf import descriptor_pool

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    return pool


def _file() -> FileDescriptorProto:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto(name="octavo/tensorflow.proto", package=PACKAGE, syntax="proto3")
    for name, body in _MESSAGE.findall(SPEC):
        declared = file.message_type.add(name=name)
        for rule, key, value, kind, field, number in _FIELD.findall(body):
            if key:
                _declare_map(declared, field, int(number), key=key, value=value)
            else:
                _declare(declared, field, int(number), kind=kind, rule=rule)
    return file


def _declare(message: DescriptorProto, name: str, number: int, *, kind: str, rule: str) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    label = Field.LABEL_REPEATED if rule == "repeated" else Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if kind[0].isupper():
        field.type, field.type_name = Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = Field.Type.Value(f"TYPE_{kind.upper()}")
    if rule == "one":
        if not message.oneof_decl:
            message.oneof_decl.add(name="kind")
        field.oneof_index = 0


def _declare_map(message: DescriptorProto, name: str, number: int, *, key: str, value: str) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    entry = message.nested_type.add(name="".join(word.capitalize() for word in name.split("_")) + "Entry")
    entry.options.map_entry = True
    _declare(entry, "key", 1, kind=key, rule="")
    _declare(entry, "value", 2, kind=value, rule="")
    message.field.add(
        name=name,
        number=number,
        label=Field.LABEL_REPEATED,
        type=Field.TYPE_MESSAGE,
        type_name=f".{PACKAGE}.{message.name}.{entry.name}",
    )
