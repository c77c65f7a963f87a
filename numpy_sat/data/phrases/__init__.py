"""Phrases to translate, and the grammar that generates them."""
