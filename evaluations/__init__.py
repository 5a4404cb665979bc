"""Evaluations: what people ask for, played by any assistant against a sandbox of its own, and judged by what came of it."""
