#!/usr/bin/env python3
"""The all-reduces of `outrigger bench collective` done by PCCL (the package pypccl; its wheel needs glibc 2.38).

Run by `outrigger bench collective --peers PYTHON`; alone: all_reduce_pccl.py --members 2 --mb 64 --repeats 5
Prints one JSON object: PCCL's version, and a record a number of members, size and quantisation. Where PCCL is not
installed or fails, the version says so and there are no records. A repeat is timed from the last member's start,
after an all-reduce of a few values, to the last member's end.
"""
import argparse
import ctypes
import importlib
import importlib.metadata
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
CONNECT_TRIES = 20
LIMIT_S = 1800  # of a group's run
CODECS = {'fp32': ('FLOAT', 'NONE'), 'uint8': ('UINT8', 'MIN_MAX')}  # data type on the wire, quantisation


def numbers(kind):
    return lambda text: [kind(word) for word in text.split(',')]


def pccl_names():
    """PCCL's classes, of which some are exported by the package and some by its inner module."""
    modules = importlib.import_module('pccl'), importlib.import_module('pccl._pccl')
    return lambda name: next(getattr(module, name) for module in modules if hasattr(module, name))


def be_master(port):
    master = pccl_names()('MasterNode')(f'127.0.0.1:{port}')
    master.run()
    threading.Event().wait()


class Peer:
    def __init__(self, port, world):
        import numpy
        self.numpy, self.get = numpy, pccl_names()
        self.comm = self.get('Communicator')(f'127.0.0.1:{port}', 0)
        self.comm.connect(CONNECT_TRIES)
        while self.comm.get_attribute(self.get('Attribute').GLOBAL_WORLD_SIZE) < world:
            if self.comm.are_peers_pending():
                self.comm.update_topology()
            time.sleep(0.05)

    def barrier(self):
        few = self.numpy.ones(64, self.numpy.float32)
        self.comm.all_reduce(few, self.numpy.empty_like(few), op=self.get('ReduceOp').SUM)

    def options(self, codec):
        kinds, (kind, algorithm) = self.get('DataType'), CODECS[codec]
        operand = self.get('ReduceOperandDescriptor')(kinds.FLOAT, self.get('DistributionHint').NORMAL)
        quantised = self.get('QuantizationOptions')(getattr(kinds, kind),
                                                    getattr(self.get('QuantizationAlgorithm'), algorithm))
        return {'op': self.get('ReduceOp').SUM, 'operand_descriptor': operand, 'quantization_options': quantised}

    def measure(self, mb, codec, repeats):
        """Prints start, end and CPU seconds of each repeat; the first is a warm-up."""
        values = self.numpy.random.default_rng(17).standard_normal(round(mb * 1e6 / 4), dtype=self.numpy.float32)
        total, options = self.numpy.empty_like(values), self.options(codec)
        for repeat in range(repeats + 1):
            self.barrier()
            start, cpu = time.monotonic(), time.process_time()
            self.comm.all_reduce(values, total, **options)
            lap = [time.monotonic(), time.process_time() - cpu]
            if repeat > 0:
                print(json.dumps({'mb': mb, 'codec': codec, 'start': start, 'end': lap[0], 'cpu': lap[1]}), flush=True)


def be_peer(args):
    peer = Peer(args.peer, args.of)
    for codec in CODECS:
        for mb in args.mb:
            peer.measure(mb, codec, args.repeats)
    peer.barrier()
    os._exit(0)  # its threads need not end one by one


def merge(laps, members, mb, codec):
    """A record of the members' laps: laps[member][repeat]."""
    together = list(zip(*laps))
    seconds = [max(lap['end'] for lap in one) - max(lap['start'] for lap in one) for one in together]
    bytes_ = 4 * round(mb * 1e6 / 4)
    def spread(values):
        return {'median': statistics.median(values), 'min': min(values), 'max': max(values)}
    return {'peer': 'PCCL' if codec == 'fp32' else f'PCCL, {codec}', 'codec': codec, 'members': members, 'mb': mb,
            'seconds': spread(seconds), 'fp32_bytes_per_s': spread([bytes_ / s for s in seconds]),
            'cpu_s': spread([sum(lap['cpu'] for lap in one) for one in together])}


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def run_group(args, members):
    port = free_port()
    def start(*words):
        return subprocess.Popen([sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, text=True,
                                preexec_fn=die_with_parent)
    sizes = ','.join(map(str, args.mb))
    master, peers = start('--master', port), []
    try:
        for _ in range(members):
            peers.append(start('--peer', port, '--of', members, '--mb', sizes, '--repeats', args.repeats))
        said = []
        for peer in peers:
            output, _ = peer.communicate(timeout=LIMIT_S)
            if peer.returncode != 0:
                raise RuntimeError(f'a peer ended with {peer.returncode}')
            said.append([json.loads(line) for line in output.splitlines() if line.startswith('{')])
        return [merge([[lap for lap in laps if (lap['mb'], lap['codec']) == (mb, codec)] for laps in said],
                      members, mb, codec) for codec in CODECS for mb in args.mb]
    finally:
        for process in [master, *peers]:
            process.kill()


def measure(args):
    """The version, or why there is none, and the records."""
    try:
        version = importlib.metadata.version('pypccl')
    except importlib.metadata.PackageNotFoundError:
        return 'not installed', []
    try:
        pccl_names()
        return version, [record for members in args.members for record in run_group(args, members)]
    except Exception as error:  # whatever a foreign library raises must not lose the other figures
        return f'{version} failed: {type(error).__name__}: {(str(error).splitlines() or [""])[0]}', []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--members', type=numbers(int), default=[2, 4])
    parser.add_argument('--mb', type=numbers(float), default=[4, 64, 256], help='of the fp32 tensor, 10^6 bytes')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--master', type=int, metavar='PORT', help='be only the master')
    parser.add_argument('--peer', type=int, metavar='PORT', help='be only one of the peers')
    parser.add_argument('--of', type=int)
    args = parser.parse_args()
    if args.repeats < 1 or min(args.mb) <= 0:
        sys.exit('all_reduce_pccl.py: --repeats must be at least 1 and sizes above 0')
    if args.master is not None:
        return be_master(args.master)
    if args.peer is not None:
        return be_peer(args)
    version, records = measure(args)
    print(json.dumps({'libraries': {'PCCL': version}, 'records': records}))


if __name__ == '__main__':
    main()
