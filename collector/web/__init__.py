"""What people see: the public page, the operators' page and the API, server-rendered, live by server-sent events."""
