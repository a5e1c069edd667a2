class Visits:
    V2 = ...  # the second schema, a dict; the first is experiments.VISIT_V1

    def read(self, messages, schemas, version):
        return ...

    def may_follow(self, old, new):
        return ...
