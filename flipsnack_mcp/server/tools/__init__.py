"""The tools: one module for each family holds what they take, what they do and what they answer."""
