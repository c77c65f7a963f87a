"""The exercises' solutions: the long form of the library's short form, step by step, with the algebra in words."""
