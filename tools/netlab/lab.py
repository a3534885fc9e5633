"""The lab itself: network namespaces, their devices, the forwarder. Everything is named after the process that owns
it, and lies inside the lab's own namespaces, so that removing these removes all."""
import os, pathlib, re, signal, subprocess, time

from shape import super_packet_bytes

NAMESPACES = pathlib.Path('/run/netns')
NAME = re.compile(r'netlab-(\d+)-(\d+)-(?:\d+|switch)')
DEVICE = 'wan'  # as tun.h has it
NETWORK = '10.89'
MAX_HOSTS = 200
WINDOW = 64 * 1024 * 1024  # bytes: more than the product of any rate and delay here
QUEUE_PACKETS = 10000  # of a device: the forwarder empties it at once

SYSCTLS = {'net/ipv4/tcp_rmem': f'4096 131072 {WINDOW}', 'net/ipv4/tcp_wmem': f'4096 131072 {WINDOW}'}
CONGESTION = 'cubic'  # Linux's own default, whatever this machine prefers; as a route's property it needs no permission


class Broken(Exception):
    """This machine lacks something; the text is one sentence."""


def started(pid):
    """When a process started, in clock ticks since boot; None: there is none. With it a number that the system gave
    out again is told from the first owner's."""
    try:
        words = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return None
    return None if words[0] in 'ZX' else words[19]


def ip(*words, text=None):
    done = subprocess.run(['ip', *words], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken(f"'ip {' '.join(words)}' failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


def within(name, script):
    """Runs a line of shell in a namespace."""
    done = subprocess.run(['ip', 'netns', 'exec', name, 'sh', '-c', script], capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken(f"'{script}' failed in namespace {name}: {done.stderr.strip()}")


def all_names():
    return sorted(path.name for path in NAMESPACES.glob('netlab-*') if NAME.fullmatch(path.name))


def remove(names):
    """Ends what runs in these namespaces and removes them. What is gone already is passed over."""
    for name in names:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            found = subprocess.run(['ip', 'netns', 'pids', name], capture_output=True, text=True).stdout.split()
            if not found:
                break
            for pid in map(int, found):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        subprocess.run(['ip', 'netns', 'delete', name], capture_output=True)


def clean():
    """Removes what dead owners left; returns the names."""
    left = []
    for name in all_names():
        pid, when = NAME.fullmatch(name).groups()
        if started(pid) != when:
            left.append(name)
    remove(left)
    return left


class Lab:
    """Hosts with a link each. The owner is this process; whatever happens to it, a guard removes the lab."""

    def __init__(self, shapes):
        self.shapes = shapes
        self.owner = f'netlab-{os.getpid()}-{started(os.getpid())}'
        self.names = [f'{self.owner}-{number}' for number in range(len(shapes))]
        self.addresses = [f'{NETWORK}.0.{number + 1}' for number in range(len(shapes))]
        self.switch = f'{self.owner}-switch'
        self.forwarder = None

    def guard(self):
        """A process that waits for this one's end, by the pipe that it leaves, and then removes the lab. It runs
        after an ordered end too, and then finds nothing."""
        end, self.life = os.pipe()
        if os.fork() != 0:
            os.close(end)
            return
        try:
            os.setsid()
            for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(each, signal.SIG_IGN)
            os.close(self.life)
            nothing = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(nothing, standard)
            os.read(end, 1)
            remove(self.mine())
        finally:
            os._exit(0)

    def mine(self):
        return [name for name in all_names() if name.startswith(self.owner + '-')]

    def set_up(self, forwarder, seed, log=subprocess.DEVNULL):
        """With a forwarder (its path), or with veth pairs and a bridge where it is None."""
        if forwarder and not os.access(forwarder, os.X_OK):
            raise Broken(f"there is no forwarder at {forwarder}: run './outrigger build', or name one with --forwarder")
        self.guard()
        for name in [*self.names, *([] if forwarder else [self.switch])]:
            ip('netns', 'add', name)
        for name in self.names:
            within(name, ' && '.join(f"echo '{value}' > /proc/sys/{key}" for key, value in SYSCTLS.items()))
        if forwarder:
            self.start(forwarder, seed, log)
        else:
            self.connect()
        most = super_packet_bytes(self.shapes)
        for name, address in zip(self.names, self.addresses):
            ip('-n', name, '-batch', '-', text=f'''link set dev lo up
                address add {address}/24 dev {DEVICE} noprefixroute
                link set dev {DEVICE} txqueuelen {QUEUE_PACKETS} gso_max_size {most} up
                route add {NETWORK}.0.0/24 dev {DEVICE} src {address} congctl {CONGESTION}''')

    def start(self, path, seed, log):
        # A session of its own: a terminal's Ctrl-C is not for it.
        self.forwarder = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                          text=True, start_new_session=True)
        lines = [f'seed {seed}']
        if any(shape.loss for shape in self.shapes):
            lines.append('segments')
        for name, address, shape in zip(self.names, self.addresses, self.shapes):
            lines.append(f'host {name} {address} {shape.plan_words()}')
        self.forwarder.stdin.write('\n'.join([*lines, 'end\n']))
        self.forwarder.stdin.flush()
        if self.forwarder.stdout.readline() != 'ready\n':
            raise Broken(f'the forwarder ended with {self.forwarder.wait()}; --logs keeps what it said')

    def connect(self):
        ip('-n', self.switch, 'link', 'add', 'bridge', 'type', 'bridge')
        ip('-n', self.switch, 'link', 'set', 'dev', 'bridge', 'up')
        for number, (name, shape) in enumerate(zip(self.names, self.shapes)):
            ip('-n', name, 'link', 'add', DEVICE, 'type', 'veth', 'peer', 'name', f'port{number}', 'netns', self.switch)
            ip('-n', self.switch, 'link', 'set', 'dev', f'port{number}', 'master', 'bridge', 'up')
            if shape.rate is not None:
                for where, device in ((name, DEVICE), (self.switch, f'port{number}')):
                    self.limit(where, device, shape)

    @staticmethod
    def limit(name, device, shape):
        burst = int(max(shape.rate / 8 / 250, 2 * 65536))  # a tick of the coarsest clock, or two super-packets
        command = ['tc', '-n', name, 'qdisc', 'add', 'dev', device, 'root', 'tbf', 'rate', f'{round(shape.rate)}bit',
                   'burst', str(burst), 'limit', str(shape.queue_bytes() + burst)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken(f"'tc ... tbf' failed: {done.stderr.strip()}")

    def check(self):
        """Broken where the links are gone."""
        if self.forwarder and self.forwarder.poll() is not None:
            raise Broken(f'the forwarder ended with {self.forwarder.returncode} before the commands did')

    def tear_down(self):
        """Returns what the forwarder said at its end."""
        said = ''
        if self.forwarder:
            try:
                said = self.forwarder.communicate(timeout=5)[0]
            except subprocess.TimeoutExpired:
                self.forwarder.kill()
                self.forwarder.wait()
        remove(self.mine())
        return said
