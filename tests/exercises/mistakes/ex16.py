"""Typical mistakes in exercise 16."""

from .record import Mistake

MISTAKES = [
    Mistake(
        16,
        "extend",
        "total = scores[:, :, None] + log_p",
        "total = log_p",
        "total",
        r"score|before|so far",
        "ranks by the last word's log probability alone",
    ),
    Mistake(
        16,
        "extend",
        "candidate_lengths = np.where(done, lengths, lengths + 1)",
        "candidate_lengths = lengths + 1",
        "new_lengths",
        r"`?done|finished",
        "lets finished captions grow longer",
    ),
    Mistake(
        16,
        "extend",
        "new_scores = total[images, parents, words]",
        "new_scores = np.take_along_axis(rank.reshape(N, -1), numbers, axis=1)",
        "scores",
        r"rank|normali[sz]|divided|length",
        "carries the rank to the next step instead of the score",
    ),
    Mistake(
        16,
        "beam_search",
        """\
        state = decoder.select(state, (first_rows + parents).ravel())
""",
        """\
        own = np.minimum(np.arange(slots), slots_before - 1)
        state = decoder.select(state, (first_rows + own).ravel())
""",
        "state",
        r"parent|row|select|slot",
        "continues each slot from its own state instead of its parent's",
    ),
    Mistake(
        16,
        "beam_search",
        """\
    N, slots = len(a), 1
    state = decoder.begin(params, a)
""",
        """\
    N, slots = len(a), k
    state = decoder.select(decoder.begin(params, a), np.repeat(np.arange(N), k))
""",
        "words or scores or lengths or done or shape",
        r"one slot|1 slot|k (equal )?(slots|beams)|\(\w+, (1|k)\)|alike|all the same|slots at first|many slots",
        "starts with k equal slots, which all write the same caption",
    ),
    Mistake(
        16,
        "beam_search",
        "softmax.log_softmax(logits.astype(np.float64))",
        "logits.astype(np.float64)",
        "log_p",
        r"softmax|normali[sz]|log prob|logits",
        "adds up logits instead of log probabilities",
    ),
]
