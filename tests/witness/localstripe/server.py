"""localstripe, bounded: on this machine's loopback address alone, with nothing kept on disk.

Its own command listens on every address and writes to a fixed file. Prints its address.
"""

import socket

from aiohttp import web
from localstripe import resources, server

resources.store.__class__.dump_to_disk = lambda self: None

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
print("http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
web.run_app(server.app, sock=listener, access_log=None, print=None)
