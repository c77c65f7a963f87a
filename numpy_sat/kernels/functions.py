"""tanh, sigmoid and exp of vectors, and what each is off by.

A library's tanh takes 5 to 30 ns a number, for it is right to the last bit everywhere. Attention takes a tanh of
every location, word and unit, some hundred million a step; these cost a few additions and one division a vector, and
are wrong by no more than float32 rounding makes the sums around them.
"""

import math

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from numpy_sat.kernels import simd
from numpy_sat.kernels.simd import LANES, fma, repeat, vector
from numpy_sat.kernels.threads import inline

f = np.float32

# tanh x = x P(x^2) / Q(x^2), fitted to the least largest relative error on |x| <= 8.5 (1.2e-8 before rounding);
# the little by which it passes 1 beyond is cut off.
TANH_LIMIT = f(9)  # from here on tanh is 1 to float32, and the quotient not less
P1, P2, P3, P4 = f(0.13415861962), f(0.0035370814745), f(2.1299430428589e-05), f(1.4333084028315e-08)
Q1, Q2, Q3, Q4 = f(0.46749188213), f(0.0260345023328), f(3.3537770756557e-04), f(8.1719135559863e-07)
ONE, HALF = f(1), f(0.5)

# exp x = 2^n exp r with n = round(x / ln 2), so that |r| <= ln 2 / 2; ln 2 in two parts, or r would lose n's digits.
EXP_LEAST, EXP_LARGEST = f(-87.3), f(88.3)  # between, 2^n is a normal float32
LOG2_E, LN2_HIGH, LN2_LOW = f(1 / math.log(2)), f(0.693359375), f(math.log(2) - 0.693359375)
E2, E3, E4, E5, E6, E7 = (f(1 / math.factorial(k)) for k in range(2, 8))


@inline
def tanh(x):
    """tanh of a vector; error 4e-7, and never beyond -1 and 1."""
    x = _within(x, TANH_LIMIT)
    s = x * x
    numerator = fma(fma(fma(fma(repeat(P4), s, repeat(P3)), s, repeat(P2)), s, repeat(P1)), s, repeat(ONE))
    denominator = fma(fma(fma(fma(repeat(Q4), s, repeat(Q3)), s, repeat(Q2)), s, repeat(Q1)), s, repeat(ONE))
    return _within(x * numerator / denominator, ONE)


@inline
def _within(x, limit):
    return simd.minimum(simd.maximum(x, repeat(-limit)), repeat(limit))


@inline
def sigmoid(x):
    """1 / (1 + exp(-x)) of a vector, as (1 + tanh(x / 2)) / 2; error 2e-7."""
    return fma(repeat(HALF), tanh(HALF * x), repeat(HALF))


@inline
def exp(x):
    """exp of a vector; relative error 2e-7 between -87.3 and 88.3, where it is held to the end's value."""
    x = simd.minimum(simd.maximum(x, repeat(EXP_LEAST)), repeat(EXP_LARGEST))
    n = simd.nearest(LOG2_E * x)
    r = fma(n, repeat(-LN2_LOW), fma(n, repeat(-LN2_HIGH), x))
    rest = fma(fma(fma(repeat(E7), r, repeat(E6)), r, repeat(E5)), r, repeat(E4))
    rest = fma(fma(fma(fma(rest, r, repeat(E3)), r, repeat(E2)), r, repeat(ONE)), r, repeat(ONE))
    return _times_power_of_two(rest, n)


@intrinsic
def _times_power_of_two(typingctx, x, n):
    """x * 2^n: n, whole numbers, is added to the exponent's bits of x."""

    def build(context, builder, sig, args):
        x, n = args
        added = builder.shl(builder.fptosi(n, simd.INTS), ir.Constant(simd.INTS, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(x, simd.INTS), added), simd.VECTOR)

    return vector(x, n), build
