#!/usr/bin/env python3
"""Trains the grid of tools/experiments/grid.py on the quickstart's corpus, every cell on the same
tokens and the same three seeds, and writes what came out:

  FOLDER/results.jsonl   one line a run: loss, bytes, seconds, commit
  FOLDER/table.md        mean and spread over the seeds, against what the papers lead to expect
  FOLDER/plot.svg        the same to look at

A run that stands in results.jsonl with the same settings is not run again, so a grid that was cut
off (Ctrl-C, --budget) goes on where it was; delete the file, or name another folder, to start
anew. The whole grid takes about an hour of two cores. Build first: ./outrigger build.

exit codes: 0 every run is there; 1 some failed or were refused; 75 some were not started
"""
import argparse, collections, fnmatch, hashlib, json, os, pathlib, re, shutil, signal
import statistics, subprocess, sys, tempfile, time

import grid, plot, results, table

HERE = pathlib.Path(__file__).resolve().parent
RECIPE = HERE / 'recipe.yaml'
GUESS_S = 15  # of a run, where none has been timed
LIMIT_S = 900  # a run that takes longer is stopped and counts as failed

Job = collections.namedtuple('Job', 'cell seed')


class Cli:
    """The built command line, which no run builds anew."""

    def __init__(self, path):
        self.path = str(path)
        said = subprocess.run([self.path, '--version'], capture_output=True, text=True)
        found = re.search(r'commit ([\w-]+)', said.stdout)
        self.commit = found[1] if found else sys.exit(f'{path} --version names no commit')

    def train(self, cell, *words):
        sets = [f'{key}={value}' for key, value in cell.overrides.items()]
        return [self.path, 'train', str(RECIPE), *words, *sets]

    def schedule(self, recipe):
        """What a run's recipe comes to: rounds and parameters of every fragment."""
        said = subprocess.run([self.path, 'recipe', 'schedule', str(recipe), '--json'], capture_output=True,
                              text=True, check=True)
        return json.loads(said.stdout)

    def refusal(self, cell):
        """Why the recipe of a cell is refused; None where it is not."""
        tried = subprocess.run(self.train(cell, '--dry-run'), capture_output=True, text=True)
        return None if tried.returncode == 0 else last_line(tried.stderr)


class Run:
    """One run of the CLI in a folder of its own."""

    def __init__(self, cli, job):
        self.cli, self.job, self.began = cli, job, time.monotonic()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='outrigger-experiment-'))
        self.log = self.folder / 'log'
        command = cli.train(job.cell, '--runs', str(self.folder / 'runs'), f'seed={job.seed}')
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True,
                env=dict(os.environ, OMP_WAIT_POLICY='PASSIVE'))

    def ended(self):
        if time.monotonic() - self.began > LIMIT_S:
            self.process.kill()
            self.process.wait()
        return self.process.poll() is not None

    def outcome(self):
        seconds = round(time.monotonic() - self.began, 2)
        if self.process.returncode != 0:
            why = f'ended with {self.process.returncode}: {last_line(self.log.read_text())}'
            return {'status': results.FAILED, 'message': why, 'wall_s': seconds}
        [metrics] = self.folder.glob('runs/*/metrics.jsonl')
        schedule = self.cli.schedule(metrics.parent / 'recipe.yaml')
        return {'status': results.DONE, **results.measured(metrics, schedule), 'wall_s': seconds}

    def close(self):
        """Stops the run if it still goes, and deletes its folder."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Bench:
    """Runs jobs side by side as far as the cores go: each island computes in one thread."""

    def __init__(self, cli, kept, recipe, cores):
        self.cli, self.kept, self.recipe, self.cores = cli, kept, recipe, cores
        self.running = []

    def width(self, cell):
        return min(cell.islands, self.cores)

    def seconds(self, job):
        """What a job is expected to take: as its cell's other runs did, else as any run did."""
        done = [line for line in self.kept.lines if line['status'] == results.DONE]
        same = [line['wall_s'] for line in done if line['cell'] == job.cell.name]
        return statistics.median(same or [line['wall_s'] for line in done] or [GUESS_S])

    def estimate(self, jobs):
        return sum(self.seconds(job) * self.width(job.cell) for job in jobs) / self.cores

    def keep(self, job, outcome):
        line = {'cell': job.cell.name, 'seed': job.seed, 'overrides': job.cell.overrides,
                'recipe': self.recipe, 'commit': self.cli.commit, **outcome}
        if line != self.kept.find(job.cell, job.seed, self.recipe):
            self.kept.add(line)

    def run(self, jobs, until):
        """Runs jobs in this order until the clock says stop; returns those not started."""
        waiting = list(jobs)
        try:
            while self.running or (waiting and time.monotonic() < until):
                if time.monotonic() < until:
                    self.start_what_fits(waiting)
                time.sleep(0.02)
                self.collect(waiting)
        finally:
            for run in self.running:
                run.close()
        return waiting

    def start_what_fits(self, waiting):
        for job in list(waiting):
            busy = sum(self.width(run.job.cell) for run in self.running)
            if busy + self.width(job.cell) <= self.cores:
                waiting.remove(job)
                self.running.append(Run(self.cli, job))

    def collect(self, waiting):
        for run in [run for run in self.running if run.ended()]:
            outcome = run.outcome()
            self.keep(run.job, outcome)
            self.running.remove(run)
            run.close()
            left = self.estimate(waiting)
            what = outcome.get('loss', outcome.get('message'))
            print(f'{run.job.cell.name}, seed {run.job.seed}: {what} in {outcome["wall_s"]:.0f} s; '
                  f'{len(waiting)} to start, {left / 60:.0f} min', flush=True)


