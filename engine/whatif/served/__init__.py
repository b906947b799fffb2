"""What a service gives a what-if: its snapshot, and a process in which a question is answered for it."""
