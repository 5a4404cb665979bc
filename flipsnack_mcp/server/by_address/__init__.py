"""What is different for people who have no disk in common with the server: documents and files come and go by addresses."""
