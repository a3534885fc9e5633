"""The results as one SVG: every cell's loss with its spread, and loss against the bytes sent."""
import math, statistics
from xml.sax.saxutils import escape

COLOURS = ['#4477aa', '#d1662c', '#228833', '#aa3377', '#997700', '#2596be', '#cc3311', '#7755bb',
           '#777777']
STYLE = '''
  .back { fill: #ffffff } text { fill: #222222; font: 12px sans-serif }
  .axis { stroke: #888888; fill: none } .grid { stroke: #888888; stroke-opacity: 0.25 }
  .head { font-weight: bold } .right { text-anchor: end } .mid { text-anchor: middle }
  @media (prefers-color-scheme: dark) { .back { fill: #161b22 } text { fill: #e6e6e6 } }'''
WIDTH, LEFT, RIGHT, ROW, TOP, SCATTER = 860, 230, 66, 18, 40, 300


class Scale:
    """Maps values onto pixels, what lies outside onto the nearest end."""

    def __init__(self, low, high, first, last):
        self.low, self.high, self.first, self.last = low, high, first, last

    def __call__(self, value):
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.first + part * (self.last - self.first), 1)

    def ticks(self):
        step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
                    if (self.high - self.low) / s <= 9)
        first = math.ceil(self.low / step)
        return [round(step * k, 2) for k in range(first, math.floor(self.high / step) + 1)]


def text(x, y, words, kind=''):
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'


def line(x1, y1, x2, y2, rest):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {rest}/>'


def dot(x, y, colour):
    return f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>'


def loss_range(shown):
    """Ends at three times the median's distance from the best: ruined runs stay at the edge."""
    losses = sorted(loss for outcome in shown for loss in outcome.losses.values())
    if not losses:
        return 0, 1
    far = losses[0] + max(3 * (statistics.median(losses) - losses[0]), 0.1)
    return losses[0] - 0.02, min(losses[-1], far) + 0.02


def rows(shown, colour, low, high):
    """One line a cell; returns the parts and the height they reach."""
    x, parts, y, group = Scale(low, high, LEFT, WIDTH - RIGHT), [], TOP, None
    for outcome in shown:
        if outcome.cell.group != group:
            group = outcome.cell.group
            y += ROW + 4
            parts.append(text(10, y, group, 'head'))
        y += ROW
        losses, mean = list(outcome.losses.values()), statistics.mean(outcome.losses.values())
        parts.append(text(LEFT - 10, y, outcome.cell.name, 'right'))
        parts.append(line(x(min(losses)), y - 4, x(max(losses)), y - 4,
                          f'stroke="{colour[group]}" stroke-width="3" stroke-opacity="0.5"'))
        parts.append(dot(x(mean), y - 4, colour[group]))
        beyond = ' \u25b8' if mean > high else ''
        parts.append(text(WIDTH - RIGHT + 14, y, f'{mean:.3f}{beyond}'))
    y += 12
    ticks = [line(x(at), TOP, x(at), y, 'class="grid"') for at in x.ticks()]
    ticks += [text(x(at), y + 16, f'{at:g}', 'mid') for at in x.ticks()]
    for outcome in shown[:1]:  # what the others are compared with
        at = x(statistics.mean(outcome.losses.values()))
        ticks.append(line(at, TOP, at, y, f'stroke="{COLOURS[0]}" stroke-dasharray="5 3"'))
    title = text((LEFT + WIDTH - RIGHT) / 2, y + 36, 'evaluation loss, nats a byte', 'mid')
    return [*ticks, *parts, title], y + 36


def scatter(shown, colour, low, high, top):
    """Loss against bytes, those that send nothing as lines across."""
    sends = [outcome for outcome in shown if outcome.bytes > 0]
    sent = [math.log10(outcome.bytes) for outcome in sends] or [6]
    x = Scale(math.floor(min(sent)), math.ceil(max(sent) + 0.01), LEFT, WIDTH - RIGHT)
    y = Scale(low, high, top + SCATTER, top)
    parts = [line(LEFT, y(at), WIDTH - RIGHT, y(at), 'class="grid"') for at in y.ticks()]
    parts += [text(LEFT - 8, y(at) + 4, f'{at:g}', 'right') for at in y.ticks()]
    for power in range(x.low, x.high + 1):
        parts.append(line(x(power), top, x(power), top + SCATTER, 'class="grid"'))
        parts.append(text(x(power), top + SCATTER + 16, f'{10 ** power / 1e6:g} MB', 'mid'))
    for outcome in shown:
        height, of = y(statistics.mean(outcome.losses.values())), colour[outcome.cell.group]
        if outcome.bytes == 0:
            parts.append(line(LEFT, height, WIDTH - RIGHT, height,
                              f'stroke="{of}" stroke-dasharray="5 3"'))
        else:
            parts.append(dot(x(math.log10(outcome.bytes)), height, of))
    for number, (group, of) in enumerate(colour.items()):
        parts += [dot(14, top + 8 + ROW * number, of), text(24, top + 12 + ROW * number, group)]
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, top + SCATTER + 36,
                      'bytes that an island sent (dashed: none); upwards: evaluation loss', 'mid'))
    return parts


def svg(outcomes):
    shown = [outcome for outcome in outcomes if outcome.losses]
    groups = dict.fromkeys(outcome.cell.group for outcome in shown)
    colour = {group: COLOURS[number % len(COLOURS)] for number, group in enumerate(groups)}
    low, high = loss_range(shown)
    above, reached = rows(shown, colour, low, high)
    below = scatter(shown, colour, low, high, reached + 40)
    height = reached + SCATTER + 90
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}">', f'<style>{STYLE}\n</style>',
        '<rect class="back" width="100%" height="100%"/>',
        text(10, 24, 'The methods on the same tokens: mean and range over the seeds', 'head'),
        *above, *below, '</svg>\n'])
