"""The scores of captions, as numbers: BLEU, METEOR, ROUGE-L and CIDEr-D."""
