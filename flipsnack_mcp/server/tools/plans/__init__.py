"""Tools over many collections: a plan first, then exactly that plan, carried out in the background while calls watch."""
