"""Who reads the VIN."""
