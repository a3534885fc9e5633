"""What a host's link is like: rates, times, shares and sizes as a user writes them."""
import dataclasses, re


class Wrong(Exception):
    """A value that the user gave; its text is one sentence."""


UNITS = {'rate': {'bit': 1, 'kbit': 1e3, 'mbit': 1e6, 'gbit': 1e9},
         'time': {'us': 1e-6, 'ms': 1e-3, 's': 1},
         'size': {'b': 1, 'kb': 1e3, 'mb': 1e6, 'gb': 1e9, 'kib': 2**10, 'mib': 2**20, 'gib': 2**30},
         'share': {'%': 0.01}}
EXAMPLES = {'rate': '100mbit or 1gbit', 'time': '500us or 40ms', 'size': '256kb or 4mb', 'share': '0.1%'}
KIND = {'rate': 'rate', 'delay': 'time', 'jitter': 'time', 'loss': 'share', 'queue': 'size'}
SEGMENT = 1500  # bytes
SUPER_PACKET = 65536  # bytes, at most
SUPER_PACKET_TIME = 1e-3  # seconds: a lost super-packet is many packets lost at once, which no line does


def parse(name, text):
    """A value in bits/s, seconds, bytes or as a part of 1."""
    kind = KIND[name]
    match = re.fullmatch(r'(\d+(?:\.\d+)?)([a-z%]+)', text.strip().lower())
    if not match or match[2] not in UNITS[kind]:
        raise Wrong(f"{name} '{text}' is no {kind}: write it like {EXAMPLES[kind]}")
    value = float(match[1]) * UNITS[kind][match[2]]
    if name in ('rate', 'queue') and value == 0:
        raise Wrong(f"{name} '{text}' lets nothing through: leave it out for no limit")
    if name == 'loss' and value > 1:
        raise Wrong(f"loss '{text}' is more than 100%")
    return value


@dataclasses.dataclass(frozen=True)
class Shape:
    """A path between two hosts that are both like this; each host's link takes half of what adds up along it."""
    rate: float = None  # bits/s; None: no limit
    delay: float = 0  # seconds, one way
    jitter: float = 0  # seconds: the delay varies by as much up and down
    loss: float = 0  # a part of 1, of single packets
    queue: float = None  # bytes; None: by rate and delay

    def checked(self, whose):
        if self.jitter > self.delay:
            raise Wrong(f'{whose} has a jitter above its delay: packets cannot arrive before they are sent')
        if self.queue is not None and self.rate is None:
            raise Wrong(f'{whose} has a queue and no rate: without a rate nothing ever waits')
        return self

    def queue_bytes(self):
        """Twice what the line sends in a path's delay, one round trip's worth, and room for a few super-packets."""
        if self.queue is not None or self.rate is None:
            return int(self.queue or 0)
        return int(max(2 * self.rate / 8 * self.delay, 256 * 1024))

    def plan_words(self):
        """Of one link in one direction, as the forwarder's plan has it. A path has two: an up and a down."""
        half_loss = 1 - (1 - self.loss) ** 0.5
        return (f'{(self.rate or 0) / 8:.3f} {round(self.delay / 2 * 1e9)} {round(self.jitter / 2 * 1e9)} '
                f'{half_loss:.9f} {self.queue_bytes()}')


def super_packet_bytes(shapes):
    """The most that a host may send as one packet, which a line takes or drops whole: by the slowest line, and small
    beside the smallest queue."""
    most = [size for shape in shapes if shape.rate is not None
            for size in (shape.rate / 8 * SUPER_PACKET_TIME, shape.queue_bytes() / 16)]
    return int(min(SUPER_PACKET, max(2 * SEGMENT, min(most, default=SUPER_PACKET))))


def host_shapes(hosts, base, options):
    """Every host's shape: `base`, and what options like "2:rate=10mbit,delay=5ms" change."""
    shapes = [base] * hosts
    for option in options:
        number, colon, settings = option.partition(':')
        if not colon or not number.isdigit() or not settings:
            raise Wrong(f"--host '{option}' is not like 2:rate=10mbit,delay=5ms")
        if int(number) >= hosts:
            raise Wrong(f"--host '{option}' names host {number}, and the hosts are 0 to {hosts - 1}")
        values = {}
        for setting in settings.split(','):
            name, _, text = setting.partition('=')
            if name not in KIND:
                raise Wrong(f"--host '{option}' sets '{name}', which is none of {', '.join(KIND)}")
            values[name] = parse(name, text)
        shapes[int(number)] = dataclasses.replace(shapes[int(number)], **values)
    for number, shape in enumerate(shapes):
        shape.checked(f'host {number}')
    return shapes
