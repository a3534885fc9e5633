#!/usr/bin/env python3
"""A network lab that runs, as root: lab_test.py FORWARDER [unittest's words]."""
import json, os, pathlib, signal, subprocess, sys, tempfile, time, unittest

TOOL = pathlib.Path(__file__).resolve().parents[3] / 'tools/netlab'
sys.path.insert(0, str(TOOL))
import lab  # noqa: E402

FORWARDER = sys.argv.pop(1)
PROBE = TOOL / 'probe.py'
LIMIT = 60  # seconds, for whatever should come

# Host 0 sends to every other host and back what differs at each place; says whether all of it came back the same.
EXCHANGE = '''
import hashlib, os, random, socket, threading, time
me, addresses = int(os.environ['NETLAB_HOST']), os.environ['NETLAB_ADDRESSES'].split(',')
assert addresses[me] == os.environ['NETLAB_ADDRESS'] and len(addresses) == int(os.environ['NETLAB_HOSTS'])
def all_of(stream):
    data = bytearray()
    while part := stream.recv(1 << 20): data += part
    return data
if me:
    server = socket.create_server((addresses[me], 9000))
    stream = server.accept()[0]
    stream.sendall(all_of(stream))
else:
    for address in addresses[1:]:
        data = random.Random(address).randbytes(3_000_001)
        while True:
            try: stream = socket.create_connection((address, 9000)); break
            except ConnectionRefusedError: time.sleep(0.05)
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)
        assert all_of(stream) == data
    print('all the same')
'''


# In Python: a shell would start other programs, which get signals too.
WAITING = '''
import os, signal, sys, time
me = os.environ['NETLAB_HOST']
if me == '1': sys.exit(6)
def on(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM and 'deaf' not in sys.argv: sys.exit(7)
for number in (signal.SIGUSR1, signal.SIGTERM): signal.signal(number, on)
print('ready', flush=True)
while True: time.sleep(1)
'''
WAIT = (sys.executable, '-c', WAITING)


