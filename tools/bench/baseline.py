#!/usr/bin/env python3
"""DiLoCo against synchronous training on the same tokens: the quickstart (islands) and the baseline (one island, the
whole batch), each with the best of the same three inner learning rates, over three seeds.

  tools/bench/baseline.py --folder /tmp/baseline [key=value ...]

Settings behind it go to both sides. What has been run is kept in FOLDER/results.json, so a run that was cut off goes
on. Prints a Markdown table. Build first: ./outrigger build.
"""
import argparse, json, pathlib, statistics, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = ROOT / 'build' / 'release' / 'outrigger'
SIDES = {'DiLoCo, two islands': 'quickstart', 'synchronous, one island': 'baseline'}
RATES = ['4e-3', '6e-3', '9e-3']
SEEDS = ['17', '18', '19']


class Runs:
    """Evaluation losses and bytes of finished runs, by (recipe, rate, seed)."""

    def __init__(self, folder, settings):
        self.folder, self.settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / 'results.json'
        self.done = json.loads(self.file.read_text()) if self.file.exists() else {}

    def get(self, recipe, rate, seed):
        key = f'{recipe} {rate} {seed} {" ".join(self.settings)}'
        if key not in self.done:
            self.done[key] = self.train(recipe, rate, seed)
            self.file.write_text(json.dumps(self.done, indent=1))
        return self.done[key]

    def train(self, recipe, rate, seed):
        runs = self.folder / f'{recipe}-{rate}-{seed}'
        command = [CLI, 'train', ROOT / 'recipes' / f'{recipe}.yaml', '--runs', runs, f'inner.lr={rate}', f'seed={seed}',
                   'train.eval_every=0', 'checkpoint.every=0', 'sample.tokens=0', *self.settings]
        ended = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if ended.returncode != 0:
            sys.exit(f'{recipe} ended with {ended.returncode}: {ended.stderr[-2000:]}')
        with open(sorted(runs.iterdir())[-1] / 'metrics.jsonl') as lines:
            ends = [event for event in map(json.loads, lines) if event['event'] == 'done']
        result = {'loss': ends[0]['eval_loss'], 'bytes': max(end['bytes_sent'] for end in ends)}
        print(f'{recipe} lr {rate} seed {seed}: {result}', file=sys.stderr, flush=True)
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', type=pathlib.Path, required=True)
    parser.add_argument('settings', nargs='*', metavar='KEY=VALUE')
    args = parser.parse_args()
    runs = Runs(args.folder.resolve(), args.settings)
    losses = {}
    print('| | inner lr | evaluation loss (3 seeds) | mean | bytes each island sent |\n|---|---|---|---|---|')
    for name, recipe in SIDES.items():
        best = min(RATES, key=lambda rate: runs.get(recipe, rate, SEEDS[0])['loss'])
        ends = [runs.get(recipe, best, seed) for seed in SEEDS]
        losses[recipe] = [end['loss'] for end in ends]
        each = ', '.join(f'{loss:.4f}' for loss in losses[recipe])
        print(f'| {name} | {best} | {each} | {statistics.mean(losses[recipe]):.4f} | {ends[0]["bytes"]:,} |')
    ours, synchronous = (statistics.mean(losses[recipe]) for recipe in SIDES.values())
    print(f'\nGap: {100 * (ours / synchronous - 1):+.2f} % of the synchronous loss.')


if __name__ == '__main__':
    main()
