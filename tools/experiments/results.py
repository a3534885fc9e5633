"""What runs have left: a JSON object a line in results.jsonl, so that a grid can go on."""
import json, os, re, sys

DONE, REFUSED, FAILED = 'done', 'refused', 'failed'


class Results:
    """The lines of a file. Of several for one (cell, seed, overrides, recipe) the last counts."""

    def __init__(self, file):
        self.file, self.lines = file, []
        self.whole = 0  # bytes up to the last whole line
        for number, line in enumerate(self._read(), 1):
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                if self.whole + len(line) < file.stat().st_size:
                    sys.exit(f'{file}, line {number} is no JSON: mend or delete it')
                print(f'warning: {file}, line {number} was cut off and is left out',
                      file=sys.stderr)
                return
            self.whole += len(line)

    def _read(self):
        return self.file.read_bytes().splitlines(keepends=True) if self.file.exists() else []

    def find(self, cell, seed, recipe):
        """The newest line of a cell's run, if there is one of the same overrides and recipe."""
        wanted = (cell.name, seed, cell.overrides, recipe)
        for line in reversed(self.lines):
            if (line['cell'], line['seed'], line['overrides'], line['recipe']) == wanted:
                return line
        return None

    def add(self, line):
        """Appends a line, on the disk when it returns; drops what was cut off before it."""
        with open(self.file, 'ab') as out:
            out.truncate(self.whole)
            written = (json.dumps(line) + '\n').encode()
            out.write(written)
            out.flush()
            os.fsync(out.fileno())
        self.whole += len(written)
        self.lines.append(line)


def settings(recipe):
    """A recipe's text with what it includes, without comments and blank lines."""
    text = re.sub(r'(?m)(^|\s+)#.*$', '', recipe.read_text())
    included = re.search(r'(?m)^include: \[?([^\]\n]+)', text)
    names = included[1].split(',') if included else []
    parts = [settings(recipe.parent / name.strip()) for name in names]
    return '\n'.join([*parts, *(line for line in text.splitlines() if line.strip())])


def measured(metrics, schedule):
    """The table's figures out of a run's metrics.jsonl and what `recipe schedule --json` says of it. Bytes are of
    the island that sent most; bits, of a parameter in a round, of the island that sent or received most."""
    with open(metrics) as lines:
        events = [json.loads(line) for line in lines]
    ends = [event for event in events if event['event'] == 'done']
    steps, up, down = {}, {}, {}
    for event in events:
        if event['event'] == 'round':
            at = (event['source'], event['step'])
            steps[at] = steps.get(at, 0) + event['bytes_sent']
            up[event['source']] = up.get(event['source'], 0) + event['bytes_sent']
            down[event['source']] = down.get(event['source'], 0) + event['bytes_received']
    sent = sum(part['parameters'] * part['rounds'] for part in schedule['fragments'])
    bits = {way: round(8 * max(of.values()) / sent, 3)
            for way, of in (('bits_up', up), ('bits_down', down)) if of and sent}
    return {'loss': ends[0]['eval_loss'],  # null: not finite
            'bytes_per_island': max(end['bytes_sent'] for end in ends),
            'peak_bytes': max(steps.values(), default=0),
            'train_s': round(max(end['train_s'] for end in ends), 2), **bits}