def running(mark):
    """Processes with this word on their command line."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if int(path.parent.name) != os.getpid() and mark.encode() in path.read_bytes().split(b'\0'):
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


class Labs(unittest.TestCase):
    def start(self, *words):
        command = [sys.executable, TOOL / 'netlab.py', 'run', '--forwarder', FORWARDER, *words]
        tool = subprocess.Popen([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        self.addCleanup(tool.communicate)
        self.addCleanup(tool.kill)
        return tool

    def run_lab(self, *words):
        tool = self.start(*words)
        said = tool.communicate(timeout=LIMIT)[0]
        return tool.returncode, said

    def eventually(self, true, what):
        until = time.monotonic() + LIMIT
        while not true():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.02)

    def children(self, tool):
        return list(map(int, pathlib.Path(f'/proc/{tool.pid}/task/{tool.pid}/children').read_text().split()))

    def left(self, owner):
        return [name for name in lab.all_names() if name.startswith(f'netlab-{owner}-')]

    # Mutation: in read_packet take the sender for the destination; or in read_from don't move spare_.
    def test_hosts_reach_each_other_with_whole_data(self):
        for shape in (['--delay', '5ms'], ['--rate', '200mbit', '--delay', '2ms', '--loss', '0.5%', '--jitter', '1ms'],
                      ['--veth'], ['--veth', '--rate', '1gbit']):
            code, said = self.run_lab('--hosts', 3, *shape, '--', sys.executable, '-c', EXCHANGE)
            self.assertEqual((code, said), (0, 'host0| all the same\n'), shape)

    # Mutation: in plan_words take a quarter of the delay.
    def test_a_round_trip_takes_no_less_than_twice_the_delay(self):
        code, said = self.run_lab('--hosts', 2, '--delay', '20ms', '--host', '1:delay=10ms', '--',
                                  sys.executable, PROBE, 'ping', '10.89.0.2', 5, 0.01)
        self.assertEqual(code, 0, said)
        [trips] = [json.loads(line.split('| ')[1]) for line in said.splitlines() if line.startswith('host0')]
        self.assertEqual(len(trips), 5)
        self.assertGreaterEqual(min(trips), 0.030)

    # Mutation: in Hosts.run take the last failure; or in Host leave out 128.
    def test_the_first_failure_is_the_exit_code(self):
        with tempfile.TemporaryDirectory() as folder:
            # Host 0 ends when there is no trace left of host 1: its end was noticed.
            first = f'echo $$ > {folder}/new; mv {folder}/new {folder}/pid; kill -9 $$'
            until = f'until [ -e {folder}/pid ]; do sleep 0.01; done'
            gone = f'while [ -e /proc/$(cat {folder}/pid) ]; do sleep 0.01; done'
            script = f'if [ $NETLAB_HOST = 1 ]; then {first}; fi; {until}; {gone}; exit 4'
            code, said = self.run_lab('--hosts', 2, '--', 'sh', '-c', script)
            self.assertEqual(code, 137, said)

    # Mutation: in Hosts.run leave out SIGTERM, so that only the grace ends a host.
    def test_the_first_exit_ends_the_others(self):
        code, said = self.run_lab('--hosts', 3, '--only-first-exit', '--', 'sh', '-c',
                         '[ $NETLAB_HOST != 1 ] || { sleep 2; exit 6; }; exec "$@"', 'sh', *WAIT)
        self.assertEqual(code, 6)
        self.assertEqual(sorted(said.splitlines()),
                         [f'host{n}| {word}' for n in (0, 2) for word in ('SIGTERM', 'ready')])

    # Mutation: leave SIGUSR1 out of NOTICED.
    def test_signals_are_passed_on(self):
        tool = self.start('--hosts', 1, '--', *WAIT)
        for number, said in ((signal.SIGUSR1, 'ready'), (signal.SIGTERM, 'SIGUSR1')):
            self.assertEqual(tool.stdout.readline(), f'host0| {said}\n')
            tool.send_signal(number)
        self.assertEqual((tool.communicate(timeout=LIMIT)[0], tool.returncode), ('host0| SIGTERM\n', 7))
        self.assertEqual(self.left(tool.pid), [])

    # Mutation: in Hosts.run raise PATIENCE.
    def test_the_third_wish_is_granted_to_the_deaf(self):
        tool = self.start('--hosts', 1, '--', *WAIT, 'deaf')
        for said in ('ready', 'SIGTERM', 'SIGTERM'):
            self.assertEqual(tool.stdout.readline(), f'host0| {said}\n')
            tool.send_signal(signal.SIGTERM)
        self.assertEqual((tool.communicate(timeout=LIMIT)[0], tool.returncode), ('', 137))

    # Mutation: in Lab.guard never fork.
    def test_a_killed_driver_leaves_nothing(self):
        mark = f'60{os.getpid()}'  # seconds: an odd number, to find the processes by
        tool = self.start('--hosts', 2, '--delay', '5ms', '--', 'sh', '-c', f'sleep {mark} & echo ready; sleep {mark}')
        self.eventually(lambda: len(running(mark)) == 4, 'the commands have not started')
        helpers = set(running(FORWARDER)) & set(self.children(tool))
        self.assertEqual(len(helpers), 2)  # the forwarder, and the guard
        tool.kill()
        tool.communicate(timeout=LIMIT)
        self.eventually(lambda: not running(mark), 'the commands go on')
        self.eventually(lambda: not self.left(tool.pid), 'its namespaces stay')
        self.eventually(lambda: not helpers & set(running(FORWARDER)), 'the forwarder goes on')

    # Mutation: in Hosts.run leave out the check.
    def test_a_dead_forwarder_ends_the_lab(self):
        tool = self.start('--hosts', 1, '--', *WAIT)
        self.assertEqual(tool.stdout.readline(), 'host0| ready\n')
        [forwarder] = [pid for pid in self.children(tool)
                       if os.readlink(f'/proc/{pid}/exe') == os.path.realpath(FORWARDER)]
        os.kill(forwarder, signal.SIGKILL)
        said = tool.communicate(timeout=LIMIT)[0]
        self.assertEqual(tool.returncode, 3, said)
        self.assertIn('the forwarder ended with -9', said)
        self.assertEqual(self.left(tool.pid), [])

    # Mutation: in clean compare the process number alone: then the name of a dead owner whose number is ours stays.
    def test_what_dead_owners_left_is_removed_and_nothing_else(self):
        pid, when = os.getpid(), lab.started(os.getpid())
        names = [f'netlab-{pid}-{when}-7', f'netlab-{pid}-{int(when) - 1}-7', f'netlab-{pid}x-7']
        for name in names:
            lab.ip('netns', 'add', name)
        mark = f'61{pid}'
        sleeper = subprocess.Popen(['ip', 'netns', 'exec', names[1], 'sleep', mark])
        try:
            done = subprocess.run([sys.executable, TOOL / 'netlab.py', 'clean'], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(names[1], done.stdout)
            self.assertEqual(sleeper.wait(LIMIT), -signal.SIGKILL)
            there = [name for name in names if (lab.NAMESPACES / name).exists()]
            self.assertEqual(there, [names[0], names[2]])
        finally:
            sleeper.kill()
            lab.remove(names)

    # Mutation: in Hosts open no log.
    def test_logs_go_to_files(self):
        with tempfile.TemporaryDirectory() as folder:
            code, said = self.run_lab('--hosts', 2, '--logs', folder + '/new', '--',
                                      'sh', '-c', 'echo $NETLAB_HOST; echo e >&2')
            self.assertEqual((code, said), (0, ''))
            for host in (0, 1):
                self.assertEqual(pathlib.Path(folder, f'new/host{host}.log').read_text(), f'{host}\ne\n')
            self.assertIn('host 1 down: ', pathlib.Path(folder, 'new/forwarder.log').read_text())

    # Mutation: in Host.pass_on print what has come at once, line or not.
    def test_output_without_an_end_of_line_is_kept_together(self):
        script = 'printf a; sleep 0.2; printf "b\\nc"; sleep 0.2; printf d'
        code, said = self.run_lab('--hosts', 1, '--', 'sh', '-c', script)
        self.assertEqual((code, said), (0, 'host0| ab\nhost0| cd\n'))

    # Mutation: in Lab.set_up don't look for the forwarder.
    def test_what_is_missing_is_said(self):
        for command, words in ((['--forwarder', '/none/forwarder'], 'no forwarder at /none/forwarder'),
                               (['--logs', '/proc/x'], '/proc/x')):
            code, said = self.run_lab('--hosts', 1, *command, '--', 'true')
            self.assertEqual((code, said.count('\n')), (3, 1), said)
            self.assertIn(words, said)


if __name__ == '__main__':
    unittest.main()
