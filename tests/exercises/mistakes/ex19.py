"""Typical mistakes in exercise 19."""

from .record import Mistake

MISTAKES = [
    Mistake(
        19,
        "picture_forward",
        "abar = a.sum(axis=1) / L",
        "abar = a.sum(axis=1)",
        "x or abar",
        r"sum.*mean|mean.*sum|divi",
        "sums over the locations instead of averaging",
    ),
    Mistake(
        19,
        "picture_forward",
        "lstm.lstm_forward(x, h_before",
        "lstm.lstm_forward(np.tanh(x), h_before",
        "h or x",
        r"linear|tanh",
        "applies a tanh to the image, as the captioner with attention does",
    ),
    Mistake(
        19,
        "picture_backward",
        "share = dabar / L",
        "share = dabar",
        "da",
        r"1 ?/ ?L|locations|divi",
        "forgets the factor 1 / L of the mean",
    ),
    Mistake(
        19,
        "picture_backward",
        "da[:] = share[:, None, :]",
        """\
da[:] = 0
    da[:, 0] = dabar""",
        "da",
        r"first location|axis|only",
        "gives the whole gradient to one location",
    ),
    Mistake(
        19,
        "decode_forward",
        """\
h_start = np.repeat(h_image, per_image, axis=0)  # (B, S)
    c_start = np.repeat(c_image, per_image, axis=0)""",
        "h_start, c_start = np.tile(h_image, (per_image, 1)), np.tile(c_image, (per_image, 1))",
        "h or c or hs",
        r"side by side|go round|grouped|each other",
        "assigns captions to the images in turn",
    ),
    Mistake(
        19,
        "decode_forward",
        "Ey, h_start, c_start, params",
        "Ey, h_start, np.zeros_like(c_start), params",
        "hs or c",
        r"memory|`c`|c = 0",
        "carries the hidden state but not the cell state",
    ),
    Mistake(
        19,
        "decode_forward",
        "h_dropped, cache_dropout = dropout.dropout_forward(h_all, mask_h)",
        """\
h_all = np.concatenate([h_start[None], h_all[:-1]])
    h_dropped, cache_dropout = dropout.dropout_forward(h_all, mask_h)""",
        "dropped or hs",
        r"before|shift|read",
        "predicts each word from the hidden state before the previous word is read",
    ),
    Mistake(
        19,
        "decode_backward",
        '"W_x": dW_x_words + grads_image["W_x"]',
        '"W_x": dW_x_words',
        "grads or dW_x or da",
        r"image|missing|part|gradient",
        "forgets that the image uses W_x, too",
    ),
    Mistake(
        19,
        "decode_backward",
        """\
        "W_x": dW_x_words + grads_image["W_x"],
        "W_hh": dW_hh_words + grads_image["W_hh"],
        "b": db_words + grads_image["b"],
""",
        """\
        **{"W_x": dW_x_words, "W_hh": dW_hh_words, "b": db_words},
        **grads_image,
""",
        "grads or dW_x or dW_hh or db",
        r"overwr",
        "overwrites the words' gradients with the image's",
    ),
    Mistake(
        19,
        "decode_backward",
        """\
dh_image = dh_start.reshape(N, per_image, S).sum(axis=1)
    dc_image = dc_start.reshape(N, per_image, S).sum(axis=1)""",
        "dh_image, dc_image = (d.reshape(per_image, N, S).sum(axis=0) for d in (dh_start, dc_start))",
        "dh or dc",
        r"side by side|grouped|axis|go round",
        "sums over captions of different images",
    ),
]
