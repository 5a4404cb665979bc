"""What an assistant sees: the menu and its tools, prompts, resources, a person's yes, and the words of every answer."""
