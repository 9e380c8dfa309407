"""Connections that stay: so many idle ones, each with an answer behind it, and so many readers that
take nothing of what they asked for. Says `held` when all are there, and waits to be ended.

Usage: hold.py HOST:PORT PATH IDLE SLOW
"""

import resource
import signal
import socket
import sys

IP_BIND_ADDRESS_NO_PORT = 24
# More than the kernels keep between them.
ANSWERS = 200


def connect(where, own, room=None):
    connection = socket.socket()
    if room:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    connection.bind((own, 0))
    connection.settimeout(20)
    connection.connect(where)
    return connection


def main():
    address, path, idle, slow = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    head = f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    get = head.replace(b"HEAD", b"GET")
    held = []
    for n in range(int(idle)):
        connection = connect((host, int(port)), f"127.0.0.{2 + n % 8}")
        connection.sendall(head)
        if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
            sys.exit(f"connection {n} is not answered 200")
        held.append(connection)
    for n in range(int(slow)):
        connection = connect((host, int(port)), "127.0.0.2", 4096)
        connection.sendall(get * ANSWERS)
        held.append(connection)
    print("held", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
