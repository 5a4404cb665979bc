"""What people look at where their client shows it: one page for all answers, and what only it is told."""
