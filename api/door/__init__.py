"""What every connection meets before a route does: HTTP/1.1 on the wire, and bounds of heads and bodies."""
