"""The commands that talk to a cloud as any OpenStack client does: boot and server."""
