"""In which order the nodes that could take over are chosen."""

from collections.abc import Container

from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.leaving import departures
from understudy.domain.observe.fitness import by_fitness


def without_these(fit: tuple[str, ...], barred: Container[str]) -> tuple[str, ...]:
    """Those that are not barred, in their order."""
    return tuple(each for each in fit if each not in barred)


def sound_of(view: ClusterView, fit: tuple[str, ...], failed: Container[str]) -> tuple[str, ...]:
    """Those of the fit nodes on which no start has failed, and that AWS is not about to take away."""
    return by_fitness(view, without_these(without_these(fit, failed), departures(view.state)))


def by_soundness(view: ClusterView, fit: tuple[str, ...], failed: Container[str]) -> tuple[str, ...]:
    """However fit a node is, it comes after those where the service is known to start and to stay."""
    sound = sound_of(view, fit, failed)
    going = by_fitness(view, without_these(without_these(fit, failed), sound))
    tried_again = without_these(fit, sound + going) if view.policy.retry_failed_start else ()
    return sound + going + by_fitness(view, tried_again)
