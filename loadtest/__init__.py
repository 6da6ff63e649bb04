"""What the swarm of locustfile.py needs beside: reading pages, judging answers, and reconciling."""
