"""Flickr8k: reading it as people have it, and downloading it."""
