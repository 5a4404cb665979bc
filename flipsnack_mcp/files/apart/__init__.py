"""Programs that read other people's files in a process of their own, and what starts, feeds and ends them."""
