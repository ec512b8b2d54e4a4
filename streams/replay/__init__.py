"""The replay: the log, archive first, folded into a generation beside the live one."""
