#!/usr/bin/env python3
"""Benchmarks of Outrigger against its peers and against the machine, as ratios taken in one run.

  tools/bench/run.py step          inner-step tokens/s over the same model in eager PyTorch (needs a python
                                   with torch: --python; both sides one thread, fp32, taking turns)
  tools/bench/run.py utilisation   the quickstart's tokens/s over those of the same processes with sync off
  tools/bench/run.py startup       seconds from the command to the first inner step

Each prints one JSON object. Build first: ./outrigger build. Close other programs: two cores are all there is.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / 'build' / 'release'
# As train_eager.py's presets: name, then bench_step's options.
SIZES = {'s': ('0.87M parameters', ['--layers', 4, '--hidden', 128, '--heads', 4, '--ffn', 352, '--context', 128, '--batch', 16]),
         'm': ('10.8M parameters', ['--layers', 6, '--hidden', 384, '--heads', 6, '--ffn', 1024, '--context', 256, '--batch', 8])}


def last_json(text):
    return json.loads([line for line in text.splitlines() if line.startswith('{')][-1])


def output_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}')
    return done.stdout


def step(args):
    result = {'bench': 'step', 'threads': args.threads, 'turns': args.turns, 'sizes': {}}
    output_of(['cmake', '--build', BUILD, '--target', 'bench_step'])
    for preset, (size, options) in SIZES.items():
        ours, eager = [], []
        for _ in range(args.turns):
            ours.append(last_json(output_of([BUILD / 'tools' / 'bench_step', *options, '--threads', args.threads]))['tokens_per_s'])
            eager.append(last_json(output_of([args.python, ROOT / 'tools/peers/train_eager.py', '--preset', preset,
                                              '--threads', args.threads, '--opt', 'fused']))['tok_s'])
        ratios = [a / b for a, b in zip(ours, eager)]
        result['sizes'][size] = {'outrigger_tok_s': statistics.median(ours), 'eager_tok_s': statistics.median(eager),
                                 'ratio': round(statistics.median(ratios), 3),
                                 'ratio_min': round(min(ratios), 3), 'ratio_max': round(max(ratios), 3)}
    return result


def train(folder, *overrides):
    """Runs the quickstart in a folder of its own; returns its events and the seconds since the command."""
    began = time.time()
    output_of(['env', f'--chdir={folder}', BUILD / 'outrigger', 'train', ROOT / 'recipes/quickstart.yaml',
               'train.eval_every=0', 'sample.tokens=0', 'checkpoint.every=0', *overrides])
    runs = sorted(pathlib.Path(folder, 'runs').iterdir())
    with open(runs[-1] / 'metrics.jsonl') as lines:
        return began, [json.loads(line) for line in lines]


def tokens_per_second(events):
    """Of all islands together, between their first and last reported steps: start-up is not counted."""
    islands = {}
    for event in events:
        if event['event'] == 'step':
            islands.setdefault(event['source'], []).append((event['time'], event['tokens']))
    return sum((steps[-1][1] - steps[0][1]) / (steps[-1][0] - steps[0][0]) for steps in islands.values())


def utilisation(args):
    pairs = []
    for _ in range(args.turns):
        speeds = []
        for sync in ('true', 'false'):
            folder = tempfile.mkdtemp(prefix='outrigger-bench-')
            speeds.append(tokens_per_second(train(folder, f'train.steps={args.steps}', f'sync.enabled={sync}')[1]))
            shutil.rmtree(folder)
        pairs.append(speeds)
    ratios = [on / off for on, off in pairs]
    return {'bench': 'utilisation', 'steps': args.steps, 'turns': args.turns,
            'tokens_per_s_sync': round(statistics.median(on for on, _ in pairs)),
            'tokens_per_s_alone': round(statistics.median(off for _, off in pairs)),
            'utilisation': round(statistics.median(ratios), 4),
            'utilisation_min': round(min(ratios), 4), 'utilisation_max': round(max(ratios), 4)}


def startup(args):
    times = []
    for _ in range(args.turns):
        folder = tempfile.mkdtemp(prefix='outrigger-bench-')
        began, events = train(folder, 'train.steps=2', 'train.log_every=1', 'inner.schedule.warmup=0')
        times.append(min(event['time'] for event in events if event['event'] == 'step') - began)
        shutil.rmtree(folder)
    return {'bench': 'startup', 'turns': args.turns, 'seconds_to_first_step': round(statistics.median(times), 2),
            'min': round(min(times), 2), 'max': round(max(times), 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bench', choices=['step', 'utilisation', 'startup'])
    parser.add_argument('--turns', type=int, default=3, help='how often each side runs, taking turns')
    parser.add_argument('--threads', type=int, default=1, help='of each side (step)')
    parser.add_argument('--steps', type=int, default=200, help='inner steps of a run (utilisation)')
    parser.add_argument('--python', default='python3', help='a python that has torch (step)')
    args = parser.parse_args()
    if not (BUILD / 'outrigger').exists():
        sys.exit("nothing is built yet: run './outrigger build' first")
    print(json.dumps({'step': step, 'utilisation': utilisation, 'startup': startup}[args.bench](args)))


if __name__ == '__main__':
    main()
