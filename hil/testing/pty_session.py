"""Runs a program on a terminal of its own and answers it. Standard input: JSON [[expected text, answer], ...]; each
answer is typed when its text has appeared after the one before. Prints what the program printed; ends with its code."""
import json
import os
import pty
import sys

steps = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:  # the program has ended
        break
    if not chunk:
        break
    sys.stdout.buffer.write(chunk)
    sys.stdout.flush()
    seen += chunk
    while steps and steps[0][0].encode() in seen:
        expected, answer = steps.pop(0)
        seen = seen.split(expected.encode(), 1)[1]
        os.write(terminal, answer.encode())
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
