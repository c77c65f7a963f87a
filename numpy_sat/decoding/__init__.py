"""How captions are written: greedy decoding, beam search, ensembles."""
