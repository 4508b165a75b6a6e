"""Training of the VIN recogniser: from published weights, on drawn strips and real crops."""
