"""What an operator sees of a server: the lines of its log, and spans and metrics on their way to a collector."""
