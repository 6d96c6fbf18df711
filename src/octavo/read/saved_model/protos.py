"""The few TensorFlow messages that inference needs, as protobuf classes of our own.

The classes live in a private descriptor pool under a package of our own, so they never meet those of a
TensorFlow imported in the same process. Only fields that are read are declared: protobuf skips the rest. Parts
that are large and often not needed (function bodies, the object graph, op definitions) are declared as
`bytes`, which has the same wire form as a message, and are parsed when somebody asks.

Source: the field numbers of tensorflow/core/protobuf and tensorflow/core/framework; google/protobuf/descriptor.proto.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from octavo.errors import Unreadable

PACKAGE = "octavo.tensorflow"

SPEC = """
SavedModel { repeated MetaGraphDef meta_graphs = 2; }
MetaGraphDef {
  MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2; SaverDef saver_def = 3;
  map<string,bytes> collection_def = 4; map<string,SignatureDef> signature_def = 5;
  repeated AssetFileDef asset_file_def = 6;
  bytes object_graph_def = 7;
}
CollectionDef { AnyList any_list = 5; }
AnyList { repeated Any value = 1; }
Any { bytes value = 2; }
AssetFileDef { TensorInfo tensor_info = 1; string filename = 2; }
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

# numbers of google/protobuf/descriptor.proto
_OPTIONAL: Final = 1
_REPEATED: Final = 3
_MAP_ENTRY: Final = 7
_TYPES: Final = {
    "float": 2,
    "double": 1,
    "int64": 3,
    "uint64": 4,
    "int32": 5,
    "fixed32": 7,
    "bool": 8,
    "string": 9,
    "message": 11,
    "bytes": 12,
    "uint32": 13,
}


@cache
def message(name: str) -> Any:
    """The class of the message `name`, one of those in `SPEC`."""
    descriptor, core = _pool().FindMessageTypeByName(f"{PACKAGE}.{name}"), _core()
    if core is None:
        from google.protobuf import message_factory

        return message_factory.GetMessageClass(descriptor)
    from google.protobuf.message import Message

    return core.MessageMeta(descriptor.name, (Message,), {"DESCRIPTOR": descriptor, "__module__": __name__})


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
    if (core := _core()) is None:
        from google.protobuf import descriptor_pool

        pool = descriptor_pool.DescriptorPool()
    else:
        pool = core.DescriptorPool()
    pool.AddSerializedFile(_file())
    return pool


def _core() -> Any:
    """Protobuf's part in C: the public modules also import all that there is in Python, which takes 20 ms.

    None in an installation without it.
    """
    try:
        from google._upb import _message
    except ImportError:
        return None
    return _message


def _file() -> bytes:
    """`SPEC` as a FileDescriptorProto, put together here: the classes for that take longer to import than a model."""
    messages = [_entry(4, _message(name, body)) for name, body in _MESSAGE.findall(SPEC)]
    return b"".join([_entry(1, "octavo/tensorflow.proto"), _entry(2, PACKAGE), *messages, _entry(12, "proto3")])


def _message(name: str, body: str) -> bytes:
    """A DescriptorProto."""
    declared = [_entry(1, name)]
    for rule, key, value, kind, field, number in _FIELD.findall(body):
        if key:
            pair = "".join(word.capitalize() for word in field.split("_")) + "Entry"
            declared += [_entry(2, _field(field, int(number), kind=f"{name}.{pair}", rule="repeated"))]
            declared += [_entry(3, _pair(pair, key, value))]
        else:
            declared += [_entry(2, _field(field, int(number), kind=kind, rule=rule))]
    if "one " in body:
        declared += [_entry(8, _entry(1, "kind"))]
    return b"".join(declared)


def _pair(name: str, key: str, value: str) -> bytes:
    """The DescriptorProto of what a map consists of."""
    fields = _entry(2, _field("key", 1, kind=key, rule="")) + _entry(2, _field("value", 2, kind=value, rule=""))
    return _entry(1, name) + fields + _entry(7, _entry(_MAP_ENTRY, 1))


def _field(name: str, number: int, *, kind: str, rule: str) -> bytes:
    """A FieldDescriptorProto."""
    of_message = kind[0].isupper()
    parts = [_entry(1, name), _entry(3, number), _entry(4, _REPEATED if rule == "repeated" else _OPTIONAL)]
    parts += [_entry(5, _TYPES["message" if of_message else kind])]
    parts += [_entry(6, f".{PACKAGE}.{kind}")] if of_message else []
    parts += [_entry(9, 0)] if rule == "one" else []
    return b"".join(parts)


def _entry(number: int, value: int | str | bytes) -> bytes:
    """One field in protobuf's wire form."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
