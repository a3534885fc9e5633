#!/usr/bin/env python3
"""All-reduces on shaped links: `outrigger bench collective` and Gloo in the hosts of tools/netlab, one process a host.

  tools/bench/wire.py shaped   rates x delays x sizes x codecs: the share of the link that is used, and how much faster
                               than Gloo's fp32
  tools/bench/wire.py slow     one host's link ten times slower: `direct` with equal shards, and with shards for the
                               others only
  tools/bench/wire.py veth     links at memory speed: the payload path beside plain TCP, and all-reduces

Prints a table and writes all figures to --out. Needs root (network namespaces) and a built program: ./outrigger build.
The share is the time that the algorithm's lower bound of bytes needs at the link's rate (of the member for which that
is most) over the measured time of the exchange; headers and the way's delay count as not used. --delay is one way.
With --iperf3, what plain TCP gets in the same hosts, as many connections sending that many bytes both ways at once: its
share is that of the slower way.
"""
import argparse
import ctypes
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETLAB = ROOT / 'tools/netlab/netlab.py'
GLOO = ROOT / 'tools/peers/all_reduce_gloo.py'
UNITS = {'bit': 1, 'kbit': 1e3, 'mbit': 1e6, 'gbit': 1e9}
FIRST_PORT = 7070
LIMIT_S = 3600  # of one lab
SLOWER = 10
TRIES = 50  # of the client of iperf3, while its server starts
PR_SET_PDEATHSIG = 1


def rate_of(text):
    """'100mbit' in bits a second."""
    found = re.fullmatch(r'(\d+(?:\.\d+)?)(\w+)', text)
    if not found or found[2] not in UNITS:
        raise argparse.ArgumentTypeError(f'{text!r} is no rate; give one such as 100mbit or 1gbit')
    return float(found[1]) * UNITS[found[2]]


def words(text):
    return text.split(',')


# What a host runs

def member_command(step, host):
    """The command line of one member; `host` is the lab's environment of its host."""
    addresses = host['NETLAB_ADDRESSES'].split(',')
    place = ['--member', host['NETLAB_HOST'], '--of', host['NETLAB_HOSTS'],
             '--meet', f'{addresses[0]}:{step["port"]}']
    if step['of'] == 'gloo':
        return [step['program'], str(GLOO), *place, '--address', host['NETLAB_ADDRESS'], *step['words']]
    return [step['program'], 'bench', 'collective', *place, '--listen', f'{host["NETLAB_ADDRESS"]}:0', '--insecure',
            *step['words']]


def two_way_tcp(step, host):
    """iperf3 between the first two hosts; host 0 is its client and returns the figures, as bytes of JSON."""
    if host['NETLAB_HOST'] == '1':
        subprocess.run([step['program'], '--server', '--one-off', '--port', str(step['port'])],
                       stdout=subprocess.DEVNULL, check=True, preexec_fn=die_with_parent)
    if host['NETLAB_HOST'] != '0':
        return b''
    command = [step['program'], '--client', host['NETLAB_ADDRESSES'].split(',')[1], '--port', str(step['port']), '--bidir',
               '--json', *step['words']]
    for _ in range(TRIES):
        said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, preexec_fn=die_with_parent).stdout)
        if 'error' not in said:
            ways = [said['end'][way]['bits_per_second'] for way in ('sum_received', 'sum_received_bidir_reverse')]
            return json.dumps({'mb': step['mb'], 'connections': step['connections'], 'bits_per_s': ways}).encode()
        time.sleep(0.2)
    sys.exit(f'iperf3: {said["error"]}')


def figures_of(step, host):
    if step['of'] == 'tcp':
        return two_way_tcp(step, host)
    done = subprocess.run(member_command(step, host), stdout=subprocess.PIPE, preexec_fn=die_with_parent)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return done.stdout


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_host(folder):
    """In a host: its members, one step after the other. What host 0's print goes to files."""
    folder = pathlib.Path(folder)
    for number, step in enumerate(json.loads((folder / 'steps.json').read_text())):
        said = figures_of(step, os.environ)
        if os.environ['NETLAB_HOST'] == '0':
            (folder / f'step-{number}.json').write_bytes(said.splitlines()[-1])


# What is asked of a lab

def our_step(args, codecs, owners=(), payload=()):
    options = {'--mb': args.mb, '--codecs': codecs, '--payload-mb': payload or ['0'], '--owners': owners,
               '--repeat': [args.repeat], '--channels': [args.channels], '--collectives': args.collectives,
               '--result-codec': [args.result_codec]}
    return {'of': 'outrigger', 'program': str(args.program),
            'words': [word for name, values in options.items() if values
                      for word in (name, ','.join(map(str, values)))]}


def gloo_step(args):
    return {'of': 'gloo', 'program': args.python,
            'words': ['--mb', ','.join(args.mb), '--repeats', str(args.repeat)]}


