"""Measures that the lab is what it says, with programs of our own in its hosts (probe.py)."""
import contextlib, json, pathlib, statistics, subprocess, sys

from lab import Lab
from shape import Shape

PROBE = pathlib.Path(__file__).with_name('probe.py')
SEGMENT, PAYLOAD = 1500, 1448  # bytes of an IP packet, and what TCP with timestamps carries in it
SKIP, SECONDS = 3, 4  # of a connection: its start is left out


class Table:
    def __init__(self):
        self.false = 0
        print(f'{"lab":34} {"what":24} {"expected":>14} {"measured":>12}  tolerance', flush=True)

    def row(self, lab, what, unit, expected, measured, below, above):
        """`below` and `above` are what the measured may differ, in the unit."""
        true = expected - below <= measured <= expected + above
        self.false += not true
        print(f'{lab:34} {what:24} {expected:9.2f} {unit:4} {measured:7.2f} {unit:4}  -{below:.2f} +{above:.2f}'
              f'{"" if true else "  FALSE"}', flush=True)


@contextlib.contextmanager
def a_lab(forwarder, **shape):
    links = Lab([Shape(**shape)] * 2)
    try:
        links.set_up(forwarder, seed=1, log=None)
        yield links
    finally:
        links.tear_down()


def probe(links, host, *words):
    return subprocess.Popen(['ip', 'netns', 'exec', links.names[host], sys.executable, PROBE, *map(str, words)],
                            stdout=subprocess.PIPE, text=True)


def answer(process):
    said = process.communicate()[0]
    if process.returncode != 0:
        raise OSError(f'probe.py ended with {process.returncode}')
    return json.loads(said)


def pings(links, count=50, interval=0.02):
    return [1000 * trip for trip in answer(probe(links, 0, 'ping', links.addresses[1], count, interval))]


def connection(links, window=0):
    """Of one TCP connection: bits of payload a second, and the receiver's largest window in bytes."""
    receiver = probe(links, 1, 'receive', window, SKIP)
    receiver.stdout.readline()
    sender = probe(links, 0, 'send', links.addresses[1], SKIP, SECONDS)
    bits = 8 * answer(receiver)
    return bits, answer(sender)


def check_delay(forwarder, table):
    with a_lab(forwarder, delay=0.04) as links:
        table.row('40 ms', 'ping, median', 'ms', 80, statistics.median(pings(links)), 0, 2)
    with a_lab(forwarder, delay=0.04, jitter=0.01) as links:
        trips = pings(links, 150, 0.025)  # far enough apart not to wait for each other
        table.row('40 ms, jitter 10 ms', 'ping, least', 'ms', 60, min(trips), 0, 12)
        table.row('40 ms, jitter 10 ms', 'ping, mean', 'ms', 80, statistics.mean(trips), 2, 4)
        table.row('40 ms, jitter 10 ms', 'ping, most', 'ms', 100, max(trips), 12, 2)


def check_loss(forwarder, table):
    with a_lab(forwarder, delay=0.01, loss=0.02) as links:
        answers = 100 * len(pings(links, 4000, 0.0005)) / 4000
        # Both ways; four times the spread of as many draws.
        table.row('10 ms, loss 2 %', 'pings answered', '%', 100 * 0.98**2, answers, 1.3, 1.3)


def check_rate(forwarder, table):
    for rate, delay in ((1e9, 0.01), (100e6, 0.025), (10e6, 0.025)):
        with a_lab(forwarder, rate=rate, delay=delay) as links:
            expected = rate / 1e6 * PAYLOAD / SEGMENT
            measured = connection(links)[0] / 1e6
            table.row(f'{rate / 1e6:.0f} Mbit/s, {1000 * delay:.0f} ms', 'a TCP connection', 'Mb/s', expected, measured,
                      0.1 * expected, 0.02 * expected)


def check_window(forwarder, table):
    for delay in (0.02, 0.04):
        for window in (1 << 18, 1 << 20):
            with a_lab(forwarder, delay=delay) as links:
                bits, allowed = connection(links, window)
                expected = 8 * allowed / (2 * delay) / 1e6
                table.row(f'{1000 * delay:.0f} ms, SO_RCVBUF {window >> 10} KiB', 'a TCP connection', 'Mb/s', expected,
                          bits / 1e6, 0.25 * expected, 0.03 * expected)  # a busy receiver's window shrinks


def check(forwarder):
    """Prints the table; returns 1 where a line of it is off by more than its tolerance."""
    table = Table()
    for part in (check_delay, check_loss, check_rate, check_window):
        part(forwarder, table)
    print('the lab is true' if not table.false else f'{table.false} lines are off')
    return 1 if table.false else 0
