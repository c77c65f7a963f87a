"""The small matrix product that all convolutions and matrix products of this folder are made of.

A tile is a block of a product's result: R rows of C vectors that stay in registers while their terms are added. For
every term, each of R numbers of x is multiplied by each of C vectors of w. So R + C loads feed R x C fused
multiply-adds. Then the arithmetic limits the speed, not the loads. A tile of 6 rows and 4 vectors reaches 95 % of the
peak. A loop that loads and stores its sums for each term reaches 30 %.

The functions below get the rows and columns of a tile as tuples of flat offsets. The lengths of the tuples are the size
of the tile, and numba compiles each size separately. Element (row, column) of a tile is the vector at the flat index
`at` + row + column. Row offsets beyond the last row repeat the last row. They compute and store the same numbers twice,
so a kernel needs no second loop for the remaining rows.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from numpy_sat.kernels import simd

# {vectors: rows} of a tile. The registers hold the tile, the vectors of w and one number of x. AVX-512 and ARM have 32
# registers, AVX2 has 16. SSE has 16 too but uses the sizes of ARM: its results are right, but slow.
ROWS = {4: 6, 3: 8, 2: 8, 1: 12} if simd.LANES != 8 else {2: 6, 3: 4, 1: 6}


def shape(results):
    """Return the shape of the tile that divides `results` columns into panels without a remainder.

    Args:
        results: number of columns, a multiple of LANES.
    Returns:
        Two tuples of zeros whose lengths are the rows and the vectors of the tile.
    """
    vectors = next(vectors for vectors in ROWS if results // simd.LANES % vectors == 0)
    return (0,) * ROWS[vectors], (0,) * vectors


def items_of(builder, sig_type, value):
    """Emit the items of a tuple."""
    return cgutils.unpack_tuple(builder, value, len(sig_type))


@intrinsic
def offsets(typingctx, like, first, last, step):
    """Return the offsets of a tile's rows or columns: min(first + r, last - 1) * step for r in range(len(like))."""

    def build(context, builder, sig, args):
        _, first, last, step = args
        end = builder.sub(last, ir.Constant(last.type, 1))
        items = []
        for r in range(len(sig.args[0])):
            row = builder.add(first, ir.Constant(first.type, r))
            row = builder.select(builder.icmp_signed("<", row, end), row, end)
            items.append(builder.mul(row, step))
        return cgutils.pack_array(builder, items)

    return types.UniTuple(types.intp, len(like))(like, types.intp, types.intp, types.intp), build


@intrinsic
def zeros(typingctx, rows, columns):
    """Return a tile of zeros."""
    size = len(rows) * len(columns)

    def build(context, builder, sig, args):
        return cgutils.pack_array(builder, [ir.Constant(simd.VECTOR, [0.0] * simd.LANES)] * size)

    return types.UniTuple(simd.vector, size)(rows, columns), build


@intrinsic
def load(typingctx, rows, columns, y, at):
    """Load the tile at y.flat[at + row + column ...]."""
    size = len(rows) * len(columns)

    def build(context, builder, sig, args):
        rows, columns = (items_of(builder, t, v) for t, v in zip(sig.args[:2], args[:2], strict=True))
        items = []
        for row in rows:
            for column in columns:
                where = builder.add(args[3], builder.add(row, column))
                pointer = simd.address(context, builder, sig.args[2], args[2], where, simd.VECTOR)
                items.append(builder.load(pointer, align=4))
        return cgutils.pack_array(builder, items)

    return types.UniTuple(simd.vector, size)(rows, columns, y, types.intp), build


@intrinsic
def prefetch_to_write(typingctx, rows, columns, y, at):
    """Load the lines of the tile at y.flat[at + row + column ...] into the first-level cache, to write them later."""

    def build(context, builder, sig, args):
        rows, columns = (items_of(builder, t, v) for t, v in zip(sig.args[:2], args[:2], strict=True))
        for row in rows:
            for column in columns:
                where = builder.add(args[3], builder.add(row, column))
                simd.emit_prefetch(context, builder, sig.args[2], args[2], where, write=1, level=3)
        return context.get_dummy_value()

    return types.void(rows, columns, y, types.intp), build


