"""Nothing lost: real processes that are really killed, real disks that are really full."""
