"""What must outlive one call or be shared by several processes of the same person. Knows neither Flipsnack nor MCP."""
