"""Stands where systemd listens: prints each notification that arrives on a Unix datagram socket.

notify_socket.py PATH  ->  "listening", then a line for each assignment
"""
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
    receiver.bind(sys.argv[1])
    print("listening", flush=True)
    while True:
        # Descriptors that come along (BARRIER=1) are closed by not taking them: the sender may go on.
        for line in receiver.recv(65536).decode().splitlines():
            print(line, flush=True)
