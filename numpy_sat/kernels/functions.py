"""Compute tanh, sigmoid and exp of vectors of float32, faster than a math library and with known error bounds.

A math library takes 5 to 30 ns for a tanh, because its results are accurate almost to the last bit. Attention computes
a tanh for every location, caption, word and attention unit, about a hundred million in a training step. The functions
of this file take a few multiply-adds per vector, and one division for tanh. Their errors are no larger than the
rounding errors of the sums that use the results.
"""

import math

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from numpy_sat.kernels import simd
from numpy_sat.kernels.simd import LANES, fma, repeat, vector
from numpy_sat.kernels.threads import inline

f = np.float32

# tanh x = x P(x^2) / Q(x^2). The fit minimizes the largest relative error on |x| <= 8.5, which is 1.2e-8 before
# the coefficients are rounded. x is clipped to a number for which the computed quotient is exactly 1. Below it, no
# rounding error lifts the quotient above 1: all float32 numbers were tried.
TANH_LIMIT = f(8.119323)
P1, P2, P3, P4 = f(0.13415861962), f(0.0035370814745), f(2.1299430428589e-05), f(1.4333084028315e-08)
Q1, Q2, Q3, Q4 = f(0.46749188213), f(0.0260345023328), f(3.3537770756557e-04), f(8.1719135559863e-07)
ONE, HALF = f(1), f(0.5)
LARGEST_DENOMINATOR = f(1e30)  # its reciprocal is still a normal float32

# exp x = 2^n exp r with n = round(x / ln 2) and r = x - n ln 2, so |r| <= ln 2 / 2. ln 2 is the sum of LN2_HIGH, whose
# product with n is exact, and LN2_LOW. So r loses no digits.
EXP_LEAST, EXP_LARGEST = f(-87.3), f(88.3)  # between them 2^n is a normal float32
LOG2_E, LN2_HIGH, LN2_LOW = f(1 / math.log(2)), f(0.693359375), f(math.log(2) - 0.693359375)
E2, E3, E4, E5, E6, E7 = (f(1 / math.factorial(k)) for k in range(2, 8))


@inline
def tanh(x):
    """Compute tanh of a vector. The absolute error is at most 4e-7, and the result is never outside [-1, 1]."""
    x = simd.minimum(simd.maximum(x, repeat(-TANH_LIMIT)), repeat(TANH_LIMIT))
    s = x * x
    numerator = fma(fma(fma(fma(repeat(P4), s, repeat(P3)), s, repeat(P2)), s, repeat(P1)), s, repeat(ONE))
    denominator = fma(fma(fma(fma(repeat(Q4), s, repeat(Q3)), s, repeat(Q2)), s, repeat(Q1)), s, repeat(ONE))
    return x * numerator / denominator


@inline
def tanh_of_sum(exp_x, exp_y):
    """Compute tanh(x + y) of vectors from exp(2 x) and exp(2 y). The absolute error is at most 4e-7.

    tanh(x + y) = 1 - 2 / (1 + exp(2 x) exp(2 y))

    With AVX-512, it takes half as long as tanh. Where x and y have opposite signs and one of them is beyond 43, exp is
    clipped, and the result is wrong.
    """
    denominator = simd.minimum(fma(exp_x, exp_y, repeat(ONE)), repeat(LARGEST_DENOMINATOR))
    return fma(repeat(f(-2)), simd.reciprocal(denominator), repeat(ONE))


@inline
def sigmoid(x):
    """Compute 1 / (1 + exp(-x)) of a vector as (1 + tanh(x / 2)) / 2. The absolute error is at most 2e-7."""
    return fma(repeat(HALF), tanh(HALF * x), repeat(HALF))


@inline
def exp(x):
    """Compute exp of a vector. x is clipped to [-87.3, 88.3]. Between them, the relative error is at most 2e-7."""
    x = simd.minimum(simd.maximum(x, repeat(EXP_LEAST)), repeat(EXP_LARGEST))
    n = simd.nearest(LOG2_E * x)
    r = fma(n, repeat(-LN2_LOW), fma(n, repeat(-LN2_HIGH), x))
    p = fma(fma(fma(repeat(E7), r, repeat(E6)), r, repeat(E5)), r, repeat(E4))
    p = fma(fma(fma(fma(p, r, repeat(E3)), r, repeat(E2)), r, repeat(ONE)), r, repeat(ONE))
    return _times_power_of_two(p, n)


@intrinsic
def _times_power_of_two(typingctx, x, n):
    """Compute x * 2^n by adding n to the exponent bits of x. n is a vector of floats whose values are integers."""

    def build(context, builder, sig, args):
        x, n = args
        exponent = builder.shl(builder.fptosi(n, simd.INTS), ir.Constant(simd.INTS, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(x, simd.INTS), exponent), simd.VECTOR)

    return vector(x, n), build
