"""A late purchase is counted in the window that is open when it arrives."""

TOLD = "must be [(20, 1), (30, 1)], and yours are [(30, 2)]"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.late, self.start, self.count = size, 0, None, 0

    def add(self, time):
        start = time // self.size * self.size
        told = []
        if self.start is None:
            self.start = start
        elif start > self.start:
            told = [(self.start, self.count)]
            self.start, self.count = start, 0
        self.count += 1
        return told

    def end(self):
        return [(self.start, self.count)] if self.count else []
