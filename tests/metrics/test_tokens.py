"""Test the tokenizer of the metrics against the one of the COCO evaluation."""

import pytest

from numpy_sat.data import vocabulary
from numpy_sat.metrics import tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A child , in a PINK dress .", "a child in a pink dress"),
        ("A dog runs. A cat sits.", "a dog runs a cat sits"),
        ("the dog's toy, the dogs' toys", "the dog 's toy the dogs toys"),
        ("the dog 's toy", "the dog 's toy"),
        ("I'm sure he'd say they'll, we've, you're", "i 'm sure he 'd say they 'll we 've you 're"),
        ("DON'T run, it isn't; it did n't", "do n't run it is n't it did n't"),
        ("he shouldn't've", "he should n't 've"),
        ("the dog\u2019s toy isn\u2019t \u201chere\u201d", "the dog 's toy is n't here"),
        ("cannot gonna wanna gotta gimme lemme 'tis", "can not gon na wan na got ta gim me lem me 't is"),
        ("a t-shirt at 3 o'clock, ma'am", "a t-shirt at 3 o'clock ma'am"),
        ("a bird's-eye view, an ant 's-eye-view", "a bird 's eye view an ant 's eye-view"),
        ("slip 'n' slide, rock 'n roll, rock n' roll", "slip 'n' slide rock 'n roll rock n roll"),
        ("an '80s car, a 70's car, get 'em", "an '80s car a 70 's car get 'em"),
        ("3,000 dogs, 1.5 cats, 10:30, 1/2 and 3,4", "3,000 dogs 1.5 cats 10:30 1/2 and 3,4"),
        ("player #7 gets $5 & 50%", "player # 7 gets $ 5 & 50 %"),
        ("black/white dogs&cats", "black/white dogs & cats"),
        ("in Washington D.C. at 9 a.m.", "in washington d.c. at 9 a.m."),
        ("Mr. and mrs. Dog, Dr. Cat on main st., Jan. 6", "mr. and mrs. dog dr. cat on main st. jan. 6"),
        ("shirt no. 5 , no.", "shirt no. 5 no"),
        ("a dog ( brown ) [x] {y}", "a dog -lrb- brown -rrb- -lsb- x -rsb- -lcb- y -rcb-"),
        ("dog -- cat - bird -fish mid- x--y a\u2014b", "dog cat bird fish mid x y a b"),
        ("\"loud\" 'quiet' ``old'' `x`", "loud quiet old x"),
        ("wow! what? wow!! a dog?! ... runs....", "wow what wow !! a dog ?! runs"),
        ("see avrovulcan.com a_b", "see avrovulcan.com a_b"),
        ("a <unk> dog", "a <unk> dog"),
        ("the sun. the slide.", "the sun the slide"),
        ("Ein MÄDCHEN im Cafe\u0301", "ein mädchen im café"),
        (" ...!? ", "!?"),
        (" . ", ""),
        ("", ""),
    ],
)
def test_texts_are_tokenized_as_by_coco(text, words):
    assert tokens.ptb_tokenize(text) == words.split()
    assert tokens.ptb_tokenize(words) == words.split()  # tokenizing again changes nothing


def test_words_of_the_captioner_stay_whole():
    words = vocabulary.tokenize("The man's t-shirt isn't at the bird's-eye-view, it's 3 o'clock (they'll say)")
    assert tokens.ptb_tokenize(" ".join(words)) == words
