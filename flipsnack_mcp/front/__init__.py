"""The first moments of a server on stdio: hand-shake and lists from a generated file, the SDK behind it once it is needed."""
