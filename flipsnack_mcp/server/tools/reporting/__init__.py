"""Reports and audits: what they take, how they are watched, and how their answers name collections."""
