"""What one script alone draws or checks, a file each; a script imports its own."""
