"""What a boot does at other services and on the host's disk, each with its undoing."""
