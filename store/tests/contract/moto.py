# Runs moto's S3 on a free port of loopback, until stdin is closed: that is when the test that started it ends,
# however it ends.
import os
import sys
import threading

from moto.server import main


def end_with_the_test():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_the_test, daemon=True).start()
# moto looks at a condition and then writes, with no lock around the two. That is one step only while Python switches
# threads nowhere but at reads and writes of sockets.
sys.setswitchinterval(3600)
main(["-H", "127.0.0.1", "-p", "0"])
