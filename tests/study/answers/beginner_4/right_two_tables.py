"""Open windows in one table, told ones in another; a window moves from one to the other and then out."""


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness = size, bound, lateness
        self.open, self.kept = {}, {}
        self.highest = None
        self.late = 0

    def add(self, time):
        start = (time // self.size) * self.size
        if self.highest is not None:
            watermark = self.highest - self.bound
            if watermark >= start + self.size + self.lateness:
                self.late = self.late + 1
                return []
            if watermark >= start + self.size:
                self.kept[start] = self.kept.get(start, 0) + 1
                return [(start, self.kept[start])]
        self.open[start] = self.open.get(start, 0) + 1
        if self.highest is None or time > self.highest:
            self.highest = time
        return self._close(self.highest - self.bound)

    def _close(self, watermark):
        told = []
        for start in sorted(self.open):
            if start + self.size <= watermark:
                self.kept[start] = self.open.pop(start)
                told.append((start, self.kept[start]))
        for start in list(self.kept):
            if start + self.size + self.lateness <= watermark:
                del self.kept[start]
        return told

    def end(self):
        told = sorted(self.open.items())
        self.open, self.kept = {}, {}
        return told
