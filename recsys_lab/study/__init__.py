"""Study: what the notebooks ask, and how answers are judged: by what they do, in sentences that teach."""
