"""Judge a learner's function against the library's and name the mistake behind wrong numbers."""
