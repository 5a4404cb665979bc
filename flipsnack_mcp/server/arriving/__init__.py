"""What arrives from a client, before the SDK reads it: lines and bodies it cannot read, and what parameters mean."""
