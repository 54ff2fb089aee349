"""Parts of the scripts that train GANs on images."""
