"""Write captions: greedy decoding, beam search and ensembles."""
