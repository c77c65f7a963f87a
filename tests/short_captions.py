"""All captions of at most three words of a tiny vocabulary, for exact expectations over captions."""

from itertools import product

from numpy_sat.data.vocabulary import END

V, MAX_WORDS = 5, 3  # <start>, <end>, <unk> and two words; captions of at most three words
CAPTIONS = [
    (*words, *end)
    for length in range(MAX_WORDS + 1)
    for words in product([word for word in range(V) if word != END], repeat=length)
    for end in ([()] if length == MAX_WORDS else [(END,)])
]  # all possible captions: with <end>, or cut at MAX_WORDS
