"""What writing a file needs beside the bytes: who is still at it, patience with Windows, and taking the place of another."""
