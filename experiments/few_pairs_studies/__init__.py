"""Parts of the script that learns to translate from few pairs."""
