"""Patterns shared by several exercises that the message about a wrong term must match."""

OVERWRITTEN = r"overwr|\+=|accumul|last (window|one|cell)"
TURNED = r"turn|flip|rotat|revers|\[::-1|-1 - p"
BIAS_TIMES = r"`?\bb\b`?.*(times|every|each|once)|bias.*(times|every|each|once)"
