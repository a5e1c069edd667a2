"""Recommenders, ranking, cache and evaluation: pure, without clock or I/O. Time is an argument.

`evaluate` is imported where it is used: it needs pandas, and an engine does not.
"""

from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.cache import RecommendationCache
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from recsys_lab.recommend.popularity import Popularity
from recsys_lab.recommend.ranking import ContextualRanker
from recsys_lab.recommend.textbook import TextbookRanking
from recsys_lab.recommend.user_neighbours import UserNeighbours

__all__ = [
    "ContextualRanker",
    "ItemNeighbours",
    "Popularity",
    "RecommendationCache",
    "Recommender",
    "TextbookRanking",
    "UserNeighbours",
]