def last_line(text):
    return text.strip().rsplit('\n', 1)[-1]


def stop(*_):
    raise KeyboardInterrupt


def dry_run(bench, cells, jobs, refused):
    for cell in cells:
        left = [job for job in jobs if job.cell == cell]
        sets = ' '.join(f'{key}={value}' for key, value in cell.overrides.items())
        state = f'{len(left)} runs, {bench.estimate(left) / 60:4.1f} min' if left else 'done'
        print(f'{cell.name:32} {"refused" if cell in refused else state:18} {sets}')
    print(f'{len(jobs)} runs to do, about {bench.estimate(jobs) / 60:.0f} minutes')


def train(args, kept, cells, seeds, recipe):
    """Runs what is missing; returns the exit code."""
    cli = Cli(args.outrigger)
    bench = Bench(cli, kept, recipe, args.cores)
    refused = {cell: why for cell in cells if (why := cli.refusal(cell))}
    # Seeds outside, so that a small budget has something of every cell.
    wanted = [Job(cell, seed) for seed in seeds for cell in cells if cell not in refused]
    there = [kept.find(*job, recipe) for job in wanted]
    jobs = [job for job, line in zip(wanted, there)
            if not line or line['status'] != results.DONE]
    if args.dry_run:
        dry_run(bench, cells, jobs, refused)
        return 0
    for cell, why in refused.items():
        print(f'{cell.name} is refused: {why}', flush=True)
        for seed in seeds:
            bench.keep(Job(cell, seed), {'status': results.REFUSED, 'message': why})
    until = time.monotonic() + 60 * args.budget
    try:
        missing = bench.run(jobs, until)
    except KeyboardInterrupt:
        print('stopped; the finished runs are kept', file=sys.stderr)
        return 75
    if missing:
        names = ', '.join(f'{job.cell.name} seed {job.seed}' for job in missing)
        print(f'the budget of {args.budget:g} minutes is used up; not started: {names}')
        return 75
    ends = [kept.find(*job, recipe) for job in wanted]
    return 1 if refused or any(end['status'] != results.DONE for end in ends) else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', nargs='?', type=pathlib.Path, default=HERE / 'results',
                        help='default: tools/experiments/results')
    parser.add_argument('--only', metavar='GLOB', default='*',
                        help="the cells to run, such as 'diloco-*'; the table has all")
    parser.add_argument('--seeds', default=','.join(map(str, grid.SEEDS)),
                        help='default: %(default)s')
    parser.add_argument('--budget', metavar='MINUTES', type=float, default=60,
                        help='starts no further run after that; default: %(default)s')
    parser.add_argument('--cores', type=int, default=os.cpu_count(),
                        help='islands that compute at once; default: all, %(default)s')
    parser.add_argument('--outrigger', metavar='PATH', type=pathlib.Path,
                        default=HERE.parents[1] / 'build/release/outrigger',
                        help='the built program; default: build/release/outrigger')
    parser.add_argument('--dry-run', action='store_true',
                        help='print the cells with the time they should take; run nothing')
    parser.add_argument('--table', action='store_true',
                        help='only write the table and the plot from the results that are there')
    args = parser.parse_args()
    if not args.table and not shutil.which(args.outrigger):
        parser.error(f"{args.outrigger} is no program: './outrigger build' makes it")
    return args


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, stop)
    seeds = [int(seed) for seed in args.seeds.split(',')]
    cells = [cell for cell in grid.CELLS if fnmatch.fnmatch(cell.name, args.only)]
    if not cells:
        sys.exit(f'no cell is called {args.only}; --dry-run lists them')
    recipe = hashlib.sha256(results.settings(RECIPE).encode()).hexdigest()[:12]
    kept = results.Results(args.folder / 'results.jsonl')
    if not args.dry_run:
        args.folder.mkdir(parents=True, exist_ok=True)
    code = 0 if args.table else train(args, kept, cells, seeds, recipe)
    if not args.dry_run:
        outcomes = table.outcomes(kept, grid.CELLS, seeds, recipe)
        (args.folder / 'table.md').write_text(table.markdown(outcomes, seeds))
        (args.folder / 'plot.svg').write_text(plot.svg(outcomes))
        print(f'wrote {args.folder}/table.md and plot.svg')
    sys.exit(code)


if __name__ == '__main__':
    main()
