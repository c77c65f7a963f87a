"""Typical mistakes in exercise 14."""

from .record import Mistake

MISTAKES = [
    Mistake(
        14,
        "recur_backward",
        """\
    dgated = dgated_lstm + dz
""",
        """\
    dgated = dgated_lstm
""",
        "dgated or dz",
        r"`dz`.*(missing|forgot|left out|lost|not added)|(without|lacks|forgot).*`dz|output",
        "forgets the output layer's gradient of the gated context",
    ),
    Mistake(
        14,
        "recur_backward",
        "dh_before = dh_lstm + dh_gate + dh_attend",
        "dh_before = dh_lstm\n    dh_before += dh_gate",
        "dh",
        r"dh_attend|attention",
        "forgets the gradient from the attention to the previous hidden state",
    ),
    Mistake(
        14,
        "decode_backward",
        "dh_t = dh_output[t] + dh_after",
        "dh_t = dh_output[t]",
        "dh or da_t",
        r"`dh(_after)?`.*(missing|not added|lost|forgot|left out|not used)|(word|step) after|lacks.*`dh",
        "forgets the gradient from the next word to the hidden state",
    ),
    Mistake(
        14,
        "decode_backward",
        """\
    for name in step_gradients[0][3]:
        grads[name] = sum(grads_t[name] for _, _, _, grads_t in step_gradients)
""",
        """\
    for _, _, _, grads_t in step_gradients:
        grads.update(grads_t)
""",
        "grads or dW_x or dW_hh or db or dW_h or dv or dw_beta or db_beta",
        r"overwrit|accumul|\+=|replac|not (added|summed)|instead of add|only .*(first|last)|first word",
        "lets each word overwrite the weights' gradients of the others",
    ),
    Mistake(
        14,
        "decode_backward",
        "embedding.embedding_backward(dEy_output + dEy_recur, cache.embedding)",
        "embedding.embedding_backward(dEy_recur, cache.embedding)",
        "dEy or dE",
        r"output|overwrit|(missing|lacks|forgot|not added).*dEy|dEy.*(missing|lost|forgot|not added)",
        "overwrites the output layer's part of the words' gradient by the recurrence's part",
    ),
    Mistake(
        14,
        "decode_backward",
        """\
    dh0 = dh_after.reshape(B // per_image, per_image, S).sum(axis=1)
    dc0 = dc_after.reshape(B // per_image, per_image, S).sum(axis=1)
""",
        """\
    dh0, dc0 = (d.reshape(per_image, B // per_image, S).sum(axis=0) for d in (dh_after, dc_after))
""",
        "dh0 or dc0",
        r"ax[ei]s|group|order|side by side|stand|reshape|other (captions|images)|next to",
        "adds up captions of different images: groups them by the wrong axis",
    ),
]
