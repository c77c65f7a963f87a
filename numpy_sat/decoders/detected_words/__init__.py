"""The model "detected-words", after Fang et al. 2014: detect words, write captions from them, and rank the captions.

detector.py     the word detectors: noisy-OR over the locations
language.py     the language model: maximum entropy, over detected words that are not yet said
matching.py     the similarity of image and caption: two small networks
ranking.py      the features by which a list of captions is ranked again
model.py        the model: what decoders/__init__.py asks of it, and the stages of its training
"""
