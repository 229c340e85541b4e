"""What the verbs of an import say when they say no."""


class CannotImport(Exception):
    """The import is not in a state for this, or something stands in its way; the text is for the person who asked."""
