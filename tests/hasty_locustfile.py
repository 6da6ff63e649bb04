"""The swarm, but its users pause for a moment only: tests wait until their visits are over."""

from locust import constant

from locustfile import Secretary

__all__ = ["Secretary"]
Secretary.wait_time = constant(0.02)
