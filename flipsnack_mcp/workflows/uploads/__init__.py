"""Uploads that outlive the call that asked for them: journal, sending, conversion, and what became of lost ones."""
