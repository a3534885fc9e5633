"""The results as a Markdown table."""
import dataclasses, math, statistics

import grid, results

CLOSE = 0.02  # of the other cell's loss: what counts as near
HEAD = ('| | evaluation loss | over the seeds | against | expected | bytes an island sent '
        '| most in a step | bits a parameter and round, up and down | wall-clock, s | commit |\n'
        '|---|---|---|---|---|---|---|---|---|---|')


@dataclasses.dataclass(eq=False)
class Outcome:
    """A cell's newest lines, by seed."""
    cell: grid.Cell
    lines: dict

    def of(self, status):
        return [line for line in self.lines.values() if line and line['status'] == status]

    @property
    def ends(self):
        """Losses by seed, infinite where they were not finite."""
        return {line['seed']: math.inf if line['loss'] is None else line['loss']
                for line in self.of(results.DONE)}

    @property
    def losses(self):
        """Finite ones by seed."""
        return {seed: loss for seed, loss in self.ends.items() if loss < math.inf}

    @property
    def bytes(self):
        return max(line['bytes_per_island'] for line in self.of(results.DONE))

    @property
    def diverged(self):
        return len(self.of(results.DONE)) - len(self.losses)


def outcomes(kept, cells, seeds, recipe):
    return [Outcome(cell, {seed: kept.find(cell, seed, recipe) for seed in seeds})
            for cell in cells]


def differences(outcome, other):
    """Between two cells seed by seed: the same first weights, and the same order of the data."""
    ours, theirs = outcome.ends, other.ends
    both = [seed for seed in ours if seed in theirs and min(ours[seed], theirs[seed]) < math.inf]
    return [ours[seed] - theirs[seed] for seed in both]


def verdict(outcome, by_name):
    """(what was measured against the expected cell, whether the order is as expected or None)."""
    if not outcome.cell.expect:
        return '', None
    word, name = outcome.cell.expect
    apart = differences(outcome, by_name[name])
    if not apart:
        return f'{name}: ?', None
    mean = statistics.mean(apart)
    if word == grid.NEAR:
        held = abs(mean) < CLOSE * min(by_name[name].ends.values())
    else:
        agreed = all(gap > 0 for gap in apart) or all(gap < 0 for gap in apart)
        held = (mean > 0) == (word == grid.ABOVE) if agreed else None
    return f'{name} {mean:+.4f}', held


def row(outcome, by_name):
    done, losses = outcome.of(results.DONE), list(outcome.losses.values())
    loss = f'{statistics.mean(losses):.4f}' if losses else '-'
    if outcome.diverged:
        loss += f' ({outcome.diverged} not finite)'
    spread = f'{min(losses):.4f} to {max(losses):.4f}' if losses else ''
    against, held = verdict(outcome, by_name)
    word = outcome.cell.expect[0] if outcome.cell.expect else ''
    if against and not against.endswith('?'):
        word += {True: '', False: ': **no**', None: ': seeds differ'}[held]
    bits = [f'{max(line[way] for line in done):.2f}' for way in ('bits_up', 'bits_down')
            if all(way in line for line in done)]
    seconds = f'{statistics.mean(line["wall_s"] for line in done):.1f}'
    commits = ', '.join(sorted({line['commit'] for line in done}))
    cells = [outcome.cell.name, loss, spread, against, word,
             f'{outcome.bytes:,}', f'{max(line["peak_bytes"] for line in done):,}',
             ' / '.join(bits), seconds, commits]
    return '| ' + ' | '.join(cells) + ' |'


def not_there(outcome):
    """Why runs of a cell are missing: one line a reason."""
    seeds = {}
    for seed, line in outcome.lines.items():
        if not line:
            seeds.setdefault('not run yet', []).append(seed)
        elif line['status'] != results.DONE:
            seeds.setdefault(f'{line["status"]}: {line["message"]}', []).append(seed)
    return [f'- {outcome.cell.name}, seeds {", ".join(map(str, of))}: {why}'
            for why, of in seeds.items()]


def unexpected(outcome, by_name):
    against, held = verdict(outcome, by_name)
    if held is not False:
        return []
    why = outcome.cell.why or 'no reason is known.'
    return [f'- {outcome.cell.name} was expected {" ".join(outcome.cell.expect)}, and is '
            f'{against.rsplit(" ", 1)[1]} of it. {why}']


def section(title, lines):
    return [f'\n## {title}\n', *lines] if lines else []


def markdown(cells, seeds):
    by_name = {outcome.cell.name: outcome for outcome in cells}
    runs = [line for outcome in cells for line in outcome.of(results.DONE)]
    text = ['# The methods on the same tokens\n',
            'Written by `tools/experiments/run.py` out of results.jsonl; cells and rates: '
            '`tools/experiments/grid.py`. Loss in nats a byte on held-out text, the mean over the '
            f'seeds {", ".join(map(str, seeds))}. *Against* is the mean difference to another '
            'cell, seed by seed. *Expected* is the order that the paper leads to expect; *no*: '
            'all seeds say otherwise (for *near*: more than 2 % apart). Bytes are of the island '
            f'that sent most. {len(runs)} runs of {sum(line["wall_s"] for line in runs) / 60:.0f} '
            'minutes together.']
    group = None
    for outcome in cells:
        if not outcome.of(results.DONE):
            continue
        if outcome.cell.group != group:
            group = outcome.cell.group
            text += [f'\n## {group}\n', HEAD]
        text.append(row(outcome, by_name))
    text += section('Where the order is not as expected',
                    [line for outcome in cells for line in unexpected(outcome, by_name)])
    text += section('Not there', [line for outcome in cells for line in not_there(outcome)])
    return '\n'.join(text) + '\n'
