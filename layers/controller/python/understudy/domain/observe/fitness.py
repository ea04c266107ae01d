"""Fitness: what a node's own word on its data does to its taking over.

    a number      it is fit; the higher, the fitter, compared with what the others say
    not fit       it takes nothing over, under any policy
    no word       unknown: it comes after those that say a number, and takes nothing over where a word is required

A word is as old as the newest beat, and a node that is not heard is no candidate: nobody is compared by an old one.
"""

from collections.abc import Iterable

from understudy.domain.cluster.definition import Role
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.policy import FitnessPolicy
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.serving import Said, said


def fitness_of(view: ClusterView, instance_id: str) -> Fitness | None:
    """A node's newest word on how fit it is; None where it says none."""
    report = view.state.nodes.get(instance_id)
    return report.fitness if report else None


def fitness_objection(view: ClusterView, instance_id: str) -> str:
    """Why its own word keeps a node from taking over, in words; empty when it does not.

    One that serves already takes nothing over: what it has is what clients see. Nor does a witness, and none is asked.
    """
    if _is_witness(view, instance_id):
        return ""
    fault = word_against(fitness_of(view, instance_id), view.policy.fitness)
    return fault if fault and said(view, instance_id) is not Said.SERVES else ""


def word_against(fitness: Fitness | None, policy: FitnessPolicy) -> str:
    """What speaks against a node that says this, in words; empty when nothing does."""
    if fitness is None:
        return "it does not say how fit it is, and policy.fitness.required is true" if policy.required else ""
    return "it says that it is not fit to take over" if fitness.number is None else ""


def fitness_words(view: ClusterView, instance_id: str) -> str:
    """What is to be known of how fit a member is; empty where it says nothing and need not."""
    fitness = fitness_of(view, instance_id)
    if view.definition.node(instance_id) is None or _is_witness(view, instance_id):
        return ""
    is_fit = fitness is not None and fitness.number is not None
    return f"says {fitness.number}" if is_fit and fitness else word_against(fitness, view.policy.fitness)


def _is_witness(view: ClusterView, instance_id: str) -> bool:
    node = view.definition.node(instance_id)
    return node is not None and node.role is Role.WITNESS


def says_less(view: ClusterView, instance_id: str, than: str) -> bool:
    """Whether a node says nothing of how fit it is while the other one says a number."""
    other = fitness_of(view, than)
    return fitness_of(view, instance_id) is None and other is not None and other.number is not None


def by_fitness(view: ClusterView, candidates: Iterable[str]) -> tuple[str, ...]:
    """Candidates, which come best priority first, in the order in which they are to take over.

    The first is of the best priority among those that are less fit than the fittest by no more than the margin; the
    second is chosen in the same way from the others, and so on. Those that say no number come last, by priority.
    """
    left = tuple(candidates)
    numbers = {each: word.number for each in left if (word := fitness_of(view, each)) and word.number is not None}
    ordered: list[str] = []
    while numbers:
        least = max(numbers.values()) - view.policy.fitness.margin
        chosen = next(each for each in left if each in numbers and numbers[each] >= least)
        ordered.append(chosen)
        del numbers[chosen]
    return (*ordered, *(each for each in left if each not in ordered))
