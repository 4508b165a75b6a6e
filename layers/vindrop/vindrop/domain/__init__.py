"""What things are: no I/O, and nothing of ours from outside this room."""
