#!/usr/bin/env python3
"""The 10.8M-parameter model on 2 and 4 islands that meet over slow links (tools/netlab, so as root): tokens/s, and how
much of the time goes to training.

  tools/bench_wan.py [FOLDER]

FOLDER (tools/wan/results) then holds results.jsonl (a line a run), table.md and plot.svg. A run that stands there with
the same settings is not run again. Utilisation is a run's tokens/s over those of the same processes on as many islands
and the same link, measured just before, that never meet: so cores that islands share slow both down alike. Every island
has one thread. Timed are whole rounds (or steps, where all meet at each), after the first two.

What has no torch or torchft is left out and said. Build first: ./outrigger build. The whole grid takes three to four
hours; close other programs. Exit codes: 0 all is there, 1 a run failed, 3 this machine lacks something.
"""
import argparse, fnmatch, json, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[1]
WAN = ROOT / 'tools/wan'
sys.path[:0] = [str(WAN), str(ROOT / 'tools/experiments')]
import cells, report  # noqa: E402
from results import Results  # noqa: E402

LIMIT_S = 3600  # a run that takes longer is stopped and counts as failed


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=pathlib.Path, nargs='?', default=WAN / 'results')
    parser.add_argument('--islands', default=','.join(map(str, cells.ISLANDS)))
    parser.add_argument('--rates', default=','.join(cells.RATES))
    parser.add_argument('--rtt', type=float, default=50, metavar='MS', help='round-trip time of a path')
    parser.add_argument('--every', type=int, default=50, metavar='H', help='inner steps between two rounds')
    parser.add_argument('--rounds', type=int, default=3, help='that are timed')
    parser.add_argument('--steps', type=int, default=10, help='that are timed where all meet at each')
    parser.add_argument('--only', default='*', metavar='PATTERN', help="runs by name, like 'streaming-2-*'")
    parser.add_argument('--python', default='python3', help='a python that has torch, for the peers')
    parser.add_argument('--torchft-python', help='one that has torchft too; default: --python')
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build/release')
    parser.add_argument('--table', action='store_true', help='run nothing: table and plot of what is there')
    return parser.parse_args()


class Bench:
    def __init__(self, args):
        self.cli = args.build.resolve() / 'outrigger'
        self.forwarder = args.build.resolve() / 'tools/netlab/netlab_forwarder'
        for program in (self.cli, self.forwarder):
            if not program.exists():
                lacks(f"{program} is missing: run './outrigger build' first, or name another folder with --build")
        said = subprocess.run([self.cli, '--version'], capture_output=True, text=True).stdout
        self.commit = re.search(r'commit ([\w-]+)', said)[1]
        self.python = {cells.DDP: args.python, cells.TORCHFT: args.torchft_python or args.python}

    def missing(self, cell):
        """What the cell's program needs and is not there."""
        if cell.method.program == cells.OUTRIGGER:
            return None
        python = self.python[cell.method.program]
        module = 'torchft' if cell.method.program == cells.TORCHFT else 'torch'
        found = shutil.which(python) and subprocess.run([python, '-c', f'import {module}'], capture_output=True)
        return None if found and found.returncode == 0 else f'{python} has no {module}'

    def run(self, cell):
        """Returns what all islands together came to, or why there is nothing."""
        work = pathlib.Path(tempfile.mkdtemp(prefix='outrigger-wan-'))
        job = {'program': cell.method.program, 'sync': cell.sync, 'every': cell.every, 'timed': cell.timed_steps(),
               'cli': str(self.cli), 'python': shutil.which(self.python.get(cell.method.program, '')) or ''}
        (work / 'job.json').write_text(json.dumps(job))
        if cell.method.program == cells.OUTRIGGER:
            shown = subprocess.run([self.cli, 'recipe', 'show', WAN / 'recipe.yaml', *cell.overrides()],
                                   capture_output=True, text=True)
            if shown.returncode != 0:
                return {'failed': last_line(shown.stderr)}
            (work / 'recipe.yaml').write_text(shown.stdout)
        command = [sys.executable, ROOT / 'tools/netlab/netlab.py', 'run', '--hosts', cell.islands, '--rate', cell.rate,
                   '--delay', f'{cell.rtt_ms / 2:g}ms', '--forwarder', self.forwarder, '--logs', work / 'logs',
                   '--', sys.executable, WAN / 'host.py', work]
        began = time.monotonic()
        code = wait(subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True))
        if code != 0:
            return {'failed': f'ended with {code}: {said_last(work / "logs")} ({work}/logs)'}
        hosts = [json.loads((work / f'host{number}.json').read_text()) for number in range(cell.islands)]
        result = {'tokens_per_s': round(sum(host['tokens_per_s'] for host in hosts), 1),
                  'seconds': round(max(host['seconds'] for host in hosts), 2),
                  'wall_s': round(time.monotonic() - began, 1)}
        if 'bytes_sent' in hosts[0]:
            result['bytes_sent'] = max(host['bytes_sent'] for host in hosts)
        shutil.rmtree(work)
        return result


def wait(process):
    """The exit code; 124 where it took too long. What was said on standard error is passed on."""
    try:
        print(process.communicate(timeout=LIMIT_S)[1], end='', file=sys.stderr)
        return process.returncode
    except subprocess.TimeoutExpired:
        return 124
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate()


def said_last(logs):
    lines = {log.stem: last_line(log.read_text()) for log in sorted(logs.glob('host*.log'))}
    return '; '.join(f'{host}: {line}' for host, line in lines.items() if line) or 'nothing was said'


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else ''


def lacks(what):
    print(f'bench_wan.py: {what}', file=sys.stderr)
    sys.exit(3)


def measure(args, grid, results):
    """Runs what is missing; returns whether nothing failed."""
    if os.geteuid() != 0:
        lacks('network namespaces need root: run it with sudo')
    bench, whole = Bench(args), True
    for cell in grid:
        if not fnmatch.fnmatch(cell.name, args.only) or report.found(results, cell):
            continue
        missing = bench.missing(cell)
        outcome = {'missing': missing} if missing else bench.run(cell)
        results.add({**cell.key(), 'commit': bench.commit, 'cores': os.cpu_count(), **outcome})
        print(f'{cell.name}: {outcome}', flush=True)
        whole = whole and 'failed' not in outcome
    return whole


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = options()
    grid = cells.grid([int(count) for count in args.islands.split(',')], args.rates.split(','), args.every, args.rounds,
                      args.steps, args.rtt)
    args.folder.mkdir(parents=True, exist_ok=True)
    results = Results(args.folder / 'results.jsonl')
    whole = args.table or measure(args, grid, results)
    (args.folder / 'table.md').write_text(report.table(results, grid))
    (args.folder / 'plot.svg').write_text(report.svg(results, grid))
    print(report.table(results, grid))
    sys.exit(0 if whole else 1)


if __name__ == '__main__':
    main()
