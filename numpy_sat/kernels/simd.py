"""Vectors of float32 for numba: values of LANES numbers that live in one register of the processor.

numba vectorizes a loop when it can prove that this is correct, and often it cannot. The intrinsics of this file express
vectors explicitly. `Vector` is LLVM's <LANES x float>, and +, -, *, / work on vectors as on numbers. Loads and stores
take a contiguous float32 array of any shape and `at`, the flat index of the first number. LLVM compiles each of them to
the registers of the processor: AVX-512 (16 lanes), AVX2 (8 lanes) or NEON (4 lanes).

Indices are not checked. A kernel must stay inside its arrays.
"""

import operator

from llvmlite import ir
from numba import config, types
from numba.core import cgutils, codegen
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

FLOAT, INT = ir.FloatType(), ir.IntType(32)


def _lanes():
    """Return the float32 numbers in a register of this machine, or of the machine that NUMBA_CPU_FEATURES describes."""
    features = config.CPU_FEATURES
    present = (codegen.get_host_cpu_features() if features is None else features).split(",")
    return 16 if "+avx512f" in present else 8 if "+avx2" in present else 4


LANES = _lanes()
VECTOR, INTS = ir.VectorType(FLOAT, LANES), ir.VectorType(INT, LANES)


class VectorType(types.Type):
    """The numba type of a vector."""

    def __init__(self):
        super().__init__(name=f"Vector({LANES})")


vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, VECTOR)


def _define(operation, emit):
    """Let numba compile `operation` on two vectors, or on a vector and a number.

    Args:
        operation: an operator such as operator.add.
        emit: name of the llvmlite builder's method for it, such as "fadd".
    """

    @infer_global(operation)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):
            if vector in args and all(arg == vector or isinstance(arg, types.Number) for arg in args):
                return signature(vector, *(arg if arg == vector else types.float32 for arg in args))

    for a_type, b_type in ((vector, vector), (vector, types.float32), (types.float32, vector)):

        @lower_builtin(operation, a_type, b_type)
        def _lower(context, builder, sig, args):
            a, b = (x if t == vector else in_all_lanes(builder, x) for x, t in zip(args, sig.args, strict=True))
            return getattr(builder, emit)(a, b)


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
_define(operator.truediv, "fdiv")


def in_all_lanes(builder, number):
    """Emit a vector with the same number in every lane."""
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, INT(0))
    return builder.shuffle_vector(first, ir.Constant(VECTOR, ir.Undefined), ir.Constant(INTS, [0] * LANES))


def address(context, builder, array_type, array, at, kind=FLOAT):
    """Emit the address of the element at flat index `at`, as a pointer to `kind`.

    Raises:
        TypeError: the array is not a contiguous float32 array.
    """
    if not (isinstance(array_type, types.Array) and array_type.dtype == types.float32 and array_type.layout == "C"):
        raise TypeError(f"vectors are loaded from and stored to contiguous float32 arrays, not {array_type}")
    data = context.data_model_manager[array_type].get(builder, array, "data")
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


def llvm_call(builder, name, result, args):
    """Emit a call of an LLVM intrinsic such as llvm.fma."""
    function_type = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args)


def vector_call(builder, name, *args):
    """Emit a call of an LLVM intrinsic on vectors. name: without prefix and type, such as "fma"."""
    return llvm_call(builder, f"llvm.{name}.v{LANES}f32", VECTOR, args)


def emit_prefetch(context, builder, array_type, array, at, write, level):
    """Emit a prefetch of the cache line of array.flat[at].

    Args:
        context, builder, array_type, array, at: as for address.
        write: 1 if the line will be written, else 0.
        level: 3 for the first-level cache, 2 for the second-level cache.
    """
    pointer = address(context, builder, array_type, array, at, ir.IntType(8))
    llvm_call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, INT(write), INT(level), INT(1)])


@intrinsic
def load(typingctx, x, at):
    """Load the vector x.flat[at : at + LANES]."""

    def build(context, builder, sig, args):
        return builder.load(address(context, builder, sig.args[0], args[0], args[1], VECTOR), align=4)

    return vector(x, types.intp), build


