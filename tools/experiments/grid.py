"""The grid: what every cell sets on top of recipe.yaml, and what its paper leads to expect.

How rates were chosen, so that no method is starved and none is favoured:
- One inner rate for all AdamW cells: see recipe.yaml. Muon and Lion have scales of their own.
- One outer rate and momentum for DiLoCo at every H: of (0.7, 0.6), (0.7, 0.9), (1, 0.3) and
  (1, 0.6) the pair of the lowest mean loss over H = 10, 50 and 100 at seed 11, which no cell
  reports. The papers' momentum of 0.9 loses here by 0.07: these runs have 8 to 80 rounds where the
  papers' have hundreds. (1, 0.3) is as good: its mean is 0.003 above.
- One island: of (0.7, 0.3), (0.7, 0.6), (1, 0.3) and (1, 0.6) the best at H = 50, seed 11.
- Results that come a whole round late get an outer rate of 0.4, as the eager paper has it, and a momentum of
  0.3: of (0.4, 0.3), (0.7, 0.3) and (0.4, 0.6) the best at seed 11, delayed and eager alike.
- Asynchronous: of (0.7, 0.6), (0.7, 0.3) and (1, 0.3) the best at seed 11; FedAdam: of 0.03, 0.1 and 0.3;
  Lion: of 1e-3, 2e-3 and 4e-3.
- Muon's inner rate: of 1e-2, 2e-2 and 4e-2 the best at seed 11.
"""
import dataclasses

SEEDS = [17, 18, 19]

BELOW, NEAR, ABOVE = 'below', 'near', 'above'


@dataclasses.dataclass(eq=False)
class Cell:
    name: str
    group: str
    overrides: dict  # key to value, both as on the command line
    expect: tuple = ()  # (BELOW, NEAR or ABOVE, the cell whose loss that means); (): nothing
    why: str = ''  # shown where the order is another: why it might be

    @property
    def islands(self):
        return int(self.overrides.get('islands.count', '1'))


NESTEROV = {'outer.optimizer': 'nesterov', 'outer.lr': '0.7', 'outer.momentum': '0.6'}
ALONE = {**NESTEROV, 'outer.momentum': '0.3'}
LATE = {**NESTEROV, 'outer.lr': '0.4', 'outer.momentum': '0.3'}
FEDADAM = {'outer__optimizer': 'adam', 'outer__lr': '0.1', 'outer__eps': '1e-2', 'outer__momentum': '0'}
LION_VOTE = {'islands.count': '4', 'inner.optimizer': 'lion', 'inner.lr': '2e-3', 'inner.betas': '[0.9, 0.99]',
             'inner.weight_decay': '0', 'sync.every': '1', 'sync.codec': 'int8', 'sync.result_codec': 'fp32',
             'sync.aggregate': 'sign_vote'}
MUON = {'inner.optimizer': 'muon', 'inner.lr': '2e-2'}


def diloco(every, **more):
    """Four islands, a round every so many steps; a__b=c stands for the setting a.b=c."""
    named = {key.replace('__', '.'): value for key, value in more.items()}
    return {'islands.count': '4', **NESTEROV, 'sync.every': str(every), **named}


def streaming(delay, **more):
    return diloco(50, sync__fragments='4', sync__pattern='strided', sync__delay=str(delay), **more)


def ruled(rule):
    # EDiT tests for outliers from an island's 20th round on; its default of 120 is for longer runs.
    history = {'sync__edit__history': '20'} if rule == 'edit' else {}
    return diloco(10, sync__aggregate=rule, **history)


def lying(lie, rule):
    expect, why = expected_of(lie, rule)
    liar = {'experiment.liar': 'island-1', 'experiment.lie': lie}
    return Cell(f'liar-{lie}-{rule}', f'A liar of four: {lie}, H=10', {**ruled(rule), **liar}, expect, why)


def expected_of(lie, rule):
    if rule == 'mean':
        return (ABOVE, 'diloco-10'), 'One liar is outweighed by three.'
    if rule in ('median', 'trimmed_mean'):
        return (BELOW, f'liar-{lie}-mean'), 'Of four islands, either is the mean of two.'
    if lie == 'sign_flip':
        return (NEAR, f'liar-{lie}-mean'), 'The rule sees norms, and a flipped sign keeps the norm.'
    return (BELOW, f'liar-{lie}-mean'), 'The rule sees norms only; this lie\'s may be common.'


def coded(codec, feedback=0.0, **more):
    """diloco-10 with a codec; what it loses comes back by `feedback`."""
    return diloco(10, sync__codec=codec, sync__error_feedback=str(feedback), **more)


def feedback_cells(codec, without, why=''):
    """One codec with and without error feedback; `without`: BELOW, NEAR or ABOVE what it is with it."""
    return [Cell(f'{codec}-feedback', CODECS, coded(codec, 1.0), (NEAR, 'diloco-10'), why),
            Cell(codec, CODECS, coded(codec), (without, f'{codec}-feedback'), why)]


CODECS = 'Codecs, H=10'
FEW = 'A narrow codec leaves much for later, and the last rounds\' residuals come back to nobody.'
SHORT = 'Few rounds and a small model: the papers gain over hundreds of rounds.'
LIES = ('sign_flip', 'scale', 'random')
RULES = ('norm_clip', 'median', 'trimmed_mean', 'edit')

