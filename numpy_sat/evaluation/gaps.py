"""The record of how well a model fills gaps in captions, see gap_evaluation.py."""

from typing import NamedTuple

BOTH, LEFT, OTHER = "from both sides", "from the words before", "from both sides and another image"


class Gaps(NamedTuple):
    """How often gaps are filled right. Each gap is the only one of its caption."""

    cases: dict  # {kind of words: number of gaps}
    right: dict  # {kind of words: {BOTH, LEFT or OTHER: bootstrap.Share of the gaps}}
