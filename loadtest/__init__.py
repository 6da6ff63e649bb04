"""What the swarm of locustfile.py is built on: reading pages, judging answers, and reconciling."""
