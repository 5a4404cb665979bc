"""Tools over many documents at once, and the one that stops what goes on in the background."""
