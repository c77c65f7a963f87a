"""Patterns that the words for a wrong term must match, where several exercises share them."""

OVERWRITTEN = r"overwr|\+=|accumul|last (window|one|cell)"
TURNED = r"turn|flip|rotat|revers|\[::-1|-1 - p"
BIAS_TIMES = r"`?\bb\b`?.*(times|every|each|once)|bias.*(times|every|each|once)"
