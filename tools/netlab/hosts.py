"""The commands of all hosts: started together, their output by the line, their end."""
import os, pathlib, selectors, signal, subprocess, sys, time

GRACE = 5  # seconds from SIGTERM to SIGKILL, where this program wants a command to end
PATIENCE = 2  # so many wishes of the user that commands end are passed on as they are; the next one is SIGKILL
TO_ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)  # as a terminal's: to a command's whole group
NOTICED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Host:
    def __init__(self, number, lab, command, log):
        self.name, self.code, self.partial, self.log = f'host{number}', None, {}, log
        environment = {**os.environ, 'NETLAB_HOST': str(number), 'NETLAB_HOSTS': str(len(lab.names)),
                       'NETLAB_ADDRESS': lab.addresses[number], 'NETLAB_ADDRESSES': ','.join(lab.addresses)}
        streams = {'stdout': log, 'stderr': log} if log else {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
        self.process = subprocess.Popen(['ip', 'netns', 'exec', lab.names[number], *command], stdin=subprocess.DEVNULL,
                                        env=environment, start_new_session=True, **streams)
        if not log:
            self.targets = {self.process.stdout: sys.stdout.buffer, self.process.stderr: sys.stderr.buffer}

    def pass_on(self, stream):
        """Copies what has come, whole lines with the host's name before each; returns whether more can come."""
        data = os.read(stream.fileno(), 65536)
        *lines, self.partial[stream] = (self.partial.get(stream, b'') + data).split(b'\n')
        self.print(stream, lines)
        if not data:
            self.pass_on_rest(stream)
        return bool(data)

    def pass_on_rest(self, stream):
        rest = self.partial.pop(stream, b'')
        self.print(stream, [rest] if rest else [])

    def print(self, stream, lines):
        for line in lines:
            self.targets[stream].write(f'{self.name}| '.encode() + line + b'\n')
        self.targets[stream].flush()

    def signal(self, number):
        try:
            (os.killpg if number in TO_ALL else os.kill)(self.process.pid, number)
        except ProcessLookupError:
            pass


class Hosts:
    """Runs a command in every host of a lab. With a folder the output goes to hostK.log there."""

    def __init__(self, lab, command, folder=None):
        self.lab, self.selector = lab, selectors.DefaultSelector()
        self.pending = []  # signals
        wake, self.waker = os.pipe()
        for end in (wake, self.waker):
            os.set_blocking(end, False)
        self.selector.register(wake, selectors.EVENT_READ)
        signal.set_wakeup_fd(self.waker)
        for number in (*NOTICED, signal.SIGCHLD):
            signal.signal(number, lambda got, _: self.pending.append(got))
        logs = [open(pathlib.Path(folder, f'host{n}.log'), 'wb') if folder else None for n in range(len(lab.names))]
        self.hosts = [Host(n, lab, command, logs[n]) for n in range(len(lab.names))]
        for host in self.hosts:
            for stream in (() if host.log else (host.process.stdout, host.process.stderr)):
                self.selector.register(stream, selectors.EVENT_READ, host)

    def run(self, only_first_exit):
        """Returns the exit code: of the host that failed first, or with only_first_exit of the one that ended first,
        whereupon the others are ended. Raises lab.Broken where the links go."""
        verdict = kill_at = None
        wishes = 0
        while any(host.code is None for host in self.hosts):
            self.wait(kill_at)
            self.lab.check()
            for number in self.signals():
                wishes += number in (signal.SIGINT, signal.SIGTERM)
                self.send(signal.SIGKILL if wishes > PATIENCE else number)
            for host in self.ended():
                if verdict is None and (only_first_exit or host.code != 0):
                    verdict = host.code
                if only_first_exit and kill_at is None:
                    kill_at = time.monotonic() + GRACE
                    self.send(signal.SIGTERM)
            if kill_at is not None and time.monotonic() >= kill_at:
                self.send(signal.SIGKILL)
        self.drain()
        return verdict or 0

    def signals(self):
        taken, self.pending = self.pending, []
        return [number for number in taken if number != signal.SIGCHLD]

    def wait(self, until):
        left = None if until is None else max(0.01, until - time.monotonic())
        for key, _ in self.selector.select(left):
            if key.data is None:
                os.read(key.fd, 4096)
            elif not key.data.pass_on(key.fileobj):
                self.selector.unregister(key.fileobj)

    def ended(self):
        for host in self.hosts:
            if host.code is None and host.process.poll() is not None:
                code = host.process.returncode
                host.code = code if code >= 0 else 128 - code
                yield host

    def send(self, number):
        for host in self.hosts:
            if host.code is None:
                host.signal(number)

    def drain(self):
        """What stands in the pipes; what is left running in the background of a host gets no more said."""
        for key in list(self.selector.get_map().values()):
            if key.data is None:
                continue
            os.set_blocking(key.fd, False)
            try:
                while key.data.pass_on(key.fileobj):
                    pass
            except BlockingIOError:
                key.data.pass_on_rest(key.fileobj)
