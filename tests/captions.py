"""Captions and references that the tests of metrics and of evaluation judge."""

CAT = "the cat sat on the mat".split()
LAY = "the cat lay down on the mat".split()
NAMES = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D"]
WORDS = ["a", "a", "a", "dog", "cat", "runs", "red", "two", "on", "grass", "the", "the"]


def random_captions(rng, images, references=3):
    """Draw captions of 0 to 11 words and references of 1 to 11 words, both as lists of words."""
    captions = [list(rng.choice(WORDS, rng.integers(12))) for _ in range(images)]
    said = [[list(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(references)] for _ in range(images)]
    return captions, said


def as_texts(captions, said):
    """Return the same captions and references as score() takes them."""
    named = {f"{k}.jpg": " ".join(words) for k, words in enumerate(captions)}
    return named, {f"{k}.jpg": [" ".join(words) for words in texts] for k, texts in enumerate(said)}
