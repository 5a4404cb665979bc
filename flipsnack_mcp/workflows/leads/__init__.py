"""Leads: what people filled in and ordered, as Flipsnack's webhook brings it; how it is kept, and erased."""
