"""What a person wants done over several calls. Plain async functions; progress goes out through a callable."""
