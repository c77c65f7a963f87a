"""Chapters: the longer story behind the exercises, in Markdown, and the code that draws their figures."""
