"""POST /v1/events: from bytes to completed events; and where an event stands afterwards."""
