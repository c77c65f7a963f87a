"""Shapes, filter sizes and strides that depthwise convolutions are tested on."""

GEOMETRIES = {
    "3x3": ((2, 5, 6, 4), 3, 1),
    "5x5": ((2, 6, 7, 3), 5, 1),
    "3x3, stride 2, even sides": ((2, 6, 4, 3), 3, 2),
    "3x3, stride 2, odd sides": ((2, 5, 7, 4), 3, 2),
    "3x3, stride 2, an odd and an even side": ((2, 5, 6, 2), 3, 2),
    "5x5, stride 2, even sides": ((2, 6, 8, 3), 5, 2),
    "5x5, stride 2, odd sides": ((2, 7, 5, 4), 5, 2),
    "stride 3": ((2, 8, 7, 2), 3, 3),
    "2x2, whose padding is never even": ((2, 4, 5, 3), 2, 1),
    "filter larger than the image": ((2, 2, 3, 2), 5, 2),
    "one pixel": ((3, 1, 1, 2), 3, 1),
    "1x1": ((2, 3, 4, 5), 1, 1),
}
