"""What writing a file needs beside the bytes: who is still at it, and patience with Windows."""
