#!/usr/bin/env python3
"""The all-reduces of `outrigger bench collective` done by Gloo, as PyTorch carries it.

Run by `outrigger bench collective --peers PYTHON`; alone: all_reduce_gloo.py --members 2 --mb 64 --repeats 5
Prints one JSON object: versions, and a record a number of members, size and number of process groups
(with several, the tensor is cut into as many parts that are reduced at the same time).
One member alone, for a network lab: --member K --of N --meet HOST0:PORT --address OWN_ADDRESS on each host; member 0
prints. A repeat is timed from an instant that all agree on to the last member's end, as the bench does;
the members share this machine's clock, so hosts have to be network namespaces of it.
"""
import argparse
import ctypes
import datetime
import fcntl
import json
import os
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

PATIENCE = datetime.timedelta(minutes=10)
SCHEDULING_S = 0.003
SIOCGIFADDR = 0x8915
PR_SET_PDEATHSIG = 1


def numbers(kind):
    return lambda text: [kind(word) for word in text.split(',')]


def interface_of(address):
    """The network interface that has the IPv4 address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                got = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack('256s', name.encode()))
            except OSError:
                continue  # it has no address
            if socket.inet_ntoa(got[20:24]) == address:
                return name
    sys.exit(f'all_reduce_gloo.py: --address: no interface has {address}')


def record(seconds, cpu, members, mb, groups, bytes_):
    def spread(values):
        return {'median': statistics.median(values), 'min': min(values), 'max': max(values)}
    return {'peer': 'Gloo' if groups == 1 else f'Gloo, {groups} groups', 'codec': 'fp32', 'members': members, 'mb': mb,
            'seconds': spread(seconds), 'fp32_bytes_per_s': spread([bytes_ / s for s in seconds]), 'cpu_s': spread(cpu)}


class Member:
    def __init__(self, args):
        import torch
        import torch.distributed as dist
        self.torch, self.dist, self.rank, self.world = torch, dist, args.member, args.of
        os.environ['GLOO_SOCKET_IFNAME'] = interface_of(args.address)
        torch.set_num_threads(1)
        host, port = args.meet.rsplit(':', 1)
        hosts = args.member == 0 and not args.meeting_is_open
        self.store = dist.TCPStore(host, int(port), is_master=hosts, timeout=PATIENCE, wait_for_workers=False)
        dist.init_process_group('gloo', store=self.store, rank=self.rank, world_size=self.world, timeout=PATIENCE)
        self.groups = [dist.group.WORLD]
        self.starts = 0
        self.margin = SCHEDULING_S + 2 * self.slowest(min(self.time_barrier() for _ in range(5)))

    def time_barrier(self):
        begin = time.monotonic()
        self.dist.barrier()
        return time.monotonic() - begin

    def over_all(self, value, operation):
        value = self.torch.tensor([value], dtype=self.torch.float64)
        self.dist.all_reduce(value, op=operation)
        return value.item()

    def slowest(self, value):
        return self.over_all(value, self.dist.ReduceOp.MAX)

    def start(self):
        """Waits for the instant that member 0 chooses once all are there."""
        self.dist.barrier()
        self.starts += 1
        if self.rank == 0:
            self.store.set(f'start-{self.starts}', repr(time.monotonic() + self.margin))
        start = float(self.store.get(f'start-{self.starts}'))
        time.sleep(max(0.0, start - time.monotonic()))
        return start

    def all_reduce(self, tensor, groups):
        while len(self.groups) < groups:
            self.groups.append(self.dist.new_group(timeout=PATIENCE))
        if groups == 1:
            return self.dist.all_reduce(tensor)
        for work in [self.dist.all_reduce(part, group=group, async_op=True)
                     for part, group in zip(tensor.chunk(groups), self.groups)]:
            work.wait()

    def check(self, tensor, groups):
        tensor.fill_(self.rank + 1)
        self.all_reduce(tensor, groups)
        if not bool((tensor == self.world * (self.world + 1) // 2).all()):
            sys.exit('all_reduce_gloo.py: a sum is wrong')

    def measure(self, mb, groups, repeats):
        tensor = self.torch.empty(round(mb * 1e6 / 4))
        self.check(tensor, groups)  # and a warm-up
        tensor.normal_()
        seconds, cpu = [], []
        for _ in range(repeats):
            start, before = self.start(), time.process_time()
            self.all_reduce(tensor, groups)
            end, used = time.monotonic(), time.process_time() - before
            seconds.append(self.slowest(end) - start)
            cpu.append(self.over_all(used, self.dist.ReduceOp.SUM))
            tensor.mul_(1 / self.world)
        return record(seconds, cpu, self.world, mb, groups, 4 * tensor.numel())


def run_member(args):
    member = Member(args)
    records = [member.measure(mb, groups, args.repeats) for groups in args.groups for mb in args.mb]
    member.dist.barrier()
    if member.rank == 0:
        print(json.dumps({'libraries': {'torch (Gloo)': member.torch.__version__}, 'records': records}))
        sys.stdout.flush()
    member.dist.destroy_process_group()


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_group(args, members):
    """Starts the members as processes and returns what the first of them prints."""
    import torch.distributed as dist
    store = dist.TCPStore('127.0.0.1', 0, is_master=True, timeout=PATIENCE, wait_for_workers=False)
    def command(k):
        return [sys.executable, __file__, '--member', str(k), '--of', str(members), '--meeting-is-open',
                '--meet', f'127.0.0.1:{store.port}', '--address', '127.0.0.1', '--repeats', str(args.repeats),
                '--mb', ','.join(map(str, args.mb)), '--groups', ','.join(map(str, args.groups))]
    started = [subprocess.Popen(command(k), stdout=subprocess.PIPE if k == 0 else subprocess.DEVNULL,
                                preexec_fn=die_with_parent) for k in range(members)]
    try:
        while any(one.poll() is None for one in started[1:]):  # a member that fails ends them all
            if any(one.poll() not in (None, 0) for one in started):
                break
            time.sleep(0.05)
        if any(one.poll() not in (None, 0) for one in started):
            sys.exit('all_reduce_gloo.py: a member failed; what it said stands above')
        return json.loads(started[0].communicate()[0].splitlines()[-1])
    finally:
        for one in started:
            one.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--members', type=numbers(int), default=[2, 4])
    parser.add_argument('--mb', type=numbers(float), default=[4, 64, 256], help='of the fp32 tensor, 10^6 bytes')
    parser.add_argument('--groups', type=numbers(int), default=[1, 4])
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--member', type=int, help='be only this member')
    parser.add_argument('--of', type=int)
    parser.add_argument('--meet', metavar='HOST:PORT')
    parser.add_argument('--address', help="this member's own")
    parser.add_argument('--meeting-is-open', action='store_true', help='member 0 need not open it')
    args = parser.parse_args()
    if args.repeats < 1 or min(args.mb) <= 0:
        sys.exit('all_reduce_gloo.py: --repeats must be at least 1 and sizes above 0')
    if args.member is not None:
        return run_member(args)
    both = {'libraries': {}, 'records': []}
    for members in args.members:
        group = run_group(args, members)
        both['libraries'].update(group['libraries'])
        both['records'] += group['records']
    print(json.dumps(both))


if __name__ == '__main__':
    main()