def tcp_steps(args):
    return [{'of': 'tcp', 'program': args.iperf3, 'mb': float(mb), 'connections': args.channels,
             'words': ['--bytes', str(round(float(mb) * 1e6)), '--parallel', str(args.channels)]}
            for mb in args.mb if args.iperf3]


def shaped_labs(args):
    for rate in args.rates:
        for delay in args.delays:
            for hosts in args.hosts:
                yield {'part': 'shaped', 'hosts': hosts, 'delay': delay, 'rates': [rate] * hosts,
                       'lab': ['--rate', rate, '--delay', delay],
                       'steps': [our_step(args, args.codecs), *tcp_steps(args)]}


def slow_labs(args):
    for rate in args.rates:
        for hosts in args.hosts:
            slow = f'{rate_of(rate) / SLOWER / 1e6:g}mbit'
            yield {'part': 'slow', 'hosts': hosts, 'delay': '0ms', 'rates': [rate] * (hosts - 1) + [slow],
                   'lab': ['--rate', rate, '--host', f'{hosts - 1}:rate={slow}'],
                   'steps': [our_step(args, args.codecs), our_step(args, args.codecs, owners=range(hosts - 1))]}


def veth_labs(args):
    for hosts in args.hosts:
        yield {'part': 'veth', 'hosts': hosts, 'delay': '0ms', 'rates': None, 'lab': ['--veth'],
               'steps': [our_step(args, args.codecs, payload=args.mb if hosts == 2 else ())]}


def run_lab(args, lab):
    """The lab with what its hosts measured: "reports" of ours, "gloo" and "tcp"; or "failed"."""
    steps = lab['steps'] + ([gloo_step(args)] if args.python else [])
    for number, step in enumerate(steps):
        step['port'] = FIRST_PORT + number
    with tempfile.TemporaryDirectory(prefix='outrigger-wire-') as folder:
        folder = pathlib.Path(folder)
        (folder / 'steps.json').write_text(json.dumps(steps))
        command = [str(args.netlab), 'run', '--hosts', str(lab['hosts']), *lab['lab'], '--logs', str(folder / 'logs'),
                   '--', sys.executable, str(pathlib.Path(__file__).resolve()), 'host', str(folder)]
        try:
            done = subprocess.run(command, timeout=LIMIT_S, capture_output=True, text=True)
        except subprocess.TimeoutExpired:
            return {**lab, 'failed': f'it took more than {LIMIT_S} s'}
        if done.returncode != 0:
            return {**lab, 'failed': why(folder / 'logs', done)}
        said = [json.loads((folder / f'step-{number}.json').read_text()) for number in range(len(steps))]
    by = {of: [report for step, report in zip(steps, said) if step['of'] == of] for of in ('outrigger', 'gloo', 'tcp')}
    return {**lab, 'reports': by['outrigger'], 'gloo': next(iter(by['gloo']), None), 'tcp': by['tcp']}


def why(logs, done):
    """The last line of each host's log, and of the lab's own."""
    said = []
    for log in sorted(logs.glob('*')) if logs.is_dir() else []:
        said += log.read_text(errors='replace').splitlines()[-1:]
    return ' / '.join([f'exit code {done.returncode}', *said, *done.stderr.splitlines()[-1:]])


# Figures

def share_of_link(bound_bytes, rates, seconds):
    """Of the time, how much the bytes of the busiest member need at its rate (bits a second); None where unknown."""
    if bound_bytes is None or rates is None:
        return None
    return max(8 * count / rate for count, rate in zip(bound_bytes, rates)) / seconds


def gloo_bound(members, mb):
    """Bytes that a ring's all-reduce brings through each member's link, each way."""
    return [2 * (members - 1) / members * mb * 1e6] * members


def best_gloo(gloo, mb):
    """Seconds of the faster of Gloo's ways to reduce that size; None if it was not measured."""
    seconds = [record['seconds']['median'] for record in (gloo or {'records': []})['records'] if record['mb'] == mb]
    return min(seconds, default=None)


def rows_of(result):
    """A flat record for each measurement of a lab, Gloo's included."""
    if 'failed' in result:
        return []
    rates = result['rates'] and [rate_of(rate) for rate in result['rates']]
    place = {key: result[key] for key in ('part', 'hosts', 'delay')}
    place['rate'] = '' if not rates else result['rates'][0] if len(set(rates)) == 1 else \
        f'{result["rates"][0]}, one {result["rates"][-1]}'
    rows = []
    for report in result['reports']:
        for row in report['rows']:
            exchange, tensor = row['exchange']['seconds']['median'], row['tensor']['seconds']['median']
            theirs = best_gloo(result['gloo'], row['mb'])
            everyone = len(set(row['owners'])) == result['hosts']
            rows.append({**place, 'what': row['collective'] + ('' if everyone else ', planned shards'), 'mb': row['mb'],
                         'codec': f'{row["codec"]} / {row["result_codec"]}', 'tensor_s': tensor,
                         'exchange_s': exchange, 'share': share_of_link(row['lower_bound_bytes'], rates, exchange),
                         'over_gloo': theirs and theirs / tensor})
    for record in (result['gloo'] or {'records': []})['records']:
        seconds = record['seconds']['median']
        rows.append({**place, 'what': record['peer'], 'mb': record['mb'], 'codec': 'fp32', 'tensor_s': seconds,
                     'exchange_s': None, 'share': share_of_link(gloo_bound(result['hosts'], record['mb']), rates, seconds),
                     'over_gloo': None})
    for record in result.get('tcp', []):
        rows.append({**place, 'what': 'plain TCP, both ways', 'mb': record['mb'], 'codec': '-', 'tensor_s': None,
                     'exchange_s': None, 'share': min(record['bits_per_s']) / rates[0], 'over_gloo': None})
    return rows


