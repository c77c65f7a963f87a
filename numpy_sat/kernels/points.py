"""One-dimensional transforms of Winograd's minimal filtering (Winograd 1980; Lavin and Gray 2016).

Correlating n = m + 2 numbers with a filter of 3 numbers gives m results and costs 3 m products. The correlation is also
a product of two polynomials. Polynomials can be multiplied point by point: evaluate both at n points, multiply the n
pairs of values, and interpolate. That costs n products:

    y = A^T [(G g) * (B^T d)]

The choice of points decides the rounding error. The usual points 0, 1, -1, 2, -2 and infinity lose 7 bits at 512
channels, an error of 1e-5 of the largest result. With 0, +-11/16, +-3/2 and infinity all coefficients stay closer to 1,
and the error is 3e-6. It is 1e-6 when sums over channels are split into chunks of 32 (winograd.py).

The functions choose F(2, 3) or F(4, 3) by the length of their argument: 4 or 6 points, 2 or 4 results. The items of the
tuples are vectors of channels.
"""

import numpy as np

from numpy_sat.kernels.threads import inline

a, b = 11 / 16, 3 / 2  # the points of F4 are 0, a, -a, b, -b and infinity; those of F2 are 0, 1, -1 and infinity
f = np.float32
A1, B1, A2, B2, A3, B3 = f(a), f(b), f(a * a), f(b * b), f(a**3), f(b**3)
AB, SUM = f(a * a * b * b), f(a * a + b * b)
G0, GA, GB = f(1 / (a * a * b * b)), f(0.5 / (a * a * (a * a - b * b))), f(0.5 / (b * b * (b * b - a * a)))
HALF = f(0.5)


@inline
def to_points(d):
    """Compute B^T d: from n numbers to n points."""
    if len(d) == 4:
        return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[3] - d[1]
    else:
        even_a, odd_a = d[4] - B2 * d[2], A1 * (d[3] - B2 * d[1])
        even_b, odd_b = d[4] - A2 * d[2], B1 * (d[3] - A2 * d[1])
        return (
            AB * d[0] - SUM * d[2] + d[4],
            even_a + odd_a,
            even_a - odd_a,
            even_b + odd_b,
            even_b - odd_b,
            AB * d[1] - SUM * d[3] + d[5],
        )


@inline
def from_points(p):
    """Compute A^T p: from n points to m results."""
    if len(p) == 4:
        return p[0] + p[1] + p[2], p[1] - p[2] + p[3]
    else:
        even_a, odd_a = p[1] + p[2], p[1] - p[2]
        even_b, odd_b = p[3] + p[4], p[3] - p[4]
        return (
            p[0] + even_a + even_b,
            A1 * odd_a + B1 * odd_b,
            A2 * even_a + B2 * even_b,
            A3 * odd_a + B3 * odd_b + p[5],
        )


@inline
def filter_to_points(points, g):
    """Compute G g: from 3 weights to n points, as many as `points` has."""
    if len(points) == 4:
        even, odd = HALF * (g[0] + g[2]), HALF * g[1]
        return g[0], even + odd, even - odd, g[2]
    else:
        even_a, odd_a = GA * (g[0] + A2 * g[2]), (GA * A1) * g[1]
        even_b, odd_b = GB * (g[0] + B2 * g[2]), (GB * B1) * g[1]
        return G0 * g[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, g[2]


@inline
def gradient_to_points(d):
    """Compute A d, the transpose of from_points: from the gradients of m results to n points."""
    if len(d) == 2:
        return d[0], d[0] + d[1], d[0] - d[1], d[1]
    else:
        even_a, odd_a = d[0] + A2 * d[2], A1 * d[1] + A3 * d[3]
        even_b, odd_b = d[0] + B2 * d[2], B1 * d[1] + B3 * d[3]
        return d[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, d[3]


@inline
def filter_from_points(p):
    """Compute G^T p, the transpose of filter_to_points: from n points to the gradients of 3 weights."""
    if len(p) == 4:
        even, odd = HALF * (p[1] + p[2]), HALF * (p[1] - p[2])
        return p[0] + even, odd, even + p[3]
    else:
        even_a, odd_a = GA * (p[1] + p[2]), GA * (p[1] - p[2])
        even_b, odd_b = GB * (p[3] + p[4]), GB * (p[3] - p[4])
        return G0 * p[0] + even_a + even_b, A1 * odd_a + B1 * odd_b, A2 * even_a + B2 * even_b + p[5]
