"""The one exception that commands turn into a sentence for the user."""


class InputError(ValueError):
    """Something handed to the program is unusable; the message names it, what is wrong and what to do."""
