"""vindrop: a photo of a vehicle's VIN in, the VIN out. Nothing lost, nothing paid twice."""

__version__ = "0.2.0"
