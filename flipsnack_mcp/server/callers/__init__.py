"""Who calls and what that one may do, and whose account a call is about."""
