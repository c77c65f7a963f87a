"""Captions and references for the tests of metrics and evaluation."""

CAT = "the cat sat on the mat".split()
LAY = "the cat lay down on the mat".split()
NAMES = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D"]
WORDS = ["a", "a", "a", "dog", "cat", "runs", "red", "two", "on", "grass", "the", "the"]


def random_captions(rng, images, references=3):
    """Return random captions of 0 to 11 words and references of 1 to 11 words, both as word lists.

    Args:
        rng: numpy Generator.
        images: number of images.
        references: number of references per image.
    Returns:
        captions: a word list for each image.
        references: a list of word lists for each image.
    """
    captions = [list(rng.choice(WORDS, rng.integers(12))) for _ in range(images)]
    image_references = [
        [list(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(references)] for _ in range(images)
    ]
    return captions, image_references


def as_texts(captions, references):
    """Return the captions and references as texts by image name, as judging.judge takes them."""
    caption_texts = {f"{k}.jpg": " ".join(words) for k, words in enumerate(captions)}
    reference_texts = {
        f"{k}.jpg": [" ".join(words) for words in image_references] for k, image_references in enumerate(references)
    }
    return caption_texts, reference_texts
