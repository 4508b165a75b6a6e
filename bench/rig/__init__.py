"""What the benches share: instances that can be killed, photos that are known, stores that go away."""
