"""What is measured: methods, on how many islands, over which links."""
import dataclasses, json

RATES = ('1gbit', '100mbit', '10mbit')
ISLANDS = (2, 4)
SEQUENCES, CONTEXT = 8, 256  # of an island's inner step, the same for everyone
WARM_ROUNDS = 2  # not timed: connections open and grow, and one step late is in its rhythm
WARM_STEPS = 2  # of those without rounds
OUTRIGGER, DDP, TORCHFT = 'outrigger', 'ddp', 'torchft'


@dataclasses.dataclass(frozen=True)
class Method:
    name: str
    title: str
    program: str
    sync: dict = dataclasses.field(default_factory=dict)  # of the recipe; H stands for `every`, H/5 for a fifth of it


METHODS = (Method('ddp', 'PyTorch DDP over Gloo, synchronous', DDP),
           Method('torchft', 'torchft DiLoCo, fp32', TORCHFT),
           Method('blocking', 'Outrigger, blocking, fp32', OUTRIGGER, {'codec': 'fp32'}),
           Method('streaming', 'Outrigger, streaming, int4, overlapped', OUTRIGGER,
                  {'codec': 'int4', 'fragments': 3, 'delay': 'H/5', 'alpha': 0.5}),
           Method('delayed', 'Outrigger, one step delayed, fp32', OUTRIGGER, {'codec': 'fp32', 'delay': 'H'}))


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run. With `sync` off the same processes train apart: what utilisation is measured against."""
    method: Method
    islands: int
    rate: str
    sync: bool
    every: int  # H
    rounds: int  # that are timed
    steps: int  # that are timed where all meet at each
    rtt_ms: float

    @property
    def name(self):
        what = self.method.name if self.sync else f'{self.method.program}-alone'
        return f'{what}-{self.islands}-{self.rate}'

    def key(self):
        """What the result depends on; a result of other settings does not count."""
        key = {'cell': self.name, 'rtt_ms': self.rtt_ms}
        if self.has_rounds():
            return {**key, 'every': self.every, 'rounds': self.rounds}
        return {**key, 'steps': self.steps_without_rounds()}

    def has_rounds(self):
        return self.sync and self.method.program != DDP

    def steps_without_rounds(self):
        return self.steps if self.sync else self.every  # apart they are quick, and all is measured against them

    def timed_steps(self):
        """The last step before the timed ones, and the last of these."""
        if not self.has_rounds():
            return WARM_STEPS, WARM_STEPS + self.steps_without_rounds()
        return WARM_ROUNDS * self.every, (WARM_ROUNDS + self.rounds) * self.every

    def overrides(self):
        """For the CLI. Progress is reported where the timed part begins and ends."""
        first, last = self.timed_steps()
        values = {'H': self.every, 'H/5': max(1, self.every // 5)}
        sync = self.method.sync if self.sync else {'enabled': False}
        sets = {'islands.count': self.islands, 'train.batch': SEQUENCES * self.islands, 'train.steps': last,
                'train.log_every': first, 'sync.every': self.every}
        sets.update((f'sync.{key}', values.get(value, value)) for key, value in sync.items())
        return [f'{key}={json.dumps(value)}' for key, value in sets.items()]


def grid(islands, rates, every, rounds, steps, rtt_ms):
    """Each program alone comes just before what is measured against it."""
    cells = []
    for count in islands:
        for rate in rates:
            alone = set()
            for method in METHODS:
                for sync in (False, True):
                    if not sync and method.program in alone:
                        continue
                    alone.add(method.program)
                    cells.append(Cell(method, count, rate, sync, every, rounds, steps, rtt_ms))
    return cells
