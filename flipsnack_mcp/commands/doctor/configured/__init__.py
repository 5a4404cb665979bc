"""What the clients of this computer are told of this server: found and read (`entries`), filled in (`filling`), judged (`judging`)."""
