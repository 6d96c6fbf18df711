"""Whatever tables are written, the runtime's own schema code and our reader read them back."""

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from octavo.read.flatbuffer import FlatbufferFile
from octavo.schema import tables
from octavo.schema.layout import layout
from octavo.write.flatbuffer import FlatbufferWriter

RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
RANGES |= {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}
OPTIONS = sorted(name for name in tables.TABLES if name.endswith("Options") or name in ("Metadata", "TensorMap"))


def scalars(kind):
    if kind == "bool":
        return st.booleans()
    if kind == "float32":
        return st.floats(width=32, allow_nan=False)
    return st.integers(*RANGES[kind])


def values(field):
    kind = field.kind.removeprefix("vector:")
    if kind == "string":
        return st.text(st.characters(exclude_categories=["Cs"]))
    if kind == field.kind:
        return scalars(kind).filter(lambda value: value != field.default)
    return st.lists(scalars(kind), max_size=5).map(tuple)


@st.composite
def written(draw):
    name = draw(st.sampled_from(OPTIONS))
    fields = [field for field in layout(name) if not field.kind.endswith(("table", "union"))]
    chosen = [field for field in fields if draw(st.booleans())]
    return name, {field.name: draw(values(field)) for field in chosen}


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def theirs(value):
    if isinstance(value, bytes):
        return value.decode()
    return tuple(value.tolist()) if isinstance(value, np.ndarray) else () if isinstance(value, int) else value


@settings(deadline=None, max_examples=200)  # the first example imports, which takes longer than a deadline
@given(st.lists(written(), min_size=1, max_size=4))
def test_a_table_is_read_back_whatever_its_fields(items):
    for name, fields in items:
        writer = FlatbufferWriter(identifier=b"TFL3")
        writer.root(name, fields)
        content = bytes(writer.out)
        mine = FlatbufferFile(np.frombuffer(content, np.uint8), "test").root(name)
        assert mine.items() == fields
        other = getattr(schema, f"{name}T").InitFromPackedBuf(content)
        for field, value in fields.items():
            got = vars(other)[camel(field)]
            if isinstance(value, tuple):
                assert theirs(got) == value
            else:
                assert (theirs(got) if isinstance(value, str) else got) == value or math.isinf(value)


@settings(deadline=None)  # as above
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.text(st.characters(exclude_categories=["Cs"])),
                "shape": st.lists(st.integers(0, 9)).map(tuple),
            },
            optional={"buffer": st.integers(1, 99), "is_variable": st.just(True)},
        ),
        max_size=6,
    )
)
def test_nested_tables_keep_their_order(tensors):
    writer = FlatbufferWriter(identifier=b"TFL3")
    writer.root("Model", {"version": 3, "subgraphs": [{"tensors": tensors, "inputs": (1, 2)}]})
    (graph,) = schema.ModelT.InitFromPackedBuf(bytes(writer.out)).subgraphs
    got = [{"name": t.name.decode(), "shape": tuple(np.atleast_1d(t.shape).tolist())} for t in graph.tensors or ()]
    assert got == [{"name": t["name"], "shape": t["shape"]} for t in tensors]
    assert list(graph.inputs) == [1, 2]


@settings(deadline=None)  # as above
@given(written())
def test_every_number_stands_at_a_multiple_of_its_width(item):
    name, fields = item
    widths = {"bool": 1, "int8": 1, "uint8": 1, "int64": 8, "uint64": 8}
    writer = FlatbufferWriter(identifier=b"TFL3", trace=name)
    writer.root(name, fields)
    ((start, places),) = writer.traced
    kinds = {field.name: field.kind for field in layout(name)}
    for field, place in places.items():
        assert (start + place) % widths.get(kinds[field], 4) == 0
