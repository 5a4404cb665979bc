"""The webhook: what readers send in, and how it gets to the one address of the account."""
