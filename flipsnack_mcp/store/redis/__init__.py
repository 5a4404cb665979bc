"""The store on Redis or Valkey, for servers on several machines. The client is imported when something is stored."""
