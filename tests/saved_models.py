"""Writes SavedModels and tensor bundles by hand, for tests that need one with exactly these bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from octavo.ir.source import Array
from octavo.read.saved_model.crc32c import crc32c, masked
from octavo.read.saved_model.ordered_code import Extent, slice_key
from octavo.read.saved_model.protos import message
from octavo.read.saved_model.table import MAGIC

NUMBERS = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "bfloat16": 14, "object": 7, "int4": 29}


def varint(number: int) -> bytes:
    octets = []
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*octets, number])


def block(pairs: Sequence[tuple[bytes, bytes]], *, restart_every: int = 16) -> bytes:
    body, restarts, before = b"", [], b""
    for number, (key, value) in enumerate(pairs):
        if number % restart_every == 0:
            restarts.append(len(body))
            before = b""
        shared = next(
            (at for at, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    restarts = restarts or [0]
    return body + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def table(pairs: Mapping[bytes, bytes], *, per_block: int = 10, kind: int = 0) -> bytes:
    """A leveldb table of these pairs, with `per_block` of them in a block."""
    rows, file, pointers = sorted(pairs.items()), b"", []
    for start in range(0, len(rows), per_block):
        some = rows[start : start + per_block]
        contents = block(some)
        pointers.append((some[-1][0], varint(len(file)) + varint(len(contents))))
        file += _with_trailer(contents, kind)
    handles = b""
    for contents in (block([]), block(pointers)):
        handles += varint(len(file)) + varint(len(contents))
        file += _with_trailer(contents, 0)
    return file + handles.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


def _with_trailer(contents: bytes, kind: int) -> bytes:
    typed = contents + bytes([kind])
    return typed + struct.pack("<I", masked(crc32c(typed)))


def bundle(
    prefix: Path, tensors: Mapping[str, Array], *, slices: Mapping[str, Sequence[tuple[Extent, ...]]] = {}
) -> None:
    """Write `prefix.index` and its only shard."""
    pairs, data = {b"": message("BundleHeader")(num_shards=1).SerializeToString()}, b""
    for name, value in tensors.items():
        for extents in slices.get(name, ()):
            part = value[tuple(slice(start, None if size < 0 else start + size) for start, size in extents)]
            entry, data = _store(part, data)
            pairs[slice_key(name, extents)] = entry.SerializeToString()
        entry, data = _store(value, data) if name not in slices else (_entry(value), data)
        for extents in slices.get(name, ()):
            added = entry.slices.add()
            for start, size in extents:
                added.extent.add(start=start, **({} if size < 0 else {"length": size}))
        pairs[name.encode()] = entry.SerializeToString()
    prefix.parent.mkdir(parents=True, exist_ok=True)
    Path(f"{prefix}.index").write_bytes(table(pairs))
    Path(f"{prefix}.data-00000-of-00001").write_bytes(data)


def _store(value: Array, data: bytes) -> tuple[Any, bytes]:
    entry = _entry(value)
    stored = strings(value) if value.dtype.hasobject else value.tobytes()
    entry.offset, entry.size = len(data), len(stored)
    lengths = b"".join(struct.pack("<I", len(text)) for text in value.ravel()) if value.dtype.hasobject else b""
    guarded = lengths + stored[sum(len(varint(len(text))) for text in value.ravel()) :] if lengths else stored
    entry.crc32c = masked(crc32c(guarded))
    return entry, data + stored


def _entry(value: Array) -> Any:
    entry = message("BundleEntry")(dtype=NUMBERS[value.dtype.name])
    for size in value.shape:
        entry.shape.dim.add(size=size)
    return entry


def strings(value: Array) -> bytes:
    texts = value.ravel().tolist()
    checksum = masked(crc32c(b"".join(struct.pack("<I", len(text)) for text in texts)))
    return b"".join(varint(len(text)) for text in texts) + struct.pack("<I", checksum) + b"".join(texts)


class Model:
    """A SavedModel under construction: add nodes, functions and signatures, then `save`."""

    def __init__(self) -> None:
        self.proto = message("SavedModel")()
        self.meta_graph = self.proto.meta_graphs.add()
        self.meta_graph.meta_info_def.tags.append("serve")
        self.graph = self.meta_graph.graph_def

    def node(self, name: str, op: str, /, *inputs: str, **attrs: Any) -> str:
        fill(self.graph.node.add(), name, op, inputs, attrs)
        return name

    def variable(self, name: str, value: Array) -> str:
        return self.node(name, "VarHandleOp", dtype=value.dtype, shape=value.shape, shared_name=name)

    def function(
        self, name: str, arguments: Mapping[str, int], returns: Mapping[str, str], *nodes: tuple[Any, ...]
    ) -> None:
        """`arguments` maps names to dtype numbers; a node is (name, op, inputs, attrs)."""
        body = message("FunctionDef")()
        body.signature.name = name
        for argument, dtype in arguments.items():
            body.signature.input_arg.add(name=argument, type=dtype)
        for result, ref in returns.items():
            body.signature.output_arg.add(name=result, type=1)
            body.ret[result] = ref
        for node in nodes:
            fill(body.node_def.add(), *node)
        self.graph.library.function.append(body.SerializeToString())

    def signature(self, key: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
        declared = self.meta_graph.signature_def[key]
        for ports, names in ((declared.inputs, inputs), (declared.outputs, outputs)):
            for name, tensor in names.items():
                ports[name].name, ports[name].dtype = tensor, 1
                ports[name].tensor_shape.dim.add(size=-1)

    def restore(self, keys: Mapping[str, str], *, parts: Sequence[str] | None = None) -> None:
        """Restore each handle (the mapping's names) from its key, as TensorFlow 1 does it."""
        parts = parts or [""] * len(keys)
        self.node("save/Const", "Const", value=np.array(b"model", object))
        self.node("save/names", "Const", value=np.array([key.encode() for key in keys.values()], object))
        self.node("save/parts", "Const", value=np.array([part.encode() for part in parts], object))
        self.node("save/RestoreV2", "RestoreV2", "save/Const", "save/names", "save/parts")
        for index, handle in enumerate(keys):
            self.node(f"save/Identity_{index}", "Identity", f"save/RestoreV2:{index}")
            self.node(f"save/Assign_{index}", "AssignVariableOp", handle, f"save/Identity_{index}")
        self.node("save/restore_all", "NoOp", *(f"^save/Assign_{index}" for index in range(len(keys))))
        self.meta_graph.saver_def.restore_op_name = "save/restore_all"

    def save(self, path: Path) -> Path:
        path.mkdir(parents=True, exist_ok=True)
        (path / "saved_model.pb").write_bytes(self.proto.SerializeToString())
        return path


def fill(node: Any, name: str, op: str, inputs: Sequence[str] = (), attrs: Mapping[str, Any] = {}) -> None:
    node.name, node.op = name, op
    node.input.extend(inputs)
    for key, value in attrs.items():
        _set(node.attr[key], value)


def _set(attr: Any, value: Any) -> None:
    match value:
        case bool() | int() | str() | bytes():
            field = {bool: "b", int: "i"}.get(type(value), "s")
            setattr(attr, field, value.encode() if isinstance(value, str) else value)
        case np.dtype():
            attr.type = NUMBERS[value.name]
        case np.ndarray():
            _set_tensor(attr.tensor, value)
        case tuple():
            attr.shape.SetInParent()
            for size in value:
                attr.shape.dim.add(size=size)
        case list():
            attr.list.SetInParent()
            attr.list.type.extend(NUMBERS[item.name] for item in value if isinstance(item, np.dtype))
            attr.list.i.extend(item for item in value if isinstance(item, int))
        case _:
            attr.MergeFrom(value)


def _set_tensor(tensor: Any, value: Array) -> None:
    tensor.dtype = NUMBERS[value.dtype.name]
    for size in value.shape:
        tensor.tensor_shape.dim.add(size=size)
    if value.dtype.hasobject:
        tensor.string_val.extend(value.ravel().tolist())
    else:
        tensor.tensor_content = value.tobytes()


def function_name(name: str) -> Any:
    """An attribute that names a function."""
    return message("AttrValue")(func=message("NameAttrList")(name=name))
