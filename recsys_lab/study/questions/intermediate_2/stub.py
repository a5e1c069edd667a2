class Sink:
    # adds each payment to its account once, however often it comes, whenever the power fails
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        return ...

    def balance(self, account):
        return ...
