"""A person's yes: what they are shown, how they are asked, and what is remembered of their answers."""
