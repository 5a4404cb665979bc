"""Changes over many collections: what a rule comes to, what is kept of it, and how it is carried out."""
