"""BLEU"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.metrics import bleu
from solutions import ex17_bleu as by_hand

FACTS = Facts(difficulty=2, minutes=45, chapter="judging_captions")

INTRO = """\
Goal            Score captions, and see what such a score misses. BLEU (Papineni et al. 2002) counts the n-grams of a
                caption that also occur in one of the image's references. An n-gram is a sequence of n words.

Equations       p_n      = n-grams of the captions that match / n-grams of the captions                n = 1, 2, 3, 4
                matches  = for each different n-gram of a caption: min(count there, largest count in one reference)
                c, r     = words of the captions, words of the references. For each image, r counts the reference whose
                           length is closest to the caption's: the shorter one of two equally close
                brevity  = 1 where c > r, else exp(1 - r / c)
                BLEU-n   = 100 brevity (p_1 p_2 ... p_n)^(1/n); 0 where one of these p is 0         a list of four
                The whole corpus counts as one text: matches, n-grams, c and r are summed over all captions before
                anything is divided. Why min? Else every word of "the the the the" would match. Why brevity? Else short
                captions of safe words would win.

Worked example  The caption "a man in a" and one reference, "a man rides in the deep snow", which has one "a":
                p_1 = 3/4   p_2 = 1/3   brevity = 0.472   BLEU-1 = 35.4   BLEU-2 = 23.6
                Find p_3, BLEU-3 and BLEU-4. A second image's caption is "snow", and so is its only reference. What is
                BLEU-1 of the two images together? Is it the mean of 35.4 and 100?

Your task       1. bleu: return BLEU-1 to BLEU-4 as a list of four floats. Trap: a caption of fewer than n words counts
                   as one n-gram that does not match, as in nltk, which the library uses. Trap: a match is clipped by
                   each reference on its own, not by the sum over references. If no caption has a word, return zeros.

