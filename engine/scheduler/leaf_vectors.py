"""What kernels ask of the 64 values of a leaf at once: which are set, the most and least of those that count.

Which rows of a leaf pass is one word of 64 bits. Written as loops, LLVM turns neither the making of such a word nor a
masked minimum into the few vector instructions that there are for it; so these are said in LLVM's own terms, the same
for every processor. Values are arrays of which the first 64 are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from engine.inventory.schema import LEAF_ROWS

_BIT, _BYTE, _INT, _WORD, _REAL = (ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType())
_LINE_BYTES = 64
_LEAST_INT, _MOST_INT = -(2**31), 2**31 - 1
_ALIGNMENT = {_BYTE: 1, _INT: 4, _REAL: 8}
_Generator = Callable[[Any, Any, Any, Any], Any]
_declared: Callable[..., Any] = cgutils.get_or_insert_function


def _values(context: Any, builder: Any, array_type: Any, array: Any, element: Any) -> Any:
    """Load the first values of an array as one vector."""
    data = context.make_array(array_type)(context, builder, array).data
    pointer = builder.bitcast(data, ir.VectorType(element, LEAF_ROWS).as_pointer())
    return builder.load(pointer, align=_ALIGNMENT[element])


def _splat(builder: Any, value: Any, element: Any) -> Any:
    """Return a vector of which every value is the same."""
    nothing = ir.Constant(ir.VectorType(element, LEAF_ROWS), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_INT, LEAF_ROWS), [0] * LEAF_ROWS))


@intrinsic
def bits_of(typing_context: Any, flags: Any) -> tuple[Any, _Generator]:
    """Return the word (uint64) of which bit j is set where flags[j] (uint8) is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = _values(context, builder, signature.args[0], arguments[0], _BYTE)
        return builder.bitcast(builder.icmp_unsigned("!=", loaded, ir.Constant(loaded.type, [0] * LEAF_ROWS)), _WORD)

    return types.uint64(flags), generate


def _reduction(element: Any, number: Any, operation: str, fill: float, allowed: Sequence[str] = ()) -> Any:
    """Return the intrinsic that reduces the values whose bits are set; ``fill`` where none is."""

    @intrinsic
    def reduce(typing_context: Any, values: Any, bits: Any) -> tuple[Any, _Generator]:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            loaded = _values(context, builder, signature.args[0], arguments[0], element)
            counts = builder.bitcast(arguments[1], ir.VectorType(_BIT, LEAF_ROWS))
            chosen = builder.select(counts, loaded, ir.Constant(loaded.type, [fill] * LEAF_ROWS))
            kind = ir.FunctionType(element, [loaded.type])
            name = f"llvm.vector.reduce.{operation}.v{LEAF_ROWS}{'f64' if element is _REAL else 'i32'}"
            function = _declared(builder.module, kind, name)
            return builder.call(function, [chosen], fastmath=tuple(allowed))

        return number(values, types.uint64), generate

    return reduce


# Values are never NaN; that said of these calls alone, no other arithmetic changes by it.
_NO_NAN = ("nnan", "nsz")
most_whole = _reduction(_INT, types.int32, "smax", _LEAST_INT)
"""Return the most of the int32 values whose bits are set, the least int32 where none is."""
least_whole = _reduction(_INT, types.int32, "smin", _MOST_INT)
"""Return the least of the int32 values whose bits are set, the most int32 where none is."""
most_real = _reduction(_REAL, types.float64, "fmax", float("-inf"), _NO_NAN)
"""Return the most of the float64 values whose bits are set, -inf where none is."""
least_real = _reduction(_REAL, types.float64, "fmin", float("inf"), _NO_NAN)
"""Return the least of the float64 values whose bits are set, inf where none is."""


@intrinsic
def bits_at_least(typing_context: Any, values: Any, least: Any) -> tuple[Any, _Generator]:
    """Return the word of which bit j is set where values[j] (float64) >= least."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = _values(context, builder, signature.args[0], arguments[0], _REAL)
        return builder.bitcast(builder.fcmp_ordered(">=", loaded, _splat(builder, arguments[1], _REAL)), _WORD)

    return types.uint64(values, types.float64), generate


@intrinsic
def bits_of_whole(typing_context: Any, values: Any, value: Any) -> tuple[Any, _Generator]:
    """Return the word of which bit j is set where values[j] (int32) == value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = _values(context, builder, signature.args[0], arguments[0], _INT)
        return builder.bitcast(builder.icmp_signed("==", loaded, _splat(builder, arguments[1], _INT)), _WORD)

    return types.uint64(values, types.int32), generate


