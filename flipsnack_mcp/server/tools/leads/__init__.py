"""What readers filled in and ordered, as it may be shown to whoever asks."""
