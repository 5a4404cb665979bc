"""What a person can run: serve, demo, doctor, approve, history and sandbox."""


def say(text: str) -> None:
    """Print what a command has to say, at once, so that a person sees it happen."""
    print(text, flush=True)  # noqa: T201  # this is a command's output


def fail(text: str) -> int:
    """Say why a command did not do what it was asked, and give its exit status."""
    say(text)
    return 1
