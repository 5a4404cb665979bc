"""HTTP, for one person or for a team: who may call and how much, whether a server is well, and how it ends."""