Given           Python alone will do, with collections.Counter and math. captions are lists of words. There is no cache.
"""

IMPORTS = """\
import math
from collections import Counter"""

CORPORA = {  # name: (captions, references of each); the alphabetically first wrong one tells most
    "basic": (["a dog runs on the green grass"], [["a dog runs on wet green grass"]]),
    "brevity": (["a man in a"], [["a man rides in the deep snow all day long"]]),
    "clipped": (["the the the on the mat"], [["the cat is on the mat"]]),
    "closest": (
        ["two men on a bench"],
        [["one man is asleep on a green bench", "on a bench", "two old men on a bench", "a bench " * 6]],
    ),
    "corpus": (
        ["a girl jumps", "the brown dog runs over the wet grass"],
        [["a girl jumps high into the air"], ["the dog runs over the wet grass"]],
    ),
    "equally_close": (["two men on a bench"], [["two old men on a bench", "men on a bench"]]),
    "no_pair": (["dog a runs"], [["a dog sits and runs"]]),
    "nothing": (["blue sky"], [["a dog runs"]]),
    "several": (["a small dog and a small cat"], [["a small dog barks at a bird", "one small cat and a dog"]]),
    "wordless": ([""], [["a dog runs"]]),
}

RULES = {
    "basic": "p_n = matches / n-grams of the caption; BLEU-n = 100 (p_1 ... p_n)^(1/n)",
    "brevity": "brevity = exp(1 - r / c) where c <= r: c words of the caption, r of the reference",
    "clipped": 'an n-gram matches at most as often as the reference has it: "the" occurs 2 times, so 2 of 4 match',
    "closest": "r is the length of the reference closest to the caption's: 5 words; 8, 3, 6 and 12 words, so 6",
    "corpus": "matches, n-grams, c and r are summed over all captions first; then p_n and one brevity for all",
    "equally_close": "of two references equally close in length, r is the shorter: 5 words; 6 and 4 words, so 4",
    "no_pair": "where no n-gram matches, p_n is 0, and so are BLEU-n and all higher ones",
    "nothing": "where no word matches, all four are 0",
    "several": "an n-gram's count in the references is its largest count in any one of them, not the sum over all",
    "various": "all rules at once, in random captions with few different words",
    "wordless": "if no caption has a word, all four are 0: return a list of four zeros",
}

VARIABLES = {
    "caption": "captions and references are the arguments, unchanged: lists of words without <end>",
    "counts": "counts = the number of times each different n-gram occurs in the caption, from start 0 to words - n",
    "limit": "limit = the largest count of each n-gram in any one reference",
    "matches": "matches = the sum over the caption's n-grams of min(count, largest count in one reference)",
    "ngrams": "ngrams = the number of n-grams of the captions: words - n + 1 for each caption",
    "length": "length = the number of words of the caption",
    "closest": RULES["closest"],
    "caption_words": "c = the number of words of all captions",
    "reference_words": "r = the sum over images of the closest reference's length",
    "brevity": "brevity = 1 where c > r, else exp(1 - r / c)",
    "precisions": "p_n = matches / n-grams, each summed over all captions",
    "mean_logarithm": "(p_1 ... p_n)^(1/n) = exp((log p_1 + ... + log p_n) / n)",
    "scores": "BLEU-n = 100 brevity (p_1 ... p_n)^(1/n); 0 where one of these p is 0",
}


def cases(rng):
    """Return small corpora that each test one rule, and a random one with few different words."""

    def split(sentences):
        return [sentence.split() for sentence in sentences]

    corpora = {
        name: (split(captions), [split(image_references) for image_references in references])
        for name, (captions, references) in CORPORA.items()
    }

    def sentence():
        return list(rng.choice(["a", "dog", "runs", "on", "grass"], rng.integers(4, 9), p=[0.4, 0.2, 0.2, 0.1, 0.1]))

    corpora["various"] = [sentence() for _ in range(8)], [[sentence() for _ in range(3)] for _ in range(8)]
    return [{"corpora": corpora}]


def drive(function, case):
    """Return BLEU-1 to BLEU-4 of each corpus."""
    return tuple(np.array(function(captions, references)) for captions, references in case["corpora"].values())


MATCHES = "sum(min(count, limit[ngram]) for ngram, count in counts.items())"
CLOSEST = "min((abs(len(reference) - length), len(reference)) for reference in image_references)[1]"
RATIO, INVERTED = "reference_words / caption_words", "caption_words / reference_words"
BREVITY = f"min(1.0, math.exp(1 - {RATIO}))"
ALL = "zip(captions, references, strict=True)"

MISTAKES = (  # of the solution's text
    *(
        Mistake(
            "        for n in (1, 2, 3, 4):\n            counts",
            f"        image_references = image_references[{part}]\n        for n in (1, 2, 3, 4):\n            counts",
            f"only the {which} reference is used",
        )
        for part, which in ((":1", "first"), ("-1:", "last"))
    ),
    *(
        Mistake(
            "            for reference in image_references:\n",
            f"            for reference in image_references[{part}]:\n",
            f"n-grams are compared with the {which} reference only",
            "limit",
        )
        for part, which in ((":1", "first"), ("-1:", "last"))
    ),
    Mistake(
        MATCHES,
        "sum(count for ngram, count in counts.items() if ngram in limit)",
        "not clipped: a repeated n-gram matches each time",
    ),
    Mistake(
        MATCHES,
        "sum(1 for ngram in counts if ngram in limit)",
        "each different n-gram matches only once; it may match as often as it occurs in a reference",
    ),
    Mistake(
        MATCHES,
        "max(sum((counts & _count(reference, n)).values()) for reference in image_references)",
        "clipped by the one reference that matches best: each n-gram may match another reference",
    ),
    Mistake("max(limit[ngram], count)", "limit[ngram] + count", "the counts of all references are added up"),
    Mistake("max(limit[ngram], count)", "count", "the count in the last reference, not the largest count"),
    Mistake("counts = _count(caption, n)", "counts = Counter(set(_count(caption, n)))", "each n-gram is counted once"),
    Mistake(
        "sum(counts.values()))",
        "sum(_count(image_references[0], n).values()))",
        "divided by the number of the reference's n-grams: precision divides by the caption's",
    ),
    Mistake(CLOSEST, CLOSEST.replace("[1]", "[0]"), "the difference of the lengths, not the reference's length"),
    Mistake(CLOSEST, "len(image_references[0])", "the first reference, not the closest"),
    Mistake(
        CLOSEST, "min(len(reference) for reference in image_references)", "the shortest reference, not the closest"
    ),
    Mistake(CLOSEST, "max(len(reference) for reference in image_references)", "the longest reference, not the closest"),
    Mistake(
        CLOSEST,
        "sum(len(reference) for reference in image_references) / len(image_references)",
        "the mean length of the references, not the closest",
    ),
    Mistake(
        CLOSEST,
        "len(min(image_references, key=lambda reference: abs(len(reference) - length)))",
        "of two equally close references, the first or the longer, not the shorter",
    ),
    Mistake(BREVITY, "1.0", "the brevity penalty is missing"),
    Mistake(BREVITY, BREVITY.replace(RATIO, INVERTED), "c / r where r / c belongs: the ratio is inverted"),
    Mistake(
        BREVITY,
        f"1.0 if caption_words > reference_words else math.exp(1 - {INVERTED})",
        "c / r where r / c belongs: the ratio is inverted",
    ),
    Mistake(
        BREVITY,
        f"1.0 if caption_words > reference_words else math.exp(-{RATIO})",
        "exp(-r / c) where exp(1 - r / c) belongs",
    ),
    Mistake(BREVITY, BREVITY[len("min(1.0, ") : -1], "brevity is at most 1: long captions get no bonus"),
    Mistake(BREVITY, "min(1.0, caption_words / reference_words)", "c / r where exp(1 - r / c) belongs"),
    Mistake("1 - reference_words / caption_words", "1 - caption_words / reference_words", "r / c is inverted"),
    Mistake("math.exp(mean_logarithm)", "sum(precisions) / n", "the arithmetic mean of p_1 ... p_n, not the geometric"),
    Mistake("math.exp(mean_logarithm)", "precisions[-1]", "p_n alone: BLEU-n is the geometric mean of p_1 to p_n"),
    Mistake("for p in precisions) / n", "for p in precisions) / 4", "the fourth root, not the n-th"),
    Mistake(
        "precisions = [",
        "precisions = []\n"
        "        if len(captions) > 1:\n"
        f"            single = [bleu([caption], [image_references]) for caption, image_references in {ALL}]\n"
        "            return [sum(scores) / len(single) for scores in zip(*single)]\n"
        "        precisions = [",
        "the mean of the captions' BLEU: the whole corpus counts as one text",
    ),
    Mistake(
        ALL,
        'zip([[*c, "<end>"] for c in captions], [[[*r, "<end>"] for r in several] for several in references])',
        "<end> is counted as a word",
    ),
    Mistake(
        ALL,
        'zip([" ".join(c) for c in captions], [[" ".join(r) for r in several] for several in references])',
        "n-grams of characters are counted, not of words",
    ),
)

TASKS = (
    Task(
        bleu,
        "bleu",
        cases,
        tuple(RULES),
        {**RULES, **VARIABLES},
        drive,
        single=False,
        mistakes=MISTAKES,
        twin=by_hand.bleu,
    ),
)

HINTS = {
    "bleu": (
        "For one caption and one n: which n-grams does it have, how often, and how often may each of them match?",
        "matches_n = sum over captions and their n-grams of min(count, largest count in one reference);  "
        "BLEU-n = 100 brevity (p_1 ... p_n)^(1/n)",
        "A corpus has as many captions as lists of references. matches_n and ngrams_n are one number for each n, "
        "summed over all captions. The result is a list of four floats.",
        "Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) counts n-grams. | of two Counters keeps "
        "the larger counts, & the smaller. Closest: min((abs(length - c), length) for length in lengths)[1].",
    ),
}

FORBIDDEN = ("nltk", "sacrebleu")


def pencil():
    """Return the worked example of the page."""
    caption, references = "a man in a".split(), ["a man rides in the deep snow".split()]
    corpora = {"one": ([caption], [references]), "two": ([caption, ["snow"]], [references, [["snow"]]])}
    return [Example("bleu", {"corpora": corpora}, ("one image", "two images"))]
