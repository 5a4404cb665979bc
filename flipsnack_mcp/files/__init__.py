"""The only code that touches the user's disk: documents go out to Flipsnack, packages come in."""
