"""Parts of the scripts that translate images."""
