"""The reference's online tracker once more, as it is told: lists of track objects, one by one, slowly.

An oracle to compare `OnlineTracker` with, which it shares no code with: textbook matrices for the Kalman filter, loops
for the costs, the extended square problem for the assignment.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

NEW, TRACKED, LOST, REMOVED = range(4)


class Listed:
    """One detection, or the track it became."""

    def __init__(self, box, score, embedding):
        self.corner, self.size = box[:2], box[2:] - box[:2]
        self.score = score
        self.look = embedding / max(float(np.linalg.norm(embedding)), 1e-30) if len(embedding) else embedding
        self.state, self.confirmed, self.mean, self.covariance = NEW, False, None, None
        self.id = self.start = self.last = 0

    @property
    def measured(self):
        width, height = self.size
        return np.array([self.corner[0] + width / 2, self.corner[1] + height / 2, width / height, height])

    @property
    def box(self):
        """Filtered once there is a filter."""
        if self.mean is None:
            return np.concatenate([self.corner, self.corner + self.size])
        x, y, aspect, height = self.mean[:4]
        return np.array([x - aspect * height / 2, y - height / 2, x + aspect * height / 2, y + height / 2])

    def activate(self, number, frame):
        height = self.size[1]
        self.mean = np.concatenate([self.measured, np.zeros(4)])
        deviation = [height / 10, height / 10, 1e-2, height / 10, height / 16, height / 16, 1e-5, height / 16]
        self.covariance = np.diag(np.square(deviation))
        self.id, self.start, self.last, self.state = number, frame, frame, TRACKED
        self.confirmed = frame == 1

    def predict(self):
        if self.state != TRACKED:
            self.mean[7] = 0
        height = self.mean[3]
        motion = np.eye(8) + np.eye(8, k=4)
        deviation = [height / 20, height / 20, 1e-2, height / 20, height / 160, height / 160, 1e-5, height / 160]
        self.mean = motion @ self.mean
        self.covariance = motion @ self.covariance @ motion.T + np.diag(np.square(deviation))

    def expected(self):
        height = self.mean[3]
        noise = np.square([height / 20, height / 20, 1e-1, height / 20])
        return self.mean[:4], self.covariance[:4, :4] + np.diag(noise)

    def distance(self, other):
        """Squared Mahalanobis distance of a detection."""
        mean, covariance = self.expected()
        return (other.measured - mean) @ np.linalg.inv(covariance) @ (other.measured - mean)

    def match(self, detection, frame, *, takes_score):
        mean, covariance = self.expected()
        gain = self.covariance[:, :4] @ np.linalg.inv(covariance)
        self.mean = self.mean + gain @ (detection.measured - mean)
        self.covariance = self.covariance - gain @ covariance @ gain.T
        if len(self.look):
            self.look = 0.9 * self.look + 0.1 * detection.look
            self.look = self.look / np.linalg.norm(self.look)
        if takes_score:
            self.score = detection.score
        self.last, self.state, self.confirmed = frame, TRACKED, True


def overlap_costs(tracks, detections):
    costs = np.ones((len(tracks), len(detections)))
    for row, track in enumerate(tracks):
        for column, detection in enumerate(detections):
            a, b = track.box, detection.box
            width = min(a[2], b[2]) - max(a[0], b[0]) + 1
            height = min(a[3], b[3]) - max(a[1], b[1]) + 1
            if width > 0 and height > 0:
                areas = [(c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)]
                costs[row, column] = 1 - width * height / (sum(areas) - width * height)
    return costs


def look_costs(tracks, detections):
    costs = np.zeros((len(tracks), len(detections)))
    for row, track in enumerate(tracks):
        for column, detection in enumerate(detections):
            a, b = track.look.astype(float), detection.look.astype(float)
            cosine = max(1 - a @ b / np.sqrt((a @ a) * (b @ b)), 0)
            motion = track.distance(detection)
            costs[row, column] = np.inf if motion > 9.4877 else 0.98 * cosine + 0.02 * motion
    return costs


def solve(costs, limit):
    """Pairs, unmatched rows, unmatched columns: everybody may stay alone for half the limit."""
    rows, columns = costs.shape
    square = np.full((rows + columns, rows + columns), limit / 2)
    square[rows:, columns:] = 0
    square[:rows, :columns] = np.minimum(costs, 1e6)
    pairs = [(r, c) for r, c in zip(*linear_sum_assignment(square), strict=True) if r < rows and c < columns]
    return (
        pairs,
        [row for row in range(rows) if row not in {r for r, _ in pairs}],
        [column for column in range(columns) if column not in {c for _, c in pairs}],
    )


def pick(items, numbers):
    return [items[number] for number in numbers]


def without(items, others):
    gone = {other.id for other in others}
    return [item for item in items if item.id not in gone]


class ListedTracker:
    """`association` as in `OnlineTracker`; `update` takes its detections and returns `(N, 6)` id, xyxy, score."""

    def __init__(self, association="fairmot", frame_rate=30, score_threshold=0.4):
        self.association, self.threshold = association, score_threshold
        self.birth = score_threshold + (0 if association == "fairmot" else 0.1)
        self.buffer = int(frame_rate / 30 * 30)
        self.tracked, self.lost, self.removed, self.frame, self.next_id = [], [], [], 0, 1

    def update(self, given):
        self.frame += 1
        everything = [
            Listed(box.astype(float), score, look if self.association != "byte" else look[:0])
            for box, score, look in zip(given.boxes, given.scores, given.embeddings, strict=True)
        ]
        high = [one for one in everything if one.score > self.threshold]
        low = [one for one in everything if 0.2 < one.score < self.threshold]
        unproven = [track for track in self.tracked if not track.confirmed]
        pool = [track for track in self.tracked if track.confirmed] + self.lost
        for track in pool:
            track.predict()

        seen, newly_lost, newly_removed = [], [], []

        def stage(tracks, detections, costs, limit):
            pairs, alone, left = solve(costs(tracks, detections), limit)
            for row, column in pairs:
                again = tracks[row].state != TRACKED
                takes = not (again and self.association == "fairmot")
                tracks[row].match(detections[column], self.frame, takes_score=takes)
                seen.append(tracks[row])
            return pick(tracks, alone), pick(detections, left)

        if self.association == "byte":
            alone, left = stage(pool, high, overlap_costs, 0.8)
            alone = [track for track in alone if track.state == TRACKED]
        else:
            alone, left = stage(pool, high, look_costs, 0.4)
            alone = [track for track in alone if track.state == TRACKED]
            alone, left = stage(alone, left, overlap_costs, 0.5)
        if self.association != "fairmot":
            alone, _ = stage(alone, low, overlap_costs, 0.4)
        for track in alone:
            track.state = LOST
            newly_lost.append(track)

        alone, left = stage(unproven, left, overlap_costs, 0.7)
        for track in alone:
            track.state = REMOVED
            newly_removed.append(track)
        for detection in left:
            if detection.score >= self.birth:
                detection.activate(self.next_id, self.frame)
                self.next_id += 1
                seen.append(detection)
        for track in self.lost:
            if self.frame - track.last > self.buffer:
                track.state = REMOVED
                newly_removed.append(track)

        self.tracked = [track for track in self.tracked if track.state == TRACKED]
        self.tracked += without(seen, self.tracked)
        self.lost = without(self.lost, self.tracked) + newly_lost
        self.lost = without(self.lost, self.removed)
        self.removed += newly_removed
        self._drop_duplicates()
        rows = [[track.id, *track.box, track.score] for track in self.tracked if track.confirmed]
        return np.array(rows).reshape(-1, 6)

    def _drop_duplicates(self):
        first, second = [], []
        for row, column in np.argwhere(overlap_costs(self.tracked, self.lost) < 0.15):
            seen, lost = self.tracked[row], self.lost[column]
            (second if seen.last - seen.start > lost.last - lost.start else first).append((seen, lost))
        self.tracked = without(self.tracked, [seen for seen, _ in first])
        self.lost = without(self.lost, [lost for _, lost in second])
