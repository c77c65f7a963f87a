"""Phrases to translate, and the grammar they are drawn from."""