@intrinsic
def bits_of_real(typing_context: Any, values: Any, value: Any) -> tuple[Any, _Generator]:
    """Return the word of which bit j is set where values[j] (float64) == value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = _values(context, builder, signature.args[0], arguments[0], _REAL)
        return builder.bitcast(builder.fcmp_ordered("==", loaded, _splat(builder, arguments[1], _REAL)), _WORD)

    return types.uint64(values, types.float64), generate


def _room(number: Any, element: Any) -> Any:
    """Return the intrinsic that makes room for 64 values on the stack, which LLVM knows that no column shares."""

    @intrinsic
    def make(typing_context: Any) -> tuple[Any, _Generator]:
        array_type = types.Array(number, 1, "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            with builder.goto_entry_block():
                data = builder.alloca(ir.ArrayType(element, LEAF_ROWS))
                data.align = LEAF_ROWS
            array = context.make_array(array_type)(context, builder)
            item_bytes = _ALIGNMENT[element]
            context.populate_array(
                array,
                data=builder.bitcast(data, element.as_pointer()),
                shape=[ir.Constant(_WORD, LEAF_ROWS)],
                strides=[ir.Constant(_WORD, item_bytes)],
                itemsize=ir.Constant(_WORD, item_bytes),
                meminfo=None,
            )
            return array._getvalue()

        return array_type(), generate

    return make


room_for_bytes = _room(types.uint8, _BYTE)
"""Return an array of 64 uint8 on the stack, to be used by the function that asks only."""
room_for_whole = _room(types.int32, _INT)
"""Return an array of 64 int32 on the stack, to be used by the function that asks only."""
room_for_real = _room(types.float64, _REAL)
"""Return an array of 64 float64 on the stack, to be used by the function that asks only."""


ARRAY_WORDS = 4
"""Words of a line of ``parts`` (int64[n, 4]) that stands for an array: the address and up to three lengths."""


def _array_in(number: Any, item_bytes: int, dimensions: int) -> Any:
    """Return the intrinsic that takes an array, contiguous and kept alive by the caller, from a line of ``parts``."""

    @intrinsic
    def take(typing_context: Any, parts: Any, line: Any) -> tuple[Any, _Generator]:
        array_type = types.Array(number, dimensions, "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            first = builder.mul(arguments[1], ir.Constant(_WORD, ARRAY_WORDS))
            words = [
                builder.load(builder.gep(data, [builder.add(first, ir.Constant(_WORD, place))]))
                for place in range(1 + dimensions)
            ]
            strides = [ir.Constant(_WORD, item_bytes)]
            for length in reversed(words[2:]):
                strides.insert(0, builder.mul(strides[0], length))
            array = context.make_array(array_type)(context, builder)
            context.populate_array(
                array,
                data=builder.inttoptr(words[0], array.data.type),
                shape=words[1:],
                strides=strides,
                itemsize=ir.Constant(_WORD, item_bytes),
                meminfo=None,
            )
            return array._getvalue()

        return array_type(parts, types.int64), generate

    return take


uint8_1d = _array_in(types.uint8, 1, 1)
"""Return the array of uint8 in one dimension that a line of ``parts`` stands for; the others likewise."""
int32_1d = _array_in(types.int32, 4, 1)
int64_1d = _array_in(types.int64, 8, 1)
int64_2d = _array_in(types.int64, 8, 2)
uint64_1d = _array_in(types.uint64, 8, 1)
uint64_2d = _array_in(types.uint64, 8, 2)
uint64_3d = _array_in(types.uint64, 8, 3)
float64_1d = _array_in(types.float64, 8, 1)
float64_2d = _array_in(types.float64, 8, 2)
float64_3d = _array_in(types.float64, 8, 3)


@intrinsic
def fetch(typing_context: Any, table: Any, row: Any) -> tuple[Any, _Generator]:
    """Begin to bring a row of a table into the cache, two lines of it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        step = builder.extract_value(array.strides, 0)
        first = builder.ptrtoint(array.data, _WORD)
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INT, _INT, _INT])
        function = _declared(builder.module, kind, "llvm.prefetch.p0")
        for line in range(2):
            place = builder.add(first, builder.mul(arguments[1], step))
            place = builder.add(place, ir.Constant(_WORD, _LINE_BYTES * line))
            pointer = builder.inttoptr(place, _BYTE.as_pointer())
            builder.call(function, [pointer, ir.Constant(_INT, 0), ir.Constant(_INT, 3), ir.Constant(_INT, 1)])
        return context.get_dummy_value()

    return types.void(table, types.int64), generate


@intrinsic
def ones(typing_context: Any, bits: Any) -> tuple[Any, _Generator]:
    """Return how many bits of a word are set."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


@intrinsic
def lowest(typing_context: Any, bits: Any) -> tuple[Any, _Generator]:
    """Return the place of the lowest bit set, 64 where none is."""
    return (
        types.int64(types.uint64),
        lambda context, builder, signature, arguments: builder.cttz(arguments[0], ir.Constant(_BIT, 0)),
    )
