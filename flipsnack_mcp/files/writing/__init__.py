"""What writing a file needs beside the bytes: who is still at it, what was left of who is not, and patience with Windows."""
