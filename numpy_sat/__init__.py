"""Show, Attend and Tell (Xu et al. 2015, arXiv 1502.03044) from scratch in NumPy.

    a, _          = convnet.encode_forward(params, images, stages)           encoders/convnet.py
    h, c          = tanh(W_h0 abar + b), tanh(W_c0 abar + b)                 decoders/attend_tell.py: the recurrence
    z, alpha, _   = attention.attend_forward(a, keys, h, W_h, v)             layers/attention.py   (4) (5) (6)
    z, _          = attention.gate_forward(z, h, w_beta, b_beta)             layers/attention.py   beta
    h, c, _       = lstm.lstm_forward([E y, z], h, c, W_x, W_hh, b)          layers/lstm.py        (1) (2) (3)
    logits, _     = output.output_forward(E y, h, z, L_h, L_z, L_o, b_o)     layers/output.py      (7)
    loss, _       = losses.cross_entropy_forward(logits, targets, mask)      layers/losses.py      (14), left
    penalty, _    = losses.doubly_stochastic_forward(alpha, mask)            layers/losses.py      (14), right

captioner.py has the whole model on one page. loss.py has the loss of every decoder. decoders/__init__.py and
encoders/__init__.py list all models. The other models replace some of these lines:

    z, alpha, _   = dot_attention.attend_forward(a, keys, h, W_q, W_v)       layers/dot_attention.py   dot
    weights, s, _ = hard_attention.draw_forward(alpha, ...)                  layers/hard_attention.py  hard (8) to (12)
    h, c, _       = show_tell.picture_forward(params, a)                     decoders/show_tell.py     tell
    r_hat, _      = log_bilinear.predict_forward(Ey, abar, C, C_m)           decoders/log_bilinear.py  log-bilinear
    h, _          = rnn.rnn_sequence_forward(u, h, W_hh)                     decoders/brnn.py          brnn
    V_tilde, _    = linear.linear_forward(u, W_r, b_r)                       decoders/visual_memory.py visual-memory
    y, _          = transformer_block.block_forward(x, params, mask)         decoders/stack.py         transformer
    a, _          = reader.encode_forward(params, sentences, sizes)          encoders/reader.py        translation

With float64 arrays, the code in layers/, encoders/ and decoders/ runs. With float32 arrays, as in training, the same
mathematics runs in kernels/ and decoders/fast/. You can understand the model without reading those. Dimensions have the
same names everywhere:

    N         images
    H, W, C   height, width and channels of an image
    B         captions; B / N consecutive captions belong to each image
    T         words of the longest caption, including <end>
    L         locations
    D         annotation size
    M         embedding size
    S         hidden size
    A         attention size
    V         vocabulary size
"""

from numpy_sat.system import interrupt

interrupt.end_imports_quietly()  # before all other imports, so that Ctrl-C during them gives no traceback

from numpy_sat.system import machine  # noqa: E402

machine.configure()  # must run before anything imports numpy or numba

__version__ = "0.1.0"
