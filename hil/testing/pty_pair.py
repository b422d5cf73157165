"""Two pseudo-terminals joined back to back, as a null-modem cable: what goes in at one end comes out at the other.
Prints both device files, then runs until its standard input closes."""
import os
import pty
import select
import sys
import tty

ends = [pty.openpty() for _ in range(2)]
for master, slave in ends:
    tty.setraw(slave)  # the slaves stay open here, so that an end may close and open again
print(*[os.ttyname(slave) for _, slave in ends], flush=True)
first, second = (master for master, _ in ends)
while True:
    ready, _, _ = select.select([first, second, sys.stdin], [], [])
    if sys.stdin in ready and not os.read(sys.stdin.fileno(), 1024):
        break
    for source, sink in ((first, second), (second, first)):
        if source in ready:
            os.write(sink, os.read(source, 4096))