@intrinsic
def store(typingctx, value, x, at):
    """Store a vector: x.flat[at : at + LANES] = value."""

    def build(context, builder, sig, args):
        builder.store(args[0], address(context, builder, sig.args[1], args[1], args[2], VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(vector, x, types.intp), build


@intrinsic
def prefetch(typingctx, x, at):
    """Load the cache line of x.flat[at] into the second-level cache. An index beyond the end of x does no harm."""

    def build(context, builder, sig, args):
        emit_prefetch(context, builder, sig.args[0], args[0], args[1], write=0, level=2)
        return context.get_dummy_value()

    return types.void(x, types.intp), build


@intrinsic
def prefetch_to_write(typingctx, x, at):
    """Load the cache line of x.flat[at] into the second-level cache, to write it later. at: as in prefetch."""

    def build(context, builder, sig, args):
        emit_prefetch(context, builder, sig.args[0], args[0], args[1], write=1, level=2)
        return context.get_dummy_value()

    return types.void(x, types.intp), build


@intrinsic
def repeat(typingctx, number):
    """Return a vector with the same number in every lane."""
    return vector(types.float32), lambda context, builder, sig, args: in_all_lanes(builder, args[0])


@intrinsic
def fma(typingctx, a, b, c):
    """Return a * b + c, rounded once."""
    return vector(a, b, c), lambda context, builder, sig, args: vector_call(builder, "fma", *args)


@intrinsic
def reciprocal(typingctx, x):
    """Return 1 / x with a relative error of at most 2e-7, for x up to 1e30.

    With AVX-512, the processor's estimate of 14 bits and one step of Newton's method take half as long as a division.
    """

    def build(context, builder, sig, args):
        one, mask = ir.Constant(VECTOR, [1.0] * LANES), ir.Constant(ir.IntType(16), -1)
        if LANES != 16:
            return builder.fdiv(one, args[0])
        estimate = [args[0], ir.Constant(VECTOR, [0.0] * LANES), mask]
        r = llvm_call(builder, "llvm.x86.avx512.rcp14.ps.512", VECTOR, estimate)
        # r + r (1 - x r)
        rest = vector_call(builder, "fma", builder.fneg(args[0]), r, one)
        return vector_call(builder, "fma", r, rest, r)

    return vector(x), build


@intrinsic
def maximum(typingctx, a, b):
    """Return the larger number of each lane; a where one of the two is NaN."""

    def build(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", args[1], args[0]), args[1], args[0])

    return vector(a, b), build


@intrinsic
def total(typingctx, a):
    """Return the sum of all lanes, a float32."""
    return types.float32(vector), lambda context, builder, sig, args: _fold(builder, args[0], builder.fadd)


@intrinsic
def largest(typingctx, a):
    """Return the largest number of all lanes, a float32."""

    def build(context, builder, sig, args):
        return _fold(builder, args[0], lambda a, b: builder.select(builder.fcmp_ordered(">", b, a), b, a))

    return types.float32(vector), build


def _fold(builder, x, combine):
    """Emit the reduction of all lanes to one number: combine the two halves until one lane remains."""
    width = LANES
    while width > 1:
        width //= 2
        lanes = (ir.Constant(ir.VectorType(INT, width), list(range(k, k + width))) for k in (0, width))
        x = combine(*(builder.shuffle_vector(x, ir.Constant(x.type, ir.Undefined), half) for half in lanes))
    return builder.extract_element(x, INT(0))


@intrinsic
def load_line(typingctx, like, x, at, step):
    """Load the tuple (load(x, at), load(x, at + step), ...). Its length is that of the tuple `like`."""

    def build(context, builder, sig, args):
        _, x, at, step = args
        items = []
        for k in range(len(sig.args[0])):
            where = builder.add(at, builder.mul(step, ir.Constant(step.type, k)))
            items.append(builder.load(address(context, builder, sig.args[1], x, where, VECTOR), align=4))
        return cgutils.pack_array(builder, items)

    return types.UniTuple(vector, len(like))(like, x, types.intp, types.intp), build


@intrinsic
def store_line(typingctx, line, x, at, step):
    """Store a tuple of vectors: store(line[0], x, at), store(line[1], x, at + step), ..."""

    def build(context, builder, sig, args):
        line, x, at, step = args
        for k, item in enumerate(cgutils.unpack_tuple(builder, line, len(sig.args[0]))):
            where = builder.add(at, builder.mul(step, ir.Constant(step.type, k)))
            builder.store(item, address(context, builder, sig.args[1], x, where, VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(line, x, types.intp, types.intp), build


@intrinsic
def minimum(typingctx, a, b):
    """Return the smaller number of each lane; a where one of the two is NaN."""

    def build(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered("<", args[1], args[0]), args[1], args[0])

    return vector(a, b), build


@intrinsic
def nearest(typingctx, a):
    """Round each lane to the nearest integer."""
    return vector(a), lambda context, builder, sig, args: vector_call(builder, "rint", *args)


@intrinsic
def where_positive(typingctx, condition, a):
    """Return a where condition > 0, else 0, in each lane."""

    def build(context, builder, sig, args):
        zero = ir.Constant(VECTOR, [0.0] * LANES)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[1], zero)

    return vector(condition, a), build


@intrinsic
def square_root(typingctx, a):
    """Return the square root of each lane."""
    return vector(a), lambda context, builder, sig, args: vector_call(builder, "sqrt", *args)


def first_lanes(builder, count):
    """Emit a mask that is true in the first `count` lanes."""
    count = builder.trunc(count, INT)
    splat = builder.insert_element(ir.Constant(INTS, ir.Undefined), count, INT(0))
    splat = builder.shuffle_vector(splat, ir.Constant(INTS, ir.Undefined), ir.Constant(INTS, [0] * LANES))
    return builder.icmp_signed("<", ir.Constant(INTS, list(range(LANES))), splat)


def _if_full(builder, count, whole, masked):
    """Emit whole() where count >= LANES, else masked(). Return the value that the two emit.

    Masked instructions of AVX-512 are as fast as others. Those of AVX2 are slow: on AMD Zen 3, Adam for 10 million
    numbers took 30.3 ms with them and 7.4 ms without (one thread, 2026-12-01). On ARM, LLVM emits a branch for each
    lane instead.
    """
    if LANES == 16:
        return masked()
    full = builder.icmp_signed(">=", count, ir.Constant(count.type, LANES))
    with builder.if_else(full, likely=True) as (then, otherwise):
        with then:
            values = [(whole(), builder.block)]
        with otherwise:
            values.append((masked(), builder.block))
    if isinstance(values[0][0].type, ir.VoidType):
        return None
    result = builder.phi(VECTOR)
    for value, block in values:
        result.add_incoming(value, block)
    return result


@intrinsic
def load_first(typingctx, x, at, count):
    """Load x.flat[at : at + count] into the first lanes of a vector. The other lanes are 0 without a read."""

    def build(context, builder, sig, args):
        pointer = address(context, builder, sig.args[0], args[0], args[1], VECTOR)

        def masked():
            parts = [pointer, INT(4), first_lanes(builder, args[2]), ir.Constant(VECTOR, [0.0] * LANES)]
            return llvm_call(builder, f"llvm.masked.load.v{LANES}f32.p0", VECTOR, parts)

        return _if_full(builder, args[2], lambda: builder.load(pointer, align=4), masked)

    return vector(x, types.intp, types.intp), build


@intrinsic
def store_first(typingctx, value, x, at, count):
    """Store the first lanes of a vector: x.flat[at : at + count] = value[:count]. Nothing is written beyond them."""

    def build(context, builder, sig, args):
        pointer = address(context, builder, sig.args[1], args[1], args[2], VECTOR)

        def masked():
            parts = [args[0], pointer, INT(4), first_lanes(builder, args[3])]
            return llvm_call(builder, f"llvm.masked.store.v{LANES}f32.p0", ir.VoidType(), parts)

        _if_full(builder, args[3], lambda: builder.store(args[0], pointer, align=4), masked)
        return context.get_dummy_value()

    return types.void(vector, x, types.intp, types.intp), build


@intrinsic
def where_larger(typingctx, a, b, yes, no):
    """Return yes where a > b, else no, in each lane."""

    def build(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return vector(a, b, yes, no), build


@intrinsic
def store_bytes(typingctx, value, x, at):
    """Store a vector of integers from 0 to 255 into a uint8 array: x.flat[at : at + LANES] = value."""

    def build(context, builder, sig, args):
        data = context.make_array(sig.args[1])(context, builder, args[1]).data
        kind = ir.VectorType(ir.IntType(8), LANES)
        pointer = builder.bitcast(builder.gep(data, [args[2]]), kind.as_pointer())
        builder.store(builder.fptoui(args[0], kind), pointer, align=1)
        return context.get_dummy_value()

    return types.void(vector, types.Array(types.uint8, x.ndim, "C"), types.intp), build


@intrinsic
def where_byte(typingctx, x, at, number, yes):
    """Return yes where x.flat[at : at + LANES] == number, else 0, in each lane. x: a uint8 array."""

    def build(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        kind = ir.VectorType(ir.IntType(8), LANES)
        pointer = builder.bitcast(builder.gep(data, [args[1]]), kind.as_pointer())
        number = builder.insert_element(ir.Constant(kind, ir.Undefined), builder.trunc(args[2], ir.IntType(8)), INT(0))
        number = builder.shuffle_vector(number, ir.Constant(kind, ir.Undefined), ir.Constant(INTS, [0] * LANES))
        equal = builder.icmp_unsigned("==", builder.load(pointer, align=1), number)
        return builder.select(equal, args[3], ir.Constant(VECTOR, [0.0] * LANES))

    return vector(types.Array(types.uint8, x.ndim, "C"), types.intp, types.intp, vector), build
