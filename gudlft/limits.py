"""How often something may happen: failed sign-ins of a client, codes for an address."""

import ipaddress
import math
import threading
import time
from collections import OrderedDict, deque

KEYS_REMEMBERED = 10_000
NO_ADDRESS = "no address"


class TooOften(Exception):
    """Something was asked for too often; its text is the sentence that people read."""

    def __init__(self, sentence: str, seconds: int):
        """Keep after how many whole seconds it may be asked for again."""
        super().__init__(sentence)
        self.seconds = seconds


class RateLimit:
    """A limit of `most` events per key within `seconds`; if `most` is 0, there is none. Threads may share it."""

    def __init__(self, most: int, seconds: int):
        """Count nothing yet."""
        self.most = most
        self.seconds = seconds
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()  # by key; the one counted last is at the end
        self._lock = threading.Lock()

    def seconds_to_wait(self, key: str) -> int:
        """Return 0 if another event may be counted now, else the whole seconds until it may."""
        moments = self._moments.get(key)
        if not moments or len(moments) < self.most:
            return 0
        return max(0, math.ceil(moments[0] + self.seconds - time.monotonic()))

    def count(self, key: str) -> int:
        """Count an event and return 0; if it must wait, count nothing and return the whole seconds to wait."""
        with self._lock:
            wait = self.seconds_to_wait(key)
            if wait == 0:
                latest = self._moments.setdefault(key, deque(maxlen=self.most))
                latest.append(time.monotonic())
                self._moments.move_to_end(key)
            if len(self._moments) > KEYS_REMEMBERED:
                self._moments.popitem(last=False)
            return wait


def client_key(address: str | None) -> str:
    """Return a client's IPv4 address, or its IPv6 network; all without a valid address count as one client."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return NO_ADDRESS
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    network = ipaddress.IPv6Network((int(parsed), 64), strict=False)  # the number drops the zone, a text of any length
    return str(network)