@intrinsic
def store(typingctx, tile, rows, columns, y, at):
    """Store a tile at y.flat[at + row + column ...]."""

    def build(context, builder, sig, args):
        rows, columns = (items_of(builder, t, v) for t, v in zip(sig.args[1:3], args[1:3], strict=True))
        items = iter(items_of(builder, sig.args[0], args[0]))
        for row in rows:
            for column in columns:
                where = builder.add(args[4], builder.add(row, column))
                pointer = simd.address(context, builder, sig.args[3], args[3], where, simd.VECTOR)
                builder.store(next(items), pointer, align=4)
        return context.get_dummy_value()

    return types.void(tile, rows, columns, y, types.intp), build


@intrinsic
def load_within(typingctx, rows, columns, y, at, width):
    """Load a tile as `load` does. Columns from `width` on are 0, and nothing is read for them."""
    size = len(rows) * len(columns)

    def build(context, builder, sig, args):
        zeros = ir.Constant(simd.VECTOR, [0.0] * simd.LANES)
        items = []
        for pointer, mask in _within(context, builder, sig, args, *range(5)):
            masked = [pointer, simd.INT(4), mask, zeros]
            items.append(simd.llvm_call(builder, f"llvm.masked.load.v{simd.LANES}f32.p0", simd.VECTOR, masked))
        return cgutils.pack_array(builder, items)

    return types.UniTuple(simd.vector, size)(rows, columns, y, types.intp, types.intp), build


@intrinsic
def store_within(typingctx, tile, rows, columns, y, at, width):
    """Store a tile as `store` does, but not the columns from `width` on."""

    def build(context, builder, sig, args):
        places = _within(context, builder, sig, args, *range(1, 6))
        for item, (pointer, mask) in zip(items_of(builder, sig.args[0], args[0]), places, strict=True):
            masked = [item, pointer, simd.INT(4), mask]
            simd.llvm_call(builder, f"llvm.masked.store.v{simd.LANES}f32.p0", ir.VoidType(), masked)
        return context.get_dummy_value()

    return types.void(tile, rows, columns, y, types.intp, types.intp), build


def _within(context, builder, sig, args, rows, columns, y, at, width):
    """Emit the address of every vector of a tile, and the mask of its lanes before column `width`.

    The arguments rows, columns, y, at and width are positions in `args`.
    """
    row_items, column_items = (items_of(builder, sig.args[k], args[k]) for k in (rows, columns))
    masks = [simd.first_lanes(builder, builder.sub(args[width], column)) for column in column_items]
    places = []
    for row in row_items:
        for column, mask in zip(column_items, masks, strict=True):
            where = builder.add(args[at], builder.add(row, column))
            places.append((simd.address(context, builder, sig.args[y], args[y], where, simd.VECTOR), mask))
    return places


@intrinsic
def add(typingctx, tile, other):
    """Return the sum of two tiles."""

    def build(context, builder, sig, args):
        pairs = zip(*(items_of(builder, sig.args[0], arg) for arg in args), strict=True)
        return cgutils.pack_array(builder, [builder.fadd(a, b) for a, b in pairs])

    return tile(tile, tile), build


@intrinsic
def add_products(typingctx, tile, rows, columns, x, at, w, w_at):
    """Return tile[row, column] + x.flat[at + row] * w.flat[w_at + column ...] for every row and column."""

    def build(context, builder, sig, args):
        rows, columns = (items_of(builder, t, v) for t, v in zip(sig.args[1:3], args[1:3], strict=True))
        items = items_of(builder, sig.args[0], args[0])
        vectors = []
        for column in columns:
            pointer = simd.address(context, builder, sig.args[5], args[5], builder.add(args[6], column), simd.VECTOR)
            vectors.append(builder.load(pointer, align=4))
        sums = []
        for r, row in enumerate(rows):
            number = builder.load(simd.address(context, builder, sig.args[3], args[3], builder.add(args[4], row)))
            number = simd.in_all_lanes(builder, number)
            for c, w in enumerate(vectors):
                sums.append(simd.vector_call(builder, "fma", number, w, items[r * len(vectors) + c]))
        return cgutils.pack_array(builder, sums)

    return tile(tile, rows, columns, x, types.intp, w, types.intp), build
