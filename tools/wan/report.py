"""The results as a Markdown table and as one SVG."""
import plot
from cells import METHODS

WIDTH, LEFT, ROW, TOP, BAR = 860, 290, 22, 70, 470


def found(results, cell):
    """The newest line of a cell with a figure in it, of the same settings."""
    key = cell.key()
    for line in reversed(results.lines):
        if 'tokens_per_s' in line and all(line.get(name) == value for name, value in key.items()):
            return line
    return None


def last_word(results, cell):
    """Why a cell that was tried has no figure; None where it has one, or was not tried."""
    key = cell.key()
    tried = [line for line in results.lines if all(line.get(name) == value for name, value in key.items())]
    if not tried or found(results, cell):
        return None
    return f'failed: {tried[-1]["failed"]}' if 'failed' in tried[-1] else f'left out: {tried[-1]["missing"]}'


def outcomes(results, grid):
    """(cell, its line, the line of the same program alone), for every cell that synchronises."""
    alone = {(cell.method.program, cell.islands, cell.rate): found(results, cell) for cell in grid if not cell.sync}
    return [(cell, found(results, cell), alone[cell.method.program, cell.islands, cell.rate])
            for cell in grid if cell.sync]


def utilisation(line, alone):
    return line['tokens_per_s'] / alone['tokens_per_s'] if line and alone else None


def cell_text(line, alone):
    if not line:
        return '-'
    part = utilisation(line, alone)
    return f'{line["tokens_per_s"]:,.0f}' + (f' ({100 * part:.1f} %)' if part is not None else '')


def table(results, grid):
    """Tokens/s of all islands together and utilisation: a row a method, a column a link."""
    by = {(cell.method.name, cell.islands, cell.rate): (line, alone) for cell, line, alone in outcomes(results, grid)}
    columns = list(dict.fromkeys((cell.islands, cell.rate) for cell in grid))
    lines = ['| method | ' + ' | '.join(f'{count} islands, {rate}' for count, rate in columns) + ' |',
             '|---|' + '---|' * len(columns)]
    for method in METHODS:
        shown = ' | '.join(cell_text(*by[method.name, *column]) for column in columns)
        lines.append(f'| {method.title} | {shown} |')
    lines += ['', 'Tokens/s of all islands (part of those of the same processes alone); '
              f'{grid[0].rtt_ms:g} ms round trip; H = {grid[0].every}, {grid[0].rounds} rounds timed; '
              f'one thread an island{cores(results)}.']
    notes = [f'- {cell.name}: {word}' for cell in grid if (word := last_word(results, cell))]
    return '\n'.join([*lines, *(['', *notes] if notes else []), ''])


def cores(results):
    counts = sorted({line['cores'] for line in results.lines})
    commits = list(dict.fromkeys(line['commit'] for line in results.lines))
    return f', {" or ".join(map(str, counts))} cores; commit {", ".join(commits)}' if counts else ''


def svg(results, grid):
    """Bars of utilisation: a block for every number of islands and link, a bar a method."""
    colour = {method.name: plot.COLOURS[number] for number, method in enumerate(METHODS)}
    parts, y, block = [], TOP, None
    for cell, line, alone in outcomes(results, grid):
        if (cell.islands, cell.rate) != block:
            block = (cell.islands, cell.rate)
            y += ROW + 6
            parts.append(plot.text(10, y, f'{cell.islands} islands, {cell.rate}', 'head'))
        y += ROW
        part = utilisation(line, alone)
        parts.append(plot.text(LEFT - 10, y, cell.method.title, 'right'))
        if part is None:
            parts.append(plot.text(LEFT, y, 'no figure'))
            continue
        width = round(BAR * min(part, 1), 1)
        parts.append(f'<rect x="{LEFT}" y="{y - 12}" width="{width}" height="15" fill="{colour[cell.method.name]}"/>')
        parts.append(plot.text(LEFT + width + 6, y, f'{100 * part:.1f} %'))
    ticks = [plot.line(LEFT + BAR * at / 4, TOP, LEFT + BAR * at / 4, y + 8, 'class="grid"') for at in range(5)]
    title = f'Compute utilisation of the 10.8M-parameter model, {grid[0].rtt_ms:g} ms round trip'
    return '\n'.join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 30}" width="{WIDTH}" '
                      f'height="{y + 30}">', f'<style>{plot.STYLE}\n</style>',
                      '<rect class="back" width="100%" height="100%"/>', plot.text(10, 24, title, 'head'),
                      plot.text(10, 44, 'tokens/s over those of the same processes that never meet'),
                      *ticks, *parts, '</svg>\n'])
