"""One request from its bytes to its answer: read, let through or refused, carried out, spoiled where a fault wants that."""
