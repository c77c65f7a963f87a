"""How fast the kernels are: against the machine's limit, against slower ways to compute the same, against PyTorch.

rungs.py is the lesson, from nested loops to what training runs; works.py lists what is measured, ours.py and theirs.py
run it, each in a process of its own (workers.py), and limits.py measures what the machine could do at best.
"""
