"""Features that know the answer: what no honest feature can do.

A feature is suspected where it alone, by a small tree, tells the answers of the latest origin almost perfectly, or
where it told those of the earlier origins far better than it tells the latest: a value filled in afterwards, as a
status that is set when somebody leaves, is complete for old dates and still empty for new ones.
"""

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.questions.labels import Frame
from crm_pipeline.scoring.questions.learners import Labels

PERFECT = 0.98
"""A single feature with this AUC knows the answer."""
FALL = 0.2
"""So far falls no honest feature's AUC from earlier origins to the latest."""
_MOST_ROWS = 5_000


def leaks(frame: Frame) -> list[str]:
    """Return the features that seem to know the answer, in the frame's order; none with fewer than two origins."""
    days = frame.days
    if len(days) < 2:
        return []
    earlier, latest = _sample(frame.until(days[-2])), _sample(frame.at(days[-1:]))
    if not (earlier.has_both_labels and latest.has_both_labels):
        return []
    with one_thread():
        return [
            name
            for place, name in enumerate(frame.names)
            if _knows(earlier.features[:, [place]], earlier.labels, latest.features[:, [place]], latest.labels)
        ]


def _knows(then: Floats, answers_then: Labels, now: Floats, answers_now: Labels) -> bool:
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=max(5, len(then) // 200), random_state=0)
    tree.fit(then, answers_then)
    told_then, told_now = (
        roc_auc_score(answers, tree.predict_proba(values)[:, 1])
        for values, answers in ((then, answers_then), (now, answers_now))
    )
    return told_now > PERFECT or told_then - told_now > FALL


def _sample(frame: Frame) -> Frame:
    chosen = np.zeros(len(frame), dtype=bool)
    chosen[np.linspace(0, len(frame) - 1, min(_MOST_ROWS, len(frame))).astype(int)] = True
    return frame.where(chosen)
