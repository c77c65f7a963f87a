"""Measure the speed of the kernels against the machine's limit, against slower algorithms, and against PyTorch.

rungs.py is the lesson, from nested loops to the kernels that training runs. works.py lists what is measured. ours.py
and theirs.py run it, each in its own process (workers.py). limits.py measures the machine's limits.
"""
