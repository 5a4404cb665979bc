"""What keeps a caller from being known; apart from what is answered then, which brings a web framework."""


class CannotTellError(Exception):
    """It cannot be told whether somebody is known, and why; its text is for who runs the server."""
