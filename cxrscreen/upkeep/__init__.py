"""Keep an installation sound: examine, tell its state, recover, back up, expire."""
