"""The solutions of the exercises: the library's functions in a long form, step by step, with their derivations."""
