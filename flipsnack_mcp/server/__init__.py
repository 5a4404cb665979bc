"""What an assistant sees: tools, policy, confirmation and wording. The only room, besides commands, that speaks MCP."""
