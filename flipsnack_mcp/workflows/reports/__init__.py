"""Statistics over many collections: rules and figures, what is known so far, and the run that asks the rest."""
