"""From what somebody wrote as a path to an open file in an upload folder, and to nothing else."""
