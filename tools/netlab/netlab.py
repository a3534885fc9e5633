#!/usr/bin/env python3
"""A network lab on this machine: hosts as network namespaces with shaped links between them. As root.

  tools/netlab/netlab.py run --hosts 2 --rate 1gbit --delay 40ms -- COMMAND...
  tools/netlab/netlab.py check    measures that the lab is true
  tools/netlab/netlab.py clean    removes what killed runs left (every run does so too)

COMMAND runs in each host with NETLAB_HOST (0 to hosts - 1), NETLAB_HOSTS, NETLAB_ADDRESS (its own) and
NETLAB_ADDRESSES (all, with commas). Signals are passed on; the third SIGINT or SIGTERM kills. The exit code is that of
the host that failed first (128 + n: signal n ended it). What a command leaves running ends with the lab.

Every host has one link to a router. What adds up along a path is that of a path between two hosts: a link has half of
the delay, so a ping takes twice --delay, half of the jitter (the delay varies by as much up and down; order is kept),
and loses as much as makes --loss after two of them. --rate is that of each direction of each link, in bytes of IP
packets; --queue is what may wait there before the tail is dropped (twice the rate times the delay, at least 256 KiB).

Exit codes: 0, that of COMMAND, 1 the lab is not true (check), 2 a flag is wrong, 3 this machine lacks something.
"""
import argparse, os, pathlib, sys

import check, lab, shape
from hosts import Hosts

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORWARDER = ROOT / 'build/release/tools/netlab/netlab_forwarder'


class Parser(argparse.ArgumentParser):
    def __init__(self, **more):
        super().__init__(allow_abbrev=False, **more)

    def error(self, message):
        self.exit(2, f'netlab.py: {message}\n')


def parser():
    top = Parser(prog='netlab.py', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest='action', required=True, metavar='run|check|clean')
    run = commands.add_parser('run', help='run a command in every host')
    run.add_argument('--hosts', type=int, required=True, metavar='N')
    run.add_argument('--rate', help='like 1gbit; default: no limit')
    run.add_argument('--delay', help='one way, like 40ms; default: none')
    run.add_argument('--jitter', help='like 2ms; default: none')
    run.add_argument('--loss', help='of single packets, like 0.1%%; default: none')
    run.add_argument('--queue', help='like 4mb; default: by rate and delay')
    run.add_argument('--host', action='append', default=[], metavar='K:rate=R,delay=D...',
                     help='what is different for host K')
    run.add_argument('--veth', action='store_true',
                     help='veth pairs and a bridge, no forwarder: as fast as memory, or --rate; no delay')
    run.add_argument('--logs', type=pathlib.Path, metavar='DIR',
                     help='output to hostK.log there, and the links\' counts to forwarder.log')
    run.add_argument('--only-first-exit', action='store_true', help='the first command to end ends all, with its code')
    run.add_argument('--seed', type=int, default=1, help='of losses and jitter')
    for each in (run, commands.add_parser('check', help='measure that the lab is true')):
        each.add_argument('--forwarder', type=pathlib.Path, default=FORWARDER, metavar='PATH')
    commands.add_parser('clean', help='remove what killed runs left')
    return top


def shapes_of(args):
    if not 1 <= args.hosts <= lab.MAX_HOSTS:
        raise shape.Wrong(f'--hosts {args.hosts} is not 1 to {lab.MAX_HOSTS}')
    if args.seed < 0:
        raise shape.Wrong(f'--seed {args.seed} is negative')
    base = {name: shape.parse(name, getattr(args, name)) for name in shape.KIND if getattr(args, name) is not None}
    shapes = shape.host_shapes(args.hosts, shape.Shape(**base), args.host)
    if args.veth and any(each.delay or each.loss for each in shapes):
        raise shape.Wrong('--veth has no delay, jitter or loss: leave these out, or --veth')
    return shapes


def run(args, command):
    shapes = shapes_of(args)
    if not command:
        raise shape.Wrong('there is no command: write it behind --')
    as_root()
    log = None
    if args.logs:
        args.logs.mkdir(parents=True, exist_ok=True)
        log = open(args.logs / 'forwarder.log', 'w')
    lab.clean()
    links = lab.Lab(shapes)
    try:
        links.set_up(None if args.veth else args.forwarder, args.seed, log)
        return Hosts(links, command, args.logs).run(args.only_first_exit)
    finally:
        said = links.tear_down()
        if log:
            log.write(said)


def as_root():
    if os.geteuid() != 0:
        raise lab.Broken('network namespaces need root: run it with sudo')


def main(words):
    command = []
    if '--' in words:
        at = words.index('--')
        words, command = words[:at], words[at + 1:]
    args = parser().parse_args(words)
    try:
        if args.action == 'run':
            return run(args, command)
        as_root()
        left = lab.clean()
        if args.action == 'check':
            return check.check(args.forwarder)
        print(f'removed {len(left)} namespaces' + ''.join(f'\n  {name}' for name in left))
        return 0
    except shape.Wrong as error:
        return said(2, error)
    except (lab.Broken, OSError) as error:
        return said(3, error)
    except KeyboardInterrupt:
        return 130


def said(code, error):
    print(f'netlab.py: {error}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
