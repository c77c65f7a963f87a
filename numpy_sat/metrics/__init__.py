"""Metrics of captions: BLEU, METEOR, ROUGE-L and CIDEr-D."""
