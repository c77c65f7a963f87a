"""What each exercise asks, hints and judges with; its file for the learner is made from it (runner/stub.py).

A lesson's docstring is its title. INTRO opens the learner's file; IMPORTS are its imports; TASKS the functions to be
written, with what they are judged on; HINTS three of each: a question, the equation, the term. FORBIDDEN, where there
is one, names modules that would give the answer away; TIMED says that what is right is compiled and timed.
"""