def payload_rows(result):
    return [row for report in result.get('reports', []) for row in report['payload']]


def text_of(value, digits=3):
    return '-' if value is None else f'{value:.{digits}f}'


def table(results):
    lines = [f'{"part":<8}{"hosts":>5}  {"rate":<22}{"delay":<7}{"what":<24}{"MB":>6}  {"codec / result":<15}'
             f'{"tensor s":>10}{"exchange s":>12}{"share":>7}{"x Gloo":>8}']
    for result in results:
        for row in rows_of(result):
            lines.append(f'{row["part"]:<8}{row["hosts"]:>5}  {row["rate"]:<22}{row["delay"]:<7}{row["what"]:<24}'
                         f'{row["mb"]:>6g}  {row["codec"]:<15}{text_of(row["tensor_s"]):>10}'
                         f'{text_of(row["exchange_s"]):>12}{text_of(row["share"]):>7}{text_of(row["over_gloo"], 2):>8}')
        for row in payload_rows(result):
            ours = row['transport'] and row['transport']['bytes_per_s']['median'] / 1e9
            lines.append(f'{result["part"]:<8} payload of {row["mb"]:g} MB, {row["connections"]} connections: TCP '
                         f'{row["tcp"]["bytes_per_s"]["median"] / 1e9:.2f} GB/s, transport {text_of(ours, 2)}, of TCP '
                         f'{text_of(row["of_tcp"], 2)}')
        if 'failed' in result:
            lines.append(f'{result["part"]:<8}{result["hosts"]:>5}  {" ".join(result["lab"])}: failed: {result["failed"]}')
    return '\n'.join(lines)


PARTS = {'shaped': shaped_labs, 'slow': slow_labs, 'veth': veth_labs}


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('parts', nargs='+', choices=list(PARTS), metavar='PART', help='shaped, slow, veth')
    parser.add_argument('--hosts', type=lambda text: list(map(int, words(text))), default=[2, 4])
    parser.add_argument('--rates', type=words, default=['100mbit', '1gbit'])
    parser.add_argument('--delays', type=words, default=['0ms', '40ms'], help='one way (shaped)')
    parser.add_argument('--mb', type=words, default=['16', '64'], help='of the fp32 tensor, 10^6 bytes')
    parser.add_argument('--codecs', type=words, default=['fp32', 'int8', 'int4'])
    parser.add_argument('--result-codec', default='auto')
    parser.add_argument('--collectives', type=words, default=['direct'])
    parser.add_argument('--channels', type=int, default=4)
    parser.add_argument('--repeat', type=int, default=3)
    parser.add_argument('--python', help='also measure Gloo, with this interpreter that has torch')
    parser.add_argument('--iperf3', help='also measure plain TCP, with this program (shaped)')
    parser.add_argument('--program', type=pathlib.Path, default=ROOT / 'build/release/outrigger')
    parser.add_argument('--netlab', type=pathlib.Path, default=NETLAB, help="another lab's script")
    parser.add_argument('--out', type=pathlib.Path, default=ROOT / 'tools/bench/results/wire.json')
    args = parser.parse_args(argv)
    for rate in args.rates:
        try:
            rate_of(rate)
        except argparse.ArgumentTypeError as error:
            parser.error(f'--rates: {error}')
    if min(args.hosts) < 2:
        parser.error('--hosts: a lab has at least 2 hosts')
    for path, what in ((args.program, "nothing is built yet: run './outrigger build' first"),
                       (args.netlab, 'tools/netlab is not there')):
        if not path.exists():
            parser.error(f'{path}: {what}')
    return args


def main(argv):
    if argv[:1] == ['host']:
        return run_host(argv[1])
    args = parse(argv)
    results = []
    for part in args.parts:
        for lab in PARTS[part](args):
            results.append(run_lab(args, lab))
            print(table(results[-1:]), flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({'bench': 'wire', 'labs': results,
                                    'rows': [row for result in results for row in rows_of(result)]}, indent=1) + '\n')
    return 1 if any('failed' in result for result in results) else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
