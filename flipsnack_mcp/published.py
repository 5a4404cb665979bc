"""Whether the name of this package is ours on the registry: the one place that says so.

As long as it is not, nobody is told to run it by that name: whoever took it first would be handed the key.
"""

PUBLISHED = False
