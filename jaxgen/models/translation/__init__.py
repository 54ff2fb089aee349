"""Models from images to images: with pairs and without, both ways and one way."""
