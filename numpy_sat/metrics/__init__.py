"""How captions are judged.

    score(captions, references)        {"BLEU-1": ..., "METEOR": ..., "ROUGE-L": ..., "CIDEr-D": ...} in percent
    intervals(captions, references)    what chance makes of each, (low, high)
    judge(captions, references)        both at once, without BLEU's brevity penalty, and against other captions

Captions are {picture: text}, references {picture: [texts]}. All are scores of the corpus.
"""

from numpy_sat.metrics.judging import Judged, intervals, judge, score
from numpy_sat.metrics.meteor import matching

__all__ = ["Judged", "intervals", "judge", "matching", "score"]
