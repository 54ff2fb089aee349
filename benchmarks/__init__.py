"""One question per file, answered as a ratio to a peer measured in the same run."""