CELLS = [
    Cell('synchronous', 'One island', {}),
    # The control: what of DiLoCo's result is the outer step, and what is the islands.
    Cell('snoo-10', 'One island', {**ALONE, 'sync.every': '10'},
         (BELOW, 'synchronous'), SHORT),
    Cell('snoo-50', 'One island', {**ALONE, 'sync.every': '50'},
         (BELOW, 'synchronous'), SHORT),
    Cell('muon-synchronous', 'One island', MUON, (BELOW, 'synchronous')),

    Cell('diloco-10', 'DiLoCo, four islands', diloco(10), (ABOVE, 'synchronous')),
    Cell('diloco-50', 'DiLoCo, four islands', diloco(50), (ABOVE, 'diloco-10')),
    Cell('diloco-100', 'DiLoCo, four islands', diloco(100), (ABOVE, 'diloco-50')),
    Cell('muloco-50', 'DiLoCo, four islands', {**diloco(50), **MUON}, (BELOW, 'diloco-50')),

    # With no delay there is nothing to carry: merge=carry is then mix with alpha 0.
    Cell('streaming-tau0-alpha0', 'Streaming, H=50, P=4', streaming(0, sync__alpha='0'),
         (NEAR, 'diloco-50')),
    Cell('streaming-tau0-alpha0.5', 'Streaming, H=50, P=4', streaming(0, sync__alpha='0.5'),
         (NEAR, 'diloco-50')),
    Cell('streaming-tau5-alpha0', 'Streaming, H=50, P=4', streaming(5, sync__alpha='0'),
         (NEAR, 'diloco-50')),
    Cell('streaming-tau5-alpha0.5', 'Streaming, H=50, P=4', streaming(5, sync__alpha='0.5'),
         (NEAR, 'diloco-50')),
    Cell('streaming-tau5-carry', 'Streaming, H=50, P=4', streaming(5, sync__merge='carry'),
         (NEAR, 'diloco-50')),

    Cell('delayed-50', 'A whole round late', {**diloco(50, sync__delay='50'), **LATE},
         (ABOVE, 'diloco-50')),
    Cell('eager-50', 'A whole round late',
         {**diloco(50, sync__delay='50', sync__eager='true'), **LATE}, (BELOW, 'delayed-50')),

    Cell('noloco-50', 'Other outer rules',
         diloco(50, outer__optimizer='noloco', outer__momentum='0.5'), (NEAR, 'diloco-50'),
         'A pair mixes half of what four islands learnt, and there are 16 rounds to spread it.'),
    Cell('async-50', 'Other outer rules',
         diloco(50, outer__optimizer='delayed_nesterov', outer__momentum='0.3'), (ABOVE, 'diloco-50')),
    Cell('fedopt-50', 'Other outer rules', diloco(50, **FEDADAM), (ABOVE, 'diloco-50')),
    Cell('distributed-lion', 'Other outer rules', LION_VOTE, (NEAR, 'synchronous'),
         'A vote drops sizes and weight decay; its rate was tried at three values and one seed only.'),

    Cell('unlike', 'Unlike data, H=50', diloco(50, data__sharding='contiguous'),
         (NEAR, 'diloco-50')),
    Cell('unlike-control-variates', 'Unlike data, H=50',
         diloco(50, data__sharding='contiguous', sync__control_variates='true'),
         (BELOW, 'unlike'),
         'Parts of one book are hardly unlike: there is little drift to undo, and AdamW rescales it.'),

    # What a rule costs where nobody lies; the mean is diloco-10.
    *[Cell(f'honest-{rule}', 'Nobody lies, H=10', ruled(rule),
           (NEAR, 'diloco-10')) for rule in RULES],
    *[lying(lie, rule) for lie in LIES for rule in ('mean', *RULES)],

    # Codecs of the contributions, as topology auto carries them; results as result_codec auto has them.
    Cell('bf16', CODECS, coded('bf16'), (NEAR, 'diloco-10')),
    Cell('fp16', CODECS, coded('fp16'), (NEAR, 'diloco-10')),
    *feedback_cells('int8', NEAR),
    *feedback_cells('int4', NEAR),
    *feedback_cells('fp4-e3m0', NEAR),
    *feedback_cells('2-bit', ABOVE, FEW),
    *feedback_cells('2-bit-linear', ABOVE, FEW),
    *feedback_cells('sign', ABOVE, FEW),
    *feedback_cells('top-k-64-2-bit', ABOVE, FEW),
    Cell('low-rank-4-int8-feedback', CODECS, coded('int8', 1.0, sync__low_rank__rank='4'), (NEAR, 'diloco-10'), FEW),
    Cell('low-rank-4-int8', CODECS, coded('int8', sync__low_rank__rank='4'), (ABOVE, 'low-rank-4-int8-feedback')),
    Cell('int4-econtrol', CODECS, coded('int4', 1.0, sync__feedback='econtrol', sync__aggregate='uniform'),
         (NEAR, 'int4-feedback')),
    Cell('fp4-e3m0-stochastic', CODECS, coded('fp4-e3m0', sync__rounding='stochastic'), (NEAR, 'fp4-e3m0'),
         'Without bias, and with more noise.'),

    # The same contributions, gathered by everyone; and other results, which nothing feeds back.
    *[Cell(f'{codec}-feedback-gather', 'Topologies and result codecs, H=10',
           coded(codec, 1.0, comm__topology='gather'), (NEAR, f'{codec}-feedback'))
      for codec in ('int8', 'int4', 'top-k-64-2-bit')],
    *[Cell(f'int8-feedback-result-{result}', 'Topologies and result codecs, H=10',
           coded('int8', 1.0, comm__topology='direct', sync__result_codec=result), (expect, 'int8-feedback'))
      for result, expect in (('fp32', NEAR), ('bf16', NEAR), ('int8', NEAR), ('int4', NEAR), ('2-bit', ABOVE))],
]
